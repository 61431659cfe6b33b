"""Judge and draw one study: python -m medxfer.report study=DIR [report.images=true] [store.root=DIR]

Makes results.csv, verdict.json, report.html, table.tex and table.md in its folder, and prints the answer. With
report.images=true the page also shows test images that the arms disagree on: pictures of patients, so not by default.
"""

import sys
from pathlib import Path

from medxfer.analysis import answer as report
from medxfer.base.errors import MedxferError, unknown

__all__ = ["main", "report"]

SETTINGS = ("study", "report.images", "store.root")
USAGE = "usage: python -m medxfer.report study=DIR [report.images=true] [store.root=DIR]"


def main(arguments: list[str]) -> int:
    try:
        report(*_settings(arguments))
    except MedxferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _settings(arguments: list[str]) -> tuple[Path, bool, Path | None]:
    given = dict(argument.partition("=")[::2] for argument in arguments)
    for key in given:
        if key not in SETTINGS:
            raise unknown("setting", key, SETTINGS, USAGE)
    images = given.get("report.images", "false").lower()
    if not given.get("study") or images not in ("true", "false"):
        raise MedxferError(USAGE)
    root = given.get("store.root")
    return Path(given["study"]).expanduser(), images == "true", Path(root).expanduser() if root else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
