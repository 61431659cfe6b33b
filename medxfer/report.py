"""Judge and draw one study: python -m medxfer.report study=DIR

Makes results.csv, verdict.json, report.html, table.tex and table.md in its folder, and prints the answer.
"""

import csv
import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medxfer.analysis.page import Picture, write_page
from medxfer.analysis.paper import write_tables
from medxfer.analysis.results import StudyRecord, read_study, write_results
from medxfer.analysis.summary import print_summary
from medxfer.analysis.verdict import Verdict, judge, write_verdict
from medxfer.errors import MedxferError

USAGE = "usage: python -m medxfer.report study=DIR"
PICTURED = 4  # colormaps in Figure 1 besides none
PHANTOM_SIZE = 320  # px


def report(study: Path) -> Verdict:
    """Make everything that can be drawn from a study's folder, and print the answer.

    Raises:
        MedxferError: there is no study in the folder, or a record in it cannot be read or written.
    """
    records = read_study(study)
    verdict = judge(records)
    try:
        write_results(records)
        write_verdict(verdict, study)
        write_tables(verdict, study)
        page = write_page(records, verdict, figure1(records))
    except OSError as error:
        raise MedxferError(f"cannot write into {study}: {error.strerror}; make the folder writable") from error
    print_summary(records, verdict, page)
    return verdict


def figure1(study: StudyRecord) -> Picture:
    """Figure 1 with the study's own colormaps, on a CT and a DX phantom: never a patient."""
    from medxfer.analysis.figure1 import draw_figure1  # with torch, which only this needs
    from medxfer.color import parse_colormap

    names = ["none"]
    for name in dict.fromkeys(cell.factors["colormap"] for cell in study.cells):
        try:
            parse_colormap(name)
        except MedxferError:
            continue  # its cells are recorded as failed
        if name not in names and len(names) <= PICTURED:
            names.append(name)
    file = io.BytesIO()
    figure = draw_figure1(_phantom("CT"), _phantom("DX"), names)
    figure.savefig(file, format="webp", dpi=120, bbox_inches="tight", pil_kwargs={"quality": 85})
    return Picture("image/webp", file.getvalue(), tuple(names))


def _phantom(modality: Literal["CT", "DX"]) -> NDArray[np.float32]:
    """HU or display gray of a phantom with a lesion."""
    from medxfer.data.dicom import read_gray
    from medxfer.data.phantom import write_phantoms

    with TemporaryDirectory() as folder:
        root = write_phantoms(Path(folder) / modality, modality, 2, 1, size=PHANTOM_SIZE, workers=1)
        with (root / "labels.csv").open(newline="") as labels:
            name = next(row["path"] for row in csv.DictReader(labels) if row["label"] == "lesion")
        return read_gray(root / name, window=None if modality == "CT" else "auto")


def main(arguments: list[str]) -> int:
    match arguments:
        case [argument] if argument.startswith("study=") and argument != "study=":
            folder = Path(argument.removeprefix("study=")).expanduser()
        case _:
            print(USAGE, file=sys.stderr)
            return 1
    try:
        report(folder)
    except MedxferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
