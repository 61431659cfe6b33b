"""How a study was made: command, settings, data, weights, versions, machine, time and caveats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medxfer.analysis.judge.caveats import caveats
from medxfer.analysis.judge.chosen_epochs import chosen_epochs, of_arms
from medxfer.analysis.judge.computed import arithmetic, each_value, spent
from medxfer.analysis.judge.flow import Flow, Record, flows
from medxfer.analysis.judge.readings import flat
from medxfer.analysis.judge.results import CellRecord, StudyRecord
from medxfer.base.words import count, describe
from medxfer.study.last_epochs import often_the_last


@dataclass(frozen=True)
class Facts:
    title: str
    code: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    text: tuple[str, ...] = ()


def provenance(study: StudyRecord) -> list[Facts]:
    """The page's last section, from the records alone; parts without content are left out."""
    records = [cell.record for cell in study.done]
    data = {str(record["data"]["name"]): record["data"] for record in records}
    weights = {str(record["weights"]): record["weights"] for record in records if record.get("weights")}
    every = [cell.record for cell in study.rows if cell.status == "done"]
    minutes = sum(record["timings"].get("total_s", 0.0) for record in every) / 60
    took = f"{minutes:.1f} minutes"
    everything = [
        Facts("Command", code=study.command),
        Facts("Asked" if study.declared.table else "Declared before the first cell ran", pairs=_declared(study)),
        Facts("Caveats", text=caveats(study)),
        Facts("Withdrawn", text=tuple(f"{what}: {reason}" for what, reason in study.withdrawn)),
        Facts("Not done", text=tuple(not_done([cell], study.varied) for cell in study.unfinished)),
        *(Facts(f"Data: {flow.data}", pairs=_data(flow, data[flow.data])) for flow in flows(study)),
        *(Facts(f"Weights: {w['file']}", pairs=_weights(w)) for w in weights.values()),
        Facts("Settings shared by all cells", pairs=_pairs(flat(study.settings))),
        Facts("Chosen epochs", pairs=chosen_epochs(study), text=tuple(filter(None, [often_the_last(of_arms(study))]))),
        Facts("Arithmetic", pairs=arithmetic(every)),
        Facts("Versions", pairs=_pairs(each_value(every, "versions"))),
        Facts(
            "Machine and time",
            pairs=(
                *_pairs(each_value(every, "machine")),
                *([("training and testing, all cells", took)] if minutes else []),
                *spent(every),
            ),
        ),
    ]
    return [facts for facts in everything if facts.code or facts.pairs or facts.text]


def _declared(study: StudyRecord) -> tuple[tuple[str, str], ...]:
    """What the study declares; of a table of scores without the rules of questions that it does not ask."""
    declared, left_out = vars(study.declared), set()
    if not study.declared.table:
        left_out = {"table", "arms", "beside"}
    elif study.declared.arms:
        left_out = {"rq1", "rq2", "tuned", "looks", "budget", "table", "arms", "beside"}
    return _pairs({key: value for key, value in declared.items() if key not in left_out})


def not_done(cells: Sequence[CellRecord], varied: Sequence[str]) -> str:
    """Cells that are not done for one reason: the first, by its factors that vary in the study, and how many more."""
    more = f" and {len(cells) - 1} more" * (len(cells) > 1)
    why = f" ({cells[0].reason.rstrip('.')})" if cells[0].reason else ""
    return f"{describe(cells[0].factors, varied)}{more}: {cells[0].status}{why}"


def _data(flow: Flow, data: Record) -> tuple[tuple[str, str], ...]:
    all_folds = f" in all {flow.folds} folds" if flow.folds else ""
    sizes = [(name, flow.said(name) + all_folds * (name == "test")) for name in flow.parts]
    rejected = [(f"left out: {reason}", count(n, "file")) for reason, n in data["rejected"].items()]
    drawn = "train and val redrawn with each seed, test fixed" if data["resampled"] else "fixed for all trainings"
    if "train" not in flow.parts and not flow.folds:
        drawn = "not known: a table of scores"
    if folds := data.get("folds"):
        drawn = f"a fold for each {flow.groups}: {', '.join(flow.sites)}" if flow.sites else f"{folds} folds"
    return ("modality", data["modality"]), *sizes, ("split", drawn), *rejected, ("fingerprint", data["fingerprint"])


def _weights(weights: Record) -> tuple[tuple[str, str], ...]:
    return _pairs({key: value for key, value in weights.items() if key != "file" and value not in ([], None)})


def _pairs(values: Record) -> tuple[tuple[str, str], ...]:
    return tuple((name, _text(value)) for name, value in values.items())


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else "none" if value is None else str(value)
