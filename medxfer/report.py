"""Judge and draw one study: python -m medxfer.report study=DIR [report.images=true] [store.root=DIR]

Makes results.csv, verdict.json, report.html, table.tex and table.md in its folder, and prints the answer. With
report.images=true the page also shows test images that the arms disagree on: pictures of patients, so not by default.
"""

import sys
from pathlib import Path

from platformdirs import user_cache_path

from medxfer.analysis.judge.results import read_study, write_results
from medxfer.analysis.judge.verdict import Verdict, judge, write_verdict
from medxfer.analysis.out.paper import write_tables
from medxfer.analysis.out.summary import print_summary
from medxfer.analysis.page.page import write_page
from medxfer.base.errors import MedxferError, unknown

SETTINGS = ("study", "report.images", "store.root")
USAGE = "usage: python -m medxfer.report study=DIR [report.images=true] [store.root=DIR]"


def report(study: Path, images: bool = False, store_root: Path | None = None) -> Verdict:
    """Make everything that can be drawn from a study's folder, and print the answer.

    Args:
        study: its folder.
        images: show test images that the arms disagree on.
        store_root: where their decoded images lie; by default the user's cache folder, as in training.

    Raises:
        MedxferError: there is no study in the folder, or a record in it cannot be read or written; with `images`,
            the decoded images are not there.
    """
    # With torch, which wrong arguments need not wait for.
    from medxfer.analysis.page.learned_tables import learned_tables
    from medxfer.analysis.page.pictures import changed_images, figure1

    records = read_study(study)
    verdict = judge(records)
    learned = learned_tables(records)
    changed = changed_images(records, store_root or user_cache_path("medxfer")) if images else []
    try:
        write_results(records)
        write_verdict(verdict, study)
        write_tables(verdict, study)
        page = write_page(records, verdict, figure1(records), changed, learned)
    except OSError as error:
        raise MedxferError(f"cannot write into {study}: {error.strerror}; make the folder writable") from error
    print_summary(records, verdict, page)
    return verdict


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
