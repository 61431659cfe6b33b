"""A data set before its pixels are decoded: headers are kept, and a corrected reader does not serve what was kept."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dicom_files import write_dicom
from pydicom import uid

from medxfer.data.header_facts import HEADER_VERSION
from medxfer.data.sources import kept_files
from medxfer.data.sources.ct_series import CtSeries
from medxfer.data.sources.dicom_file import DicomReader
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.store.dataset import open_dataset

PIXELS = np.arange(12, dtype=np.uint16).reshape(3, 4)
ELEMENTS = {
    "Modality": "CT", "Manufacturer": "Maker", "ManufacturerModelName": "Model", "ViewPosition": "AP",
    "BurnedInAnnotation": "YES", "PatientID": "P1", "SeriesInstanceUID": "1.2.3", "BitsStored": 12, "HighBit": 11,
    "ImagePositionPatient": [1, 2, 3.5], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PresentationLUTShape": "INVERSE", "PatientAge": "006M", "PatientSex": "F",
    "StudyInstanceUID": "1.2.1", "SOPInstanceUID": "1.2.4", "SOPClassUID": uid.CTImageStorage, "AccessionNumber": "A1",
    "ImageType": ["ORIGINAL", "PRIMARY"], "BodyPartExamined": "CHEST", "SeriesDescription": "Thorax",
    "StudyDate": "20260102", "StudyTime": "101112.5",
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two CT slices with their labels."""
    (tmp_path / "in").mkdir()
    for name, instance in (("a.dcm", "1.2.4"), ("b.dcm", "1.2.5")):
        write_dicom(tmp_path / "in" / name, PIXELS, **ELEMENTS | {"SOPInstanceUID": instance})
    labels = {"path": ["a.dcm", "b.dcm"], "label": ["x", "y"]}
    pd.DataFrame(labels).to_csv(tmp_path / "in" / "labels.csv", index=False)
    return tmp_path / "in"


def test_what_this_version_of_the_header_readers_says(root: Path) -> None:
    """If this fails because a reader is corrected: raise HEADER_VERSION, and write both here."""
    header = DicomFolder(str(root), str(root / "labels.csv")).reading.header("a.dcm")
    assert (HEADER_VERSION, header._asdict()) == (
        11,
        {
            "modality": "CT", "burned_in": "yes", "syntax": "Explicit VR Little Endian", "size": "3×4",
            "photometric": "MONOCHROME2", "bits": "12", "manufacturer": "Maker", "model": "Model", "view": "AP",
            "patient": "P1", "age": 0.5, "sex": "female", "series": "1.2.3", "position": 3.5, "frames": 1,
            "caveats": ("Presentation LUT Shape contradicts Photometric Interpretation",), "gray": "uint16",
            "unreadable": "", "study": "1.2.1", "instance": "1.2.4", "accession": "A1",
            "sop_class": "CT Image Storage", "image_type": "ORIGINAL/PRIMARY", "body_part": "CHEST",
            "series_description": "Thorax", "plane": "axial", "studied": "20260102101112",
        },
    )  # fmt: skip


@pytest.mark.parametrize("kept_by", [DicomFolder, CtSeries])
def test_headers_are_read_again_by_a_corrected_reader(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_by: type
) -> None:
    def manufacturers() -> set[str]:
        if kept_by is DicomFolder:
            source = DicomFolder(str(root), str(root / "labels.csv"))
            return set(open_dataset(source, tmp_path / "cache").headers["manufacturer"])
        series = CtSeries(root=str(root), labels=str(root / "labels.csv"), cache=str(tmp_path / "cache"))
        return set(series.survey(["a.dcm", "b.dcm"])["manufacturer"])

    monkeypatch.setattr(kept_files, "SETTLED", 0)  # as if the files had been written long ago
    assert manufacturers() == {"Maker"}
    header = DicomReader.header
    monkeypatch.setattr(DicomReader, "header", lambda *of: header(*of)._replace(manufacturer="Corrected"))
    assert manufacturers() == {"Maker"}
    monkeypatch.setattr("medxfer.data.sources.source.HEADER_VERSION", HEADER_VERSION + 1)
    assert manufacturers() == {"Corrected"}
