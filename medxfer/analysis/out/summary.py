"""The answer at the terminal: the table of cells, RQ1 and RQ2, and where the page is."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table
from rich.text import Text

from medxfer.analysis.judge.layer import score_on_test
from medxfer.analysis.judge.phrases import ALWAYS_SHOWN
from medxfer.analysis.judge.results import CellRecord, StudyRecord
from medxfer.analysis.judge.results_table import said, shared_factors
from medxfer.analysis.judge.verdict import Verdict
from medxfer.base.words import hydra_value, lower_is_better


def print_summary(study: StudyRecord, verdict: Verdict, page: Path | None, figures: Path | None = None) -> None:
    """Print the table of arms, the two answers, and where the page and the figures of a paper are, if there are any."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(study))
    for answer in verdict.answers:
        console.print(Text(f"\n{answer.question}  {answer.headline}", style="bold"))
        for text in (*answer.text, *answer.notes, *filter(None, [answer.closing]), *answer.elsewhere):
            console.print(Text(f"     {text}"))
    console.print(Text(f"\n{verdict.scope}", style="dim"))
    for notice in (*verdict.notices, *(text for one in verdict.elsewhere for text in one.notices)):
        console.print(Text(notice, style="yellow"))
    if figures is not None:
        console.print(Text(f"\nfigures: {figures.resolve()}"))
    if page is not None:  # the last that is said
        console.print(Text(f"\n{page.resolve()}"))


def _table(study: StudyRecord) -> Table:
    """A row for each arm of a block, its metrics averaged over the trainings that are done; the title says what all
    arms share. The folds of a training are one."""
    trainings, keys = study.cells, [key for key in study.keys if key != "seed"]
    shared = {key: value for key, value in shared_factors(study).items() if key in keys}
    varied = [key for key in keys if key not in shared]
    metrics = dict.fromkeys((study.declared.metric, *ALWAYS_SHOWN))
    table = Table(title=Text(said(shared)), title_justify="left", title_style="dim", box=None, pad_edge=False)
    for name in (*varied, *metrics, "trainings"):
        table.add_column(Text(name.replace("_", " ")), justify="left" if name in varied else "right", overflow="fold")
    rows: dict[tuple[str, ...], list[CellRecord]] = {}
    for one in trainings:
        rows.setdefault(tuple(str(hydra_value(one.factors.get(key))) for key in keys), []).append(one)
    for place, of_row in rows.items():
        counts = Counter(one.status for one in of_row)
        named = [level for key, level in zip(keys, place, strict=True) if key in varied]
        statuses = ", ".join(f"{n} {status}" for status, n in counts.items())
        style = "" if set(counts) == {"done"} else "red"
        table.add_row(*map(Text, named), *(_mean(of_row, metric) for metric in metrics), statuses, style=style)
    return table


def _mean(trainings: Sequence[CellRecord], metric: str) -> str:
    """The metric as it is usually written: a Brier score is not turned round."""
    sign = -1 if lower_is_better(metric) else 1
    found = [sign * score_on_test(one, metric) for one in trainings if one.status == "done"]
    known = [value for value in found if not math.isnan(value)]
    return f"{fmean(known):.3f}" if known else ""
