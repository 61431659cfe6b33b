"""Judge and draw one study again: results.csv, verdict.json, report.html, methods.md, table.tex, table.md.

They are in its folder. Prints the answer and where the page is.

Images from elsewhere can be asked about: data@external=… external.…=… as medxfer.train takes them (external=… is short
for the first; python -m medxfer.train --help lists the settings of data, which they take). Finished cells that have no
scores of them score them first; nothing is trained.

Scores that another program made are judged with the same page: scores=table.csv takes a row for each image that a
training scored, with the columns arm (or factors), seed, image, patient, label, score (docs/reuse.md). They become a
study's folder, out=, in which no id of the table stands.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medxfer.base.arguments import Command, run, setting
from medxfer.base.errors import MedxferError
from medxfer.base.kinds import STUDY, GivenFile, Number, Text, choice
from medxfer.base.words import JUDGED, count, listing

if TYPE_CHECKING:  # wrong arguments answer without pandas and torch
    from medxfer.analysis import Verdict


MARGIN = Number(0, 1, True, True, because="as a fraction, 0.01 for one point")


@dataclass(frozen=True)
class Settings:
    study: Path | None = setting("what is judged", None, shown="DIR", takes=STUDY)
    images: bool = setting(
        "the page also shows test images, as networks see them and where arms disagree: pictures of patients", False,
        "report.images", "true",
    )  # fmt: skip
    store_root: Path | None = setting(
        "where decoded images lie, as in training", None, "store.root", "DIR", takes=Text("a folder")
    )
    figures: Path | None = setting(
        "where figures of a paper (PDF, SVG), table.tex, methods.md and references.bib go too", None, shown="DIR",
        takes=Text("a folder"),
    )  # fmt: skip
    scores: Path | None = setting(
        "instead of a study: another program's scores", None, shown="FILE",
        takes=GivenFile("a table: CSV, XLSX or Parquet"),
    )  # fmt: skip
    out: Path | None = setting(
        "where its study is made; else studies/<the table's name>", None, shown="DIR", takes=Text("a folder")
    )
    compare: str = setting(
        "what is compared; else arm, or colormap and pretrained", "", takes=Text("a column of the table")
    )
    reference: str = setting(
        "what all others are compared with", "", "with", takes=Text("a value of the column that is compared")
    )
    positive: str = setting("whose probability the column score is", "", takes=Text("a label of the table"))
    metric: str = setting("what they are compared in", "auroc", takes=choice(*JUDGED))
    margin: float = setting("the smallest difference that matters", 0.01, takes=MARGIN)
    threshold: float = setting("what a score of the positive label must exceed in decisions", 0.5)


OF_SCORES = ("out", "compare", "reference", "positive", "metric", "margin", "threshold")
EXTERNAL = ("external=", "external.", "data@external")  # how arguments begin that Hydra reads

COMMAND = Command("python -m medxfer.report", __doc__, Settings, ("external",))


def report(
    study: Path,
    images: bool = False,
    store_root: Path | None = None,
    external: Sequence[str] = (),
    figures: Path | None = None,
) -> "Verdict":
    """`medxfer.analysis.answer`, for notebooks: judge and draw one study, and print the answer.

    Where its curves are at W&B, the answer goes there too.

    `figures` is a folder for those of a paper. `external` are overrides that name external sets, as the command takes
    them; finished cells score them first.
    """
    from medxfer.grid.answered import answer_study
    from medxfer.study.folder import Study

    if external:
        score_external(study, external, store_root)
    return answer_study(Study(study), images, store_root, figures)


def judge_scores(given: Settings, command: str = "") -> "Verdict":
    """Judge a table of scores: make a study's folder of it, and report that.

    Raises MedxferError where the table cannot be read, or its arms cannot be compared.
    """
    from medxfer.analysis import answer
    from medxfer.scored import Question, read_score_table, write_table_study
    from medxfer.study.identity import safe_name

    assert given.scores is not None
    folder = given.out or Path("studies") / (safe_name(given.scores.name.partition(".")[0]) or "scores")
    table = read_score_table(given.scores, given.compare, given.positive)
    asked = Question(given.reference, given.metric, given.margin, given.threshold)
    write_table_study(table, given.scores, folder, asked, command)
    if table.unread:
        print(f"columns that were not read: {', '.join(table.unread)}")
    return answer(folder, figures=given.figures)


def score_external(study: Path, overrides: Sequence[str], store_root: Path | None = None) -> None:
    """Score the external sets that `overrides` name with every finished cell of the study that has not scored them.

    Raises MedxferError where there is no study, or a set cannot be scored.
    """
    from medxfer.base.display import display
    from medxfer.base.overrides import override
    from medxfer.study.folder import Study
    from medxfer.study.state import read_record
    from medxfer.trained.external_scores import score_missing
    from medxfer.training.settings.composed import compose_config

    read_record(study)
    named = [f"data@{text}" if text.startswith("external=") else text for text in overrides]
    root = [] if store_root is None else [override("store.root", store_root)]
    scored = score_missing(Study(study), compose_config([*named, *root]))
    display.close()
    display.say(f"{count(scored, 'cell')} scored, without training" if scored else "every cell had scored it before")


def main(arguments: list[str]) -> int:
    from medxfer.base.overrides import config_options

    try:
        options, arguments = config_options(arguments)
    except MedxferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    external = [text for text in arguments if text.lstrip("+").startswith(EXTERNAL)]

    def do(given: Settings) -> Any:
        if given.scores is not None:
            if given.study or external or given.images or given.store_root:
                raise MedxferError(
                    "scores= is a table alone: leave out study=, external sets, report.images, store.root"
                )
            judge_scores(given, _command(arguments))
            return
        if given.study is None:
            raise MedxferError(f"study=DIR or scores=FILE must be given; {COMMAND.usage}")
        if other := [
            {"reference": "with"}.get(name, name)
            for name in OF_SCORES
            if getattr(given, name) != getattr(Settings, name)
        ]:
            raise MedxferError(
                f"{listing(other)} {'is' if len(other) == 1 else 'are'} of scores=: leave it out with study="
            )
        report(given.study, given.images, given.store_root, external and [*options, *external], given.figures)

    return run(COMMAND, do, [text for text in arguments if text not in external])


def _command(arguments: Sequence[str]) -> str:
    """As it stands on the page: without paths."""
    keys = [text.partition("=") for text in arguments]
    shown = [f"{key}=…" if key in ("scores", "out", "figures") else f"{key}={value}" for key, _, value in keys]
    return " ".join([COMMAND.name, *shown])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
