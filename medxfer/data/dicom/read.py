"""One DICOM file → calibrated gray: exact, or refused with a reason (`DicomError`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydicom import uid

from medxfer.base.errors import MedxferError
from medxfer.base.window import Window
from medxfer.data.dicom.gray import Shown, frame_gray
from medxfer.data.dicom.header import DicomError, Header, silence
from medxfer.data.dicom.pixels import GRAY, DicomFile, open_dicom

WindowChoice = Window | tuple[float, float] | Literal["auto"] | None
T = TypeVar("T")

_FOR_PROCESSING: Final = (
    uid.DigitalXRayImageStorageForProcessing,
    uid.DigitalMammographyXRayImageStorageForProcessing,
    uid.DigitalIntraOralXRayImageStorageForProcessing,
)

# Raise it when `inspect`, or the header reader of another kind of file, says something else of the same file:
# headers are kept under this number, and read again under the next.
HEADER_VERSION: Final = 4


@dataclass(frozen=True)
class DicomInfo:
    """What a header says of its image, in the file's own words; None for what is absent or damaged.

    `patient_id` stays out of the repr.
    """

    modality: str | None
    burned_in: bool  # whether the header says that annotations stand in the pixels
    sop_class: str | None
    transfer_syntax: str
    photometric: str
    rows: int
    columns: int
    frames: int
    bits_stored: int
    manufacturer: str | None
    model: str | None
    view: str | None
    patient_id: str | None = field(repr=False)
    study_uid: str | None
    series_uid: str | None
    instance_uid: str | None
    instance_number: int | None
    position: float | None  # mm along the slice's normal, for the order of slices; of the first frame
    caveats: tuple[str, ...]  # where the header contradicts itself, in words that are the same for every file


def read_gray(
    path: str | Path,
    frame: int = 0,
    window: WindowChoice = "auto",
    *,
    voi: int | str = 0,
    luminance: bool = False,
    for_processing: bool = False,
    hounsfield: bool = False,
) -> NDArray[np.float32]:
    """One frame of a grayscale DICOM file, (rows, columns) float32.

    window="auto"           values in [0, 1], white = 1: by the file's own VOI (a LUT or a window of any function),
                            else by CT_WINDOW for CT in HU, else stretched between PERCENTILES;
                            MONOCHROME1 inverted; padding 0
    window=(center, width)  the same by that linear window on calibrated values
    window=None             calibrated values (HU for CT): no VOI, no inversion; padding is the lowest other value

    voi             which VOI to take if a file has several: an index (LUTs come before windows), or the explanation
                    that the file gives it
    luminance       take RGB, YBR and palette images as their luminance (no VOI applies); they are refused otherwise
    for_processing  take images FOR PROCESSING (detector signal, no display values); they are refused otherwise
    hounsfield      refuse images whose calibrated values are not in Hounsfield units

    Decodes in this process: a decoder that crashes takes the process with it.
    Raises DicomError for a file that is refused, and MedxferError for a `window` that is none of these.
    """
    shown = _shown(window)
    with silence(), open_dicom(Path(path)) as file:
        _check_policy(file, luminance, for_processing)
        return frame_gray(file, frame, shown, voi, hounsfield)


def read_frames(
    path: str | Path,
    window: WindowChoice = "auto",
    *,
    voi: int | str = 0,
    luminance: bool = False,
    for_processing: bool = False,
    hounsfield: bool = False,
) -> Iterator[NDArray[np.float32]]:
    """Every frame in turn, as `read_gray` gives it: the header is read once, and one frame is in memory."""
    shown = _shown(window)
    with open_dicom(Path(path)) as file:
        with silence():
            _check_policy(file, luminance, for_processing)
        for frame in range(file.format.frames):
            with silence():  # not over the yield: it holds for the whole process
                gray = frame_gray(file, frame, shown, voi, hounsfield)
            yield gray


def inspect(path: str | Path, *, luminance: bool = False, for_processing: bool = False) -> DicomInfo:
    """The header alone, no pixels. Raises DicomError for what `read_gray` refuses before it decodes."""
    with silence(), open_dicom(Path(path)) as file:
        _check_policy(file, luminance, for_processing)
        header, form = file.header, file.format
        first = header.of_frame(0)

        def text(keyword: str) -> str | None:
            return _unless_damaged(lambda: header.text(keyword))

        lut = (form.photometric, text("PresentationLUTShape"))
        contradicts = lut in (("MONOCHROME2", "INVERSE"), ("MONOCHROME1", "IDENTITY"))
        return DicomInfo(
            modality=text("Modality"),
            burned_in=text("BurnedInAnnotation") == "YES",
            sop_class=text("SOPClassUID"),
            transfer_syntax=str(file.syntax),
            photometric=form.photometric,
            rows=form.rows,
            columns=form.columns,
            frames=form.frames,
            bits_stored=form.bits_stored,
            manufacturer=text("Manufacturer"),
            model=text("ManufacturerModelName"),
            view=text("ViewPosition"),
            patient_id=text("PatientID"),
            study_uid=text("StudyInstanceUID"),
            series_uid=text("SeriesInstanceUID"),
            instance_uid=text("SOPInstanceUID"),
            instance_number=_unless_damaged(lambda: header.integer("InstanceNumber")),
            position=_unless_damaged(lambda: _position(first)),
            caveats=("Presentation LUT Shape contradicts Photometric Interpretation",) if contradicts else (),
        )


def _shown(window: WindowChoice) -> Shown:
    if window is None or window == "auto":
        return window
    chosen = window if isinstance(window, Window) else Window(0, 0)
    if not isinstance(window, Window):
        with suppress(TypeError, ValueError):
            center, width = (float(value) for value in window)
            chosen = Window(center, width)
    if not chosen.valid:
        raise MedxferError(
            f"no such window: {window!r}; give 'auto', None or (center, width) with a width of 1 or more"
        )
    return chosen


def _check_policy(file: DicomFile, luminance: bool, for_processing: bool) -> None:
    header = file.header
    if file.format.photometric not in GRAY and not luminance:
        raise header.error("it is a colour image; luminance=True takes its luminance", "not grayscale")
    signal = header.text("PresentationIntentType") == "FOR PROCESSING"
    if (signal or header.text("SOPClassUID") in _FOR_PROCESSING) and not for_processing:
        raise header.error(
            "it is FOR PROCESSING: a detector's signal, no display values; for_processing=True takes it",
            "for processing",
        )


def _unless_damaged(read: Callable[[], T]) -> T | None:
    """What describes an image without deciding its pixels: None if it is damaged."""
    try:
        return read()
    except DicomError:
        return None


def _position(header: Header) -> float | None:
    """Image Position (Patient) along the normal of Image Orientation (Patient), PS3.3 C.7.6.2.1.1."""
    where, axes = header.numbers("ImagePositionPatient"), header.numbers("ImageOrientationPatient")
    if len(where) != 3 or len(axes) != 6:
        return None
    return float(np.dot(where, np.cross(axes[:3], axes[3:])))
