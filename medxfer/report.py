"""Judge and draw one study again: results.csv, verdict.json, report.html, methods.md, table.tex, table.md.

They are in its folder. Prints the answer and where the page is.

Images from elsewhere can be asked about: data@external=… external.…=… as medxfer.train takes them (external=… is short
for the first; python -m medxfer.train --help lists the settings of data, which they take). Finished cells that have no
scores of them score them first; nothing is trained.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medxfer.base.arguments import Command, run, setting
from medxfer.base.errors import MedxferError
from medxfer.base.words import count

if TYPE_CHECKING:  # wrong arguments answer without pandas and torch
    from medxfer.analysis import Verdict


@dataclass(frozen=True)
class Settings:
    study: Path = setting("a study's folder, as medxfer.train made it", shown="DIR")
    images: bool = setting(
        "the page also shows test images, as networks see them and where arms disagree: pictures of patients",
        False,
        "report.images",
        "true",
    )
    store_root: Path | None = setting("where their decoded images lie, as in training", None, "store.root", "DIR")


EXTERNAL = ("external=", "external.", "data@external")  # how arguments begin that Hydra reads

COMMAND = Command("python -m medxfer.report", __doc__, Settings)


def report(
    study: Path, images: bool = False, store_root: Path | None = None, external: Sequence[str] = ()
) -> "Verdict":
    """`medxfer.analysis.answer`, for notebooks: judge and draw one study, and print the answer.

    Where its curves are at W&B, the answer goes there too.

    `external` are overrides that name external sets, as the command takes them; finished cells score them first.
    """
    from medxfer.grid.answered import answer_study
    from medxfer.study.folder import Study

    if external:
        score_external(study, external, store_root)
    return answer_study(Study(study), images, store_root)


def score_external(study: Path, overrides: Sequence[str], store_root: Path | None = None) -> None:
    """Score the external sets that `overrides` name with every finished cell of the study that has not scored them.

    Raises MedxferError where there is no study, or a set cannot be scored.
    """
    from medxfer.base.display import display
    from medxfer.base.overrides import override
    from medxfer.data.inspect.check import compose_config
    from medxfer.study.folder import Study
    from medxfer.study.state import read_record
    from medxfer.trained.external_scores import score_missing

    read_record(study)
    named = [f"data@{text}" if text.startswith("external=") else text for text in overrides]
    root = [] if store_root is None else [override("store.root", store_root)]
    scored = score_missing(Study(study), compose_config([*named, *root]))
    display.close()
    display.say(f"{count(scored, 'cell')} scored, without training" if scored else "every cell had scored it before")


def main(arguments: list[str]) -> int:
    from medxfer.base.overrides import config_folders

    try:
        folders, arguments = config_folders(arguments)
    except MedxferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    external = [text for text in arguments if text.lstrip("+").startswith(EXTERNAL)]

    def do(given: Settings) -> Any:
        report(given.study, given.images, given.store_root, external and [*folders, *external])

    return run(COMMAND, do, [text for text in arguments if text not in external])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
