"""data=rsna_ich: the RSNA Intracranial Hemorrhage Detection challenge (Flanders et al., Radiol Artif Intell
2:e190211, 2020)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.window import CT_WINDOW, Window
from medxfer.data.dicom import DicomFile, open_dicom, silence
from medxfer.data.sources.dicom_file import DicomReader
from medxfer.data.sources.releases.release import Release
from medxfer.data.sources.source import HeaderIndexed, Index

LABELS, FOLDER = "stage_2_train.csv", "stage_2_train"
SUBTYPES = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")
WRAP = 4096  # of 12 bits


class IchReader(DicomReader):
    """Mends files that store HU modulo 4096 in 12 unsigned bits, with an intercept that leaves out the −1024 of the
    others."""

    def pictures(self, path: Path, hounsfield: bool) -> Iterator[NDArray[np.float32]]:
        with silence(), open_dicom(path) as dicom:
            mended = _unwrapped(dicom, hounsfield) if _is_wrapped(dicom) else None
        if mended is None:
            yield from super().pictures(path, hounsfield)
        else:
            yield mended


class RsnaIch(HeaderIndexed, Release):
    """`label` is all (the six columns of the challenge), one of them, or a list. Patients are the headers' PatientID.

    ID_6431af929 is truncated in the release itself, and is refused like any other such file.
    """

    obtain = f"{FOLDER} and {LABELS} from kaggle.com/c/rsna-intracranial-hemorrhage-detection"
    reader = IchReader()

    def index(self) -> Index:
        chosen = self.findings(SUBTYPES)
        rows = self.table([LABELS], ["ID", "Label"]).drop_duplicates()  # the release has some images twice
        rows[["image", "finding"]] = rows["ID"].str.rsplit("_", n=1, expand=True)
        try:
            findings = rows.pivot(index="image", columns="finding", values="Label")[chosen]
        except (ValueError, KeyError) as error:
            raise self.wrong(
                f"{LABELS} has not one label for each image and subtype, as ID_<image>_<subtype>"
            ) from error
        names = findings.index.to_series()
        files = self.locate(names + ".dcm", FOLDER)
        headers = self.survey(list(files[files != ""]))
        patients = files.map(headers["patient"]).fillna("")
        # A file without a readable header is refused later; until then it is a patient of its own.
        images = pd.DataFrame({"name": names, "file": files, "patient": patients.where(patients != "", names)})
        return replace(self.assemble(images.assign(split=""), findings), headers=headers)


def _is_wrapped(dicom: DicomFile) -> bool:
    intercept = dicom.header.number("RescaleIntercept")
    return dicom.format.bits_stored == 12 and not dicom.format.pixel_representation and (intercept or 0) > -100


def _unwrapped(dicom: DicomFile, hounsfield: bool) -> NDArray[np.float32]:
    """HU, or these through the file's own window, padding black."""
    stored = dicom.stored(0)
    hu = ((stored.astype(np.int32) + 1000) % WRAP - 1000).astype(np.float32)
    padding = stored == dicom.header.number("PixelPaddingValue")
    if hounsfield:
        hu[padding] = hu[~padding].min(initial=WRAP) if not padding.all() else 0
        return hu
    center, width = dicom.header.number("WindowCenter"), dicom.header.number("WindowWidth")
    window = CT_WINDOW if center is None or width is None or width < 1 else Window(center, width)
    return np.where(padding, 0, window.gray(hu)).astype(np.float32)
