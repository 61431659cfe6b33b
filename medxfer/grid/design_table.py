"""plan=true: ways to divide the patients at equal cost, with the interval to expect of each."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from medxfer.analysis import Designs, Planned, StudyRecord, compare_designs, metric_name, points
from medxfer.base.words import duration
from medxfer.data.inspect.few_patients import advised_folds, can_have_folds, most_folds
from medxfer.data.split import Split
from medxfer.study.declared import Declared

NUMBERS = (5, 10)  # of folds


def design_table(
    planned: Planned,
    declared: Declared,
    done: StudyRecord | None,
    splits: Mapping[str, Split],
    seconds: float | None,
    assumed: str,
) -> RenderableType | None:
    """The table; None where folds are neither asked for nor recommended, or another division answers another question.

    `splits` is by data set, `seconds` a cell's, and `assumed` what the widths are based on before trainings are done.
    """
    each = splits.values()
    if any(split.sites or not can_have_folds(split) for split in each):
        return None
    if not any(split.folds or advised_folds(split) for split in each):
        return None
    everyone = {data: split.images["patient"].nunique() for data, split in splits.items()}
    one_split = {data: _tested_by_one_split(split) for data, split in splits.items()}
    numbers = [number for number in NUMBERS if number <= min(most_folds(split) for split in each)]
    found = compare_designs(planned, declared.rules, declared.level, done, one_split, everyone, numbers)
    if not found or not numbers:
        return None
    basis = "by the trainings that are finished" if all(one.measured for one in found) else assumed
    text = f"± is half of the interval to expect, in points of {metric_name(declared.metric)}, {basis}"
    table = _table(found, len(planned.arms) * planned.combinations * len(splits), seconds)
    return Group(table, Text(text, "dim"))


def _tested_by_one_split(split: Split) -> int:
    patients = split.images["patient"]
    if split.folds is None:
        return int(patients[split.parts() == "test"].nunique())
    return max(round(split.settings.test * patients.nunique()), 1)


def _table(found: Sequence[Designs], arms: int, seconds: float | None) -> Table:
    """A row a design; `arms` counts them on every data set and block."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("at equal cost", no_wrap=True)  # what one has to write is never cut off
    for name in ("seeds an arm", "patients tested", "time", *(one.question for one in found)):
        table.add_column(name)
    for ways in zip(*(one.designs for one in found), strict=True):
        way = ways[0]
        widths = [
            "describes only" if one.half_width is None else f"± {points(one.half_width, signed=False)}" for one in ways
        ]
        table.add_row(
            "one split" if way.folds == 1 else f"data.split.folds={way.folds}",
            str(way.seeds),
            f"{way.patients:,}",
            "" if seconds is None else duration(seconds * way.cells * arms),
            *widths,
        )
    return table
