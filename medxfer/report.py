"""Judge and draw one study again: results.csv, verdict.json, report.html, methods.md, table.tex, table.md.

They are in its folder. Prints the answer and where the page is.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medxfer.base.arguments import Command, run, setting

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


COMMAND = Command("python -m medxfer.report", __doc__, Settings)


def report(study: Path, images: bool = False, store_root: Path | None = None) -> "Verdict":
    """`medxfer.analysis.answer`, for notebooks: judge and draw one study, and print the answer."""
    from medxfer.analysis import answer

    return answer(study, images, store_root)


def main(arguments: list[str]) -> int:
    def do(given: Settings) -> Any:
        report(given.study, given.images, given.store_root)

    return run(COMMAND, do, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
