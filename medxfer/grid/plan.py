"""plan=true: what a grid would train, how long that takes, and what it could find. Nothing is trained or written."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from omegaconf import DictConfig
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from medxfer.analysis import (
    ALIKE,
    DISAGREEMENT,
    POWER,
    SEEDS,
    Arm,
    Detectable,
    Planned,
    StudyRecord,
    detectable,
    margin_points,
    metric_name,
    points,
    read_study,
)
from medxfer.base.display import console, display
from medxfer.base.errors import MedxferError
from medxfer.base.words import FEWEST_SEEDS, arm_name, count, duration, listing, size
from medxfer.data.inspect.few_patients import advice_of_folds, few_patients
from medxfer.data.split import part_sizes
from medxfer.grid.design_table import design_table
from medxfer.grid.introduction import about_recipe
from medxfer.grid.jobs import Job
from medxfer.grid.look_plan import look_plan, until_looks
from medxfer.grid.matrix import caption, matrix
from medxfer.grid.pace import Pace, measure
from medxfer.grid.side_by_side import side_by_side
from medxfer.study.declared import Declared, declaration, read_declared
from medxfer.study.folder import Study
from medxfer.study.identity import FOLD, shared_settings
from medxfer.study.state import as_needed, read_state
from medxfer.study.unplanned import unplanned
from medxfer.training.settled_cell import Settled

SAME_SIZE = ("colormap", "pretrained", "seed", FOLD)  # factors that a cell's duration does not depend on
ASSUMED = (
    f"assuming that two arms judge {DISAGREEMENT:.0%} of patients differently, half of them whatever the seed, and "
    f"that seeds move a difference by {points(SEEDS, signed=False)} points (standard deviation)"
)


def print_plan(jobs: Sequence[Job], settled: Sequence[Settled], devices: int = 1) -> None:
    """Print the plan of every study that the jobs belong to; cells could be spread over so many `devices`."""
    cells = list(zip(jobs, settled, strict=True))
    for study in dict.fromkeys(one.cell.study for _, one in cells):
        _show_study(study, [(job, one) for job, one in cells if one.cell.study == study], devices)


def _show_study(study: Study, cells: Sequence[tuple[Job, Settled]], devices: int) -> None:
    metric = declaration(cells[0][0].base)["metric"]
    declared = read_declared(study.folder / "study.json", declaration(cells[0][0].base))
    known = _finished(study)
    looks = look_plan(study, [one.cell for _, one in cells], cells[0][0].base)
    states = [as_needed(read_state(one.cell.folder, one.cell.factors, metric), looks.needless) for _, one in cells]
    missing = [pair for pair, state in zip(cells, states, strict=True) if state.status not in ("done", "not needed")]
    done = sum(state.status == "done" for state in states)
    number = f"{count(len(cells), 'cell')}{_in_trainings([one for _, one in cells])}"
    console.print(f"\n[bold]{study.name}[/]: {number}, {done} done")
    console.print(f"[dim]{about_recipe(shared_settings(cells[0][0].base), [one.cell.factors for _, one in cells])}[/]")
    console.print(matrix(states, rows=40, columns=max(3, (console.width - 50) // 7)))
    if done:
        console.print(f"[dim]{caption(metric)}[/]")
    console.print(_splits([one for _, one in cells]))
    paces = _paces(missing)
    console.print(_cost(missing, paces))
    if (text := side_by_side(missing, paces, devices)) is not None:
        console.print(escape(text))
    seconds = {one.cell.name: pace.seconds for (_, one), pace in zip(missing, paces, strict=True)}
    for text in until_looks(looks, seconds):
        console.print(escape(text))
    for text in _power(cells, declared, known):
        console.print(escape(text))
    if (table := _designs(cells, declared, known, paces)) is not None:
        console.print(table)
    for text in _minima(cells, known):
        console.print(escape(text))
    before = study.planned if (study.folder / "study.json").is_file() else {}
    for text in unplanned(declared, [*before.values(), *(one.cell.factors for _, one in cells)]):
        console.print(f"[yellow]{escape(text)}[/]")
    console.print("\n[dim]nothing was trained; the same command without plan=true trains[/]")


def _splits(cells: Sequence[Settled]) -> Table:
    """Images and patients of each data set's parts; with folds, of each fold of the first seed."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("images (patients)", "train", "val", "test"):
        table.add_column(name)
    kinds: dict[tuple[Any, ...], Settled] = {}
    for one in cells:
        kinds.setdefault(tuple(one.cell.factors.get(key) for key in ("data", "train_fraction", FOLD)), one)
    for one in kinds.values():
        sizes = part_sizes(one.parts, one.store.images["patient"].to_numpy())
        fraction = one.cell.factors["train_fraction"]
        table.add_row(
            one.cell.factors["data"] + (f", {fraction:.0%} of training" if fraction < 1 else "") + _fold_name(one),
            *(f"{sizes['images'][part]:,} ({sizes['patients'][part]:,})" for part in ("train", "val", "test")),
        )
    return table


def _fold_name(one: Settled) -> str:
    fold = one.cell.factors.get(FOLD)
    return "" if fold is None else f", {one.split.fold_name(fold)}"


def _in_trainings(cells: Sequence[Settled]) -> str:
    """ " (4 trainings of 5 folds)"; empty where no cell has a fold."""
    folds = sorted({one.split.folds for one in cells if one.split.folds})
    whole = {tuple((key, str(v)) for key, v in one.cell.factors.items() if key != FOLD) for one in cells}
    return f" ({count(len(whole), 'training')} of {listing(folds, 'or')} folds)" if folds else ""


def _paces(missing: Sequence[tuple[Job, Settled]]) -> list[Pace]:
    """Of each missing cell, from a few steps of a cell of each size."""
    paces: dict[tuple[Any, ...], Pace] = {}
    kinds = [tuple(v for key, v in one.cell.factors.items() if key not in SAME_SIZE) for _, one in missing]
    for number, ((job, one), kind) in enumerate(zip(missing, kinds, strict=True), start=1):
        display.step("measuring steps", number, len(missing))
        if kind not in paces:
            paces[kind] = measure(one.prepared(job.config()))
    display.close()
    return [paces[kind] for kind in kinds]


def _cost(missing: Sequence[tuple[Job, Settled]], paces: Sequence[Pace]) -> str:
    """Hours and disk for what is missing."""
    if not missing:
        return "everything that is needed is done"
    seconds = sum(pace.seconds for pace in paces)
    disk = sum(pace.bytes for pace in paces) + max(pace.running for pace in paces)
    return (
        f"{count(len(missing), 'cell')} to train: about {duration(seconds)} one after another on this machine "
        f"({duration(seconds / len(missing))} a cell), about {size(disk)} of disk{_faster(missing[0][0].base)}"
    )


def _faster(config: DictConfig) -> str:
    """What the measured steps leave out."""
    if config.compute != "float32":
        return f"; measured in float32, compute={config.compute} is at least as fast"
    return "; measured without cached features" if config.finetune == "head" else ""


def _power(cells: Sequence[tuple[Job, Settled]], declared: Declared, known: StudyRecord | None) -> list[str]:
    """What the grid could find, in sentences."""
    judged = _judged(cells, declared)
    apart = ("seed", FOLD, *declared.budgeted, *declared.tuned)  # what makes no block
    arms = [((f["colormap"], f["pretrained"]), f, one) for f, one in judged]
    planned = _planned(arms, ("colormap", "pretrained", *apart), declared.metric)
    compared = {}
    for comparison in declared.comparisons:
        levels, factor = comparison.levels([f for f, _ in judged]), comparison.factor
        if len(levels) > 1 and levels[0] == comparison.reference:
            taken = [((f[factor], True), f, one) for f, one in judged if comparison.takes(f)]
            compared[comparison.name] = replace(
                _planned(taken, (factor, *apart), declared.metric), alike=factor in ALIKE
            )
    found = detectable(planned, declared.rules, declared.margin, declared.level, known, compared)
    said = [_sentence(one, compared.get(one.question, planned), declared) for one in found]
    return said or ["The grid answers none of the declared questions."]


def _judged(cells: Sequence[tuple[Job, Settled]], declared: Declared) -> list[tuple[Mapping[str, Any], Settled]]:
    """The factors and cells that answer: at the largest training fraction, of several budgets at the longest."""
    found: list[tuple[Mapping[str, Any], Settled]] = [(one.cell.factors, one) for _, one in cells]
    for key in ("train_fraction", *declared.budgeted):
        most = max(f[key] for f, _ in found)
        found = [(f, one) for f, one in found if f[key] == most]
    return found


def _planned(cells: Sequence[tuple[Arm, Mapping[str, Any], Settled]], apart: Sequence[str], metric: str) -> Planned:
    """What the smallest difference between arms depends on; all factors but those in `apart` make blocks."""
    arms = list(dict.fromkeys(arm for arm, _, _ in cells))
    blocks = {tuple(v for key, v in f.items() if key not in apart) for _, f, _ in cells}
    patients = {f["data"]: one.store.images["patient"][one.split.parts() == "test"].nunique() for _, f, one in cells}
    seeds = [len({f["seed"] for other, f, _ in cells if other == arm}) for arm in arms]
    folds = min((one.split.folds or 1 for _, _, one in cells), default=1)
    return Planned(arms, min(seeds), patients, max(1, len(blocks) // len(patients)), folds=folds, metric=metric)


def _designs(
    cells: Sequence[tuple[Job, Settled]], declared: Declared, known: StudyRecord | None, paces: Sequence[Pace]
) -> RenderableType | None:
    """Ways to divide the patients at equal cost."""
    arms = [((f["colormap"], f["pretrained"]), f, one) for f, one in _judged(cells, declared)]
    apart = ("colormap", "pretrained", "seed", FOLD, *declared.budgeted, *declared.tuned)
    planned = _planned(arms, apart, declared.metric)
    splits = {str(one.cell.factors["data"]): one.split for _, one in cells}
    seconds = median(pace.seconds for pace in paces) if paces else None
    return design_table(planned, declared, known, splits, seconds, ASSUMED)


def _minima(cells: Sequence[tuple[Job, Settled]], known: StudyRecord | None) -> Iterator[str]:
    """Of each data set, what has too few seeds or test patients to be judged, and what to change."""
    first = {one.cell.factors["data"]: one for _, one in cells}
    asked = [one.cell.factors for _, one in cells]
    everything = [*asked, *(cell.factors for cell in known.cells if cell.status == "done")] if known else asked
    for data, one in first.items():
        arms = dict.fromkeys((f["colormap"], f["pretrained"]) for f in asked if f["data"] == data)
        seeds = {
            arm: {f["seed"] for f in everything if (f["data"], f["colormap"], f["pretrained"]) == (data, *arm)}
            for arm in arms
        }
        if few := [arm_name(arm) for arm in arms if len(seeds[arm]) < FEWEST_SEEDS]:
            which = "each arm" if len(few) == len(arms) else listing(few)
            yield (
                f"{data}: 1 seed of {which}: the report will describe and not judge, because it takes {FEWEST_SEEDS} "
                "seeds of each arm; give more, such as seed=0,1,2,3,4."
            )
        parts = one.split.parts()
        for note in (few_patients(one.split, parts), advice_of_folds(one.split, parts)):
            if note:
                yield f"{data}: {note}."


def _finished(study: Study) -> StudyRecord | None:
    try:
        return read_study(study.folder)
    except MedxferError:  # nothing there yet
        return None


def _sentence(one: Detectable, planned: Planned, declared: Declared) -> str:
    if one.difference is None:
        return (
            f"{one.question}: one training an arm cannot tell how trainings differ; give at least five, seed=0,1,2,3,4."
        )
    basis = "by the trainings that are finished" if one.measured else ASSUMED
    tested = count(sum(planned.patients.values()), "test patient")
    metric, found = metric_name(declared.metric), f"would be found with {POWER:.0%} probability, {basis}"
    what = f"a true difference in {metric} of {points(one.difference, signed=False)} points or more"
    if math.isinf(one.difference):
        what = f"no difference that {metric} can have"
    text = f"{one.question}: with {count(planned.trainings, 'training')} an arm and {tested}, {what} {found}."
    margin = margin_points(declared.margin)
    if one.difference <= declared.margin:
        return f"{text} That is within the margin of {margin}."
    ways = [
        count(more, f"more {noun}")
        for more, noun in ((one.more_trainings, "training"), (one.more_patients, "test patient"))
        if more is not None
    ]
    reach = f"it takes {' an arm or '.join(ways)}" if ways else "neither more trainings nor more patients alone do"
    return f"{text} To find the margin of {margin}, {reach}."
