"""data=rsna_ich: the RSNA Intracranial Hemorrhage Detection challenge (Flanders et al., Radiol Artif Intell
2:e190211, 2020)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.base.window import CT_WINDOW, Window
from medxfer.data.dicom import DicomFile, open_dicom, silence
from medxfer.data.sources.dicom_folder import read_dicom
from medxfer.data.sources.headers import HeaderIndexed
from medxfer.data.sources.releases.release import Release, files_under
from medxfer.data.sources.source import Index

LABELS, FOLDER = "stage_2_train.csv", "stage_2_train"
SUBTYPES = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")
WRAP = 4096  # of 12 bits


def read_ich(path: Path, hounsfield: bool, frame: int = 0) -> NDArray[np.float32]:
    """As `read_dicom`, with what was wrapped put right."""
    with silence(), open_dicom(path) as dicom:
        if _is_wrapped(dicom):
            return _unwrapped(dicom, hounsfield)
    return read_dicom(path, hounsfield, frame)


class RsnaIch(HeaderIndexed, Release):
    """`label` is all (the six columns of the challenge), one of them, or a list. Patients are the headers' PatientID.

    Some files store HU modulo 4096 in 12 unsigned bits, with an intercept that leaves out the −1024 of the others;
    they are unwrapped. ID_6431af929 is truncated in the release itself, and is refused like any other such file.
    """

    obtain = f"{FOLDER} and {LABELS} from kaggle.com/c/rsna-intracranial-hemorrhage-detection"
    tables = (LABELS,)
    dicom_reader = staticmethod(read_ich)

    def __init__(self, root: str, label: str | list[str], cache: str) -> None:
        super().__init__(root, label)
        self.cache = Path(cache)

    def index(self) -> Index:
        rows = self.table([LABELS], ["ID", "Label"]).drop_duplicates()  # some images stand there twice
        parts = rows["ID"].str.rsplit("_", n=1)
        try:
            table = pd.DataFrame(
                {"image": parts.str[0], "finding": parts.str[1], "label": rows["Label"].astype(float)}
            ).pivot(index="image", columns="finding", values="label")
            findings = table[self.findings(SUBTYPES)].reset_index(drop=True)
        except (ValueError, KeyError) as error:
            raise MedxferError(
                f"{self.root / LABELS}: not one label for each image and subtype, as ID_<image>_<subtype>; "
                "download it again"
            ) from error
        files = files_under(self.root, FOLDER)
        images = pd.DataFrame({"name": table.index, "file": [files.get(f"{image}.dcm", "") for image in table.index]})
        headers = self.survey([file for file in images["file"] if file])
        patients = images["file"].map(headers["patient"])
        # What has no readable header is refused later, and until then is of nobody.
        images["patient"] = patients.where(patients.fillna("") != "", images["name"])
        return self.assemble(images.assign(split=""), findings)

    def pictures(self, file: str, hounsfield: bool) -> Iterator[NDArray[np.float32]]:
        yield read_ich(self.root / file, hounsfield)


def _is_wrapped(dicom: DicomFile) -> bool:
    intercept = dicom.header.number("RescaleIntercept")
    return dicom.format.bits_stored == 12 and not dicom.format.signed and (intercept or 0) > -100


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
