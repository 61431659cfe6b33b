"""The answer at the terminal: the table of cells, RQ1 and RQ2, and where the page is."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from medxfer.analysis.judge.layer import score_on_test
from medxfer.analysis.judge.phrases import ALWAYS_SHOWN
from medxfer.analysis.judge.results import CellRecord, StudyRecord, columns, results_table
from medxfer.analysis.judge.verdict import Verdict
from medxfer.base.words import lower_is_better


def print_summary(study: StudyRecord, verdict: Verdict, page: Path) -> None:
    """Print the table of arms, the two answers and the page's path."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(study))
    for answer in verdict.answers:
        console.print(Text(f"\n{answer.question}  {answer.headline}", style="bold"))
        for text in (*answer.text, *answer.notes, *filter(None, [answer.closing]), *answer.elsewhere):
            console.print(Text(f"     {text}"))
    console.print(Text(f"\n{verdict.scope}", style="dim"))
    for notice in (*verdict.notices, *(text for one in verdict.elsewhere for text in one.notices)):
        console.print(Text(notice, style="yellow"))
    console.print(Text(f"\n{page.resolve()}"))


def _table(study: StudyRecord) -> Table:
    """A row for each arm of a block, its metrics averaged over the trainings that are done; the title says what all
    arms share."""
    frame = _of_trainings(study) if study.divided else results_table(study)
    shown = dict.fromkeys(f"test/{metric}" for metric in (study.declared.metric, *ALWAYS_SHOWN))
    metrics = [metric for metric in shown if metric in frame]
    keys = [key for key in study.keys if key != "seed"]
    varied = [key for key in keys if frame[key].nunique() > 1]
    shared = [f"{key}={frame[key].iloc[0]}" for key in keys if key not in varied]
    table = Table(title=Text(", ".join(shared)), title_justify="left", title_style="dim", box=None, pad_edge=False)
    for name in (*varied, *(metric.removeprefix("test/") for metric in metrics), "trainings"):
        table.add_column(Text(name.replace("_", " ")), justify="left" if name in varied else "right", overflow="fold")
    for _, rows in frame.groupby(keys, sort=False):
        means = [f"{mean:.3f}" if mean == mean else "" for mean in rows[metrics].mean()]
        counts = rows["status"].value_counts()
        trainings = ", ".join(f"{n} {status}" for status, n in counts.items())
        style = "" if set(counts.index) == {"done"} else "red"
        table.add_row(*(Text(str(rows[key].iloc[0])) for key in varied), *means, trainings, style=style)
    return table


def _of_trainings(study: StudyRecord) -> pd.DataFrame:
    """As `results_table`, with a row for each training, in the metrics that the answers take (within folds)."""
    shown = {name: value for name, value in columns(study).items() if name in (*study.keys, "status")}
    metrics = dict.fromkeys((study.declared.metric, *ALWAYS_SHOWN))
    return pd.DataFrame(
        [
            {name: value(cell) for name, value in shown.items()}
            | {f"test/{metric}": _reached(cell, metric) for metric in metrics}
            for cell in study.cells
        ]
    )


def _reached(training: CellRecord, metric: str) -> float:
    if training.status != "done":
        return float("nan")
    score = score_on_test(training, metric)
    return -score if lower_is_better(metric) else score
