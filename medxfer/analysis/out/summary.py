"""The answer at the terminal: the table of cells, RQ1 and RQ2, and where the page is."""

from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from medxfer.analysis.judge.results import ALWAYS_SHOWN, FACTORS, StudyRecord, results_table
from medxfer.analysis.judge.verdict import Verdict


def summary(study: StudyRecord, verdict: Verdict) -> RenderableType:
    """The table of arms (what they share stands in its title) and the two answers."""
    return Group(_table(study), *_answers(verdict))


def print_summary(study: StudyRecord, verdict: Verdict, page: Path) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(summary(study, verdict))
    console.print(Text(f"\n{page.resolve()}"))


def _table(study: StudyRecord) -> Table:
    """A row an arm of a block, its metrics averaged over the trainings that are done."""
    frame = results_table(study)
    shown = dict.fromkeys(f"test/{metric}" for metric in (study.declared.metric, *ALWAYS_SHOWN))
    metrics = [metric for metric in shown if metric in frame]
    keys = [key for key in (*FACTORS, *study.declared.tuned) if key != "seed"]
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


def _answers(verdict: Verdict) -> list[Text]:
    lines = []
    for answer in verdict.answers:
        lines.append(Text.assemble("\n", (f"{answer.question}  ", "bold"), (answer.headline, "bold")))
        lines += [Text(f"     {text}") for text in answer.text]
    lines.append(Text(f"\n{verdict.scope}", style="dim"))
    return lines + [Text(notice, style="yellow") for notice in verdict.notices]
