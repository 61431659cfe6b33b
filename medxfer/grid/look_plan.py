"""plan=true with declared looks: what would be trained before each of them, and how long that takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from medxfer.base.words import count, duration
from medxfer.study.cell import Cell
from medxfer.study.declared import declaration
from medxfer.study.folder import Study
from medxfer.study.identity import FOLD, Json
from medxfer.study.plan_record import planned_cells
from medxfer.study.stopping import add_to_stopped, declared_looks, fewest_seeds, look_cells, not_needed


@dataclass(frozen=True)
class LookPlan:
    """What the study's record would hold once the command has entered its cells."""

    record: Json
    planned: Mapping[str, Mapping[str, Any]]
    needless: frozenset[str]  # names of this command's cells that no look needs and that are not done


def look_plan(study: Study, cells: Sequence[Cell], config: DictConfig) -> LookPlan:
    """Of a command that asks for `cells`; nothing is written."""
    exists = (study.folder / "study.json").is_file()
    record: Json = study.record if exists else {"declared": declaration(config), "planned": {}}
    asked = {cell.name: cell.factors for cell in cells}
    before = planned_cells(record)
    add_to_stopped(record, before, asked)
    planned = {**before, **asked}
    needless = {name for name in not_needed(record, planned) & asked.keys() if not study.has_result(name)}
    return LookPlan(record, planned, frozenset(needless))


def until_looks(plan: LookPlan, seconds: Mapping[str, float]) -> list[str]:
    """What is trained before each declared look, in sentences; `seconds` of the cells that are to train, by name."""
    looks, said = declared_looks(plan.record), []
    what = "cell" if any(FOLD in factors for factors in plan.planned.values()) else "training"
    if stop := plan.record.get("stopped"):
        said.append(f"The study stopped at the look at {count(stop['seeds'], 'seed')}: {stop['reason']}")
    for look in [] if stop else looks:
        within = seconds.keys() & look_cells(plan.planned, look)
        seeds, name = fewest_seeds(plan.planned), "At the last look" if look == looks[-1] else "At the look"
        short = "" if seeds >= look else f" (not taken with the {count(seeds, 'seed')} that are planned)"
        hours = duration(sum(seconds[name] for name in within))
        said.append(f"{name}, at {look} seeds{short}: {count(len(within), what)} from now, about {hours}.")
    if beyond := len(plan.needless):
        said.append(f"{count(beyond, 'cell')} beyond {'is' if beyond == 1 else 'are'} not trained.")
    return said
