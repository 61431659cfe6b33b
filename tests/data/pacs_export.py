"""A folder as a PACS exports it, in small: what hospitals have beside the images that they mean."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dicom_files import dicom_dataset, save
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet

AXIAL = [1, 0, 0, 0, 1, 0]
ROOT_UID = "1.2.826.0.1.3680043.8.498.7"
LABELS = ("unauffällig", "Blutung")


@dataclass(frozen=True)
class PacsExport:
    root: Path
    labels: Path  # a spreadsheet's CSV, with semicolons: AccessionNumber;Befund
    patients: int
    slices: int  # of each CT series

    @property
    def images(self) -> int:
        """Axial slices, each once: a series a patient."""
        return self.patients * self.slices

    @property
    def files(self) -> int:
        """All files below root, links followed: slices, localizer, SR, SEG and scout of each, a copy, and DICOMDIR."""
        return self.patients * (self.slices + 4) + 2


def pacs_export(folder: Path, patients: int = 12, slices: int = 3, size: int = 32) -> PacsExport:
    """`folder`/export: patient, study, series, and files named by their UIDs, half of them with .IMA; the last patient
    lies elsewhere and is linked; DICOMDIR; a broken link, and a link that leads up.

    Each patient has one study with a CT series of `slices`, a localizer, a dose report (SR), a segmentation (SEG,
    1 bit) and a scout as derived secondary capture. One slice of the first patient is there
    twice. Blood is brighter, more or less.
    """
    root, elsewhere = folder / "export", folder / "archive"
    rows = ["AccessionNumber;Befund;Datum"]
    rng = np.random.default_rng(0)
    for number in range(patients):
        label = number % 2
        person = {
            "PatientID": f"PAT{number:03}", "PatientName": f"Müller^Anna {number}",
            "StudyInstanceUID": f"{ROOT_UID}.{number}", "AccessionNumber": f"ACC{number:04}",
            "StudyDate": f"2026{number % 12 + 1:02}01", "StudyTime": "101500", "SpecificCharacterSet": "ISO_IR 100",
        }  # fmt: skip
        place = (root if number < patients - 1 else elsewhere) / f"PAT{number:03}" / person["StudyInstanceUID"]
        _write_study(place, person, slices, size, label, rng, ".IMA" if number % 2 else "")
        rows.append(f"{person['AccessionNumber']};{LABELS[label]};{person['StudyDate']}")
    (root / f"PAT{patients - 1:03}").symlink_to(elsewhere / f"PAT{patients - 1:03}")
    (root / "PAT000" / "gone").symlink_to(folder / "nowhere")
    (root / "PAT000" / "up").symlink_to(root)
    first = min((root / "PAT000" / f"{ROOT_UID}.0" / f"{ROOT_UID}.0.1").iterdir())
    (root / "PAT000" / "again").write_bytes(first.read_bytes())
    _write_directory(root, first)
    labels = folder / "befunde.csv"
    labels.write_text("\r\n".join(rows) + "\r\n", encoding="utf-8-sig")
    return PacsExport(root, labels, patients, slices)


def _write_study(
    place: Path, person: dict[str, str], slices: int, size: int, label: int, rng: np.random.Generator, suffix: str
) -> None:
    study = person["StudyInstanceUID"]

    def write(series: int, number: int, dataset: Dataset) -> None:
        for keyword, value in person.items():
            setattr(dataset, keyword, value)
        dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = "1", series, number
        dataset.SeriesInstanceUID = f"{study}.{series}"
        dataset.SOPInstanceUID = f"{study}.{series}.{number}"
        path = place / dataset.SeriesInstanceUID / f"{dataset.SOPInstanceUID}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path, dataset)

    ct = {
        "SOPClassUID": uid.CTImageStorage, "Modality": "CT", "RescaleIntercept": -1024, "RescaleSlope": 1,
        "BodyPartExamined": "HEAD", "Manufacturer": "ACME", "BitsStored": 12, "HighBit": 11,
    }  # fmt: skip
    for number in range(slices):
        head = rng.normal(1050 + 20 * label + rng.normal(0, 25), 10, (size, size)).clip(0, 4095).astype(np.uint16)
        head[: size // 4] = 24  # air
        axial = {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "SeriesDescription": "Schädel nativ"}
        where = {"ImagePositionPatient": [0, 0, 5 * number], "ImageOrientationPatient": AXIAL}
        write(1, number, dicom_dataset(head, **ct, **axial, **where))
    scout = rng.integers(0, 2000, (size, 2 * size)).astype(np.uint16)
    write(
        2, 0, dicom_dataset(scout, **ct, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], SeriesDescription="Topogram")
    )
    write(3, 0, _report())
    mask = np.zeros((slices, size, size), np.uint8)
    write(4, 0, _segmentation(mask))
    captured = {"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY"], "BurnedInAnnotation": "YES"}
    write(5, 0, dicom_dataset((scout // 8).astype(np.uint8), **captured))


def _report() -> Dataset:
    report = Dataset()
    report.SOPClassUID, report.Modality = uid.XRayRadiationDoseSRStorage, "SR"
    report.ContentSequence = []
    return report


def _segmentation(mask: np.ndarray) -> Dataset:
    segmentation = dicom_dataset(
        mask, SOPClassUID=uid.SegmentationStorage, Modality="SEG", ImageType=["DERIVED", "PRIMARY"]
    )
    segmentation.BitsAllocated = segmentation.BitsStored = 1
    segmentation.HighBit = 0
    packed = np.packbits(mask.reshape(-1), bitorder="little").tobytes()
    segmentation.PixelData = packed + b"\0" * (len(packed) % 2)
    return segmentation


def _write_directory(root: Path, first: Path) -> None:
    """A DICOMDIR of one file, as pydicom writes it."""
    directory = root.parent / "directory"
    files = FileSet()
    files.add(first)
    files.write(directory)
    (root / "DICOMDIR").write_bytes((directory / "DICOMDIR").read_bytes())
