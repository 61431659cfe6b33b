"""One DICOM file → calibrated gray: exact, or refused with a reason (`DicomError`)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing, suppress
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
from medxfer.data.header_facts import HeaderFacts, sex_of, years_of

WindowChoice = Window | tuple[float, float] | Literal["auto"] | None
A = TypeVar("A")
T = TypeVar("T")

_FOR_PROCESSING: Final = (
    uid.DigitalXRayImageStorageForProcessing,
    uid.DigitalMammographyXRayImageStorageForProcessing,
    uid.DigitalIntraOralXRayImageStorageForProcessing,
)
_TEXTS: Final = {
    "modality": "Modality",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "view": "ViewPosition",
    "patient": "PatientID",
    "series": "SeriesInstanceUID",
}


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
    frames = read_frames(
        path, window, frame=frame, voi=voi, luminance=luminance, for_processing=for_processing, hounsfield=hounsfield
    )
    with closing(frames):
        return next(frames)


def read_frames(
    path: str | Path,
    window: WindowChoice = "auto",
    *,
    frame: int | Literal["all"] = "all",
    voi: int | str = 0,
    luminance: bool = False,
    for_processing: bool = False,
    hounsfield: bool = False,
) -> Generator[NDArray[np.float32], None, None]:
    """Every frame in turn, as `read_gray` gives it, or one: the header is read once, and one frame is in memory."""
    shown = _shown(window)
    with open_dicom(Path(path)) as file:
        with silence():
            _check_policy(file, luminance, for_processing)
        for number in range(file.format.number_of_frames) if frame == "all" else [frame]:
            with silence():  # not over the yield: it holds for the whole process
                gray = frame_gray(file, number, shown, voi, hounsfield)
            yield gray


def inspect(path: str | Path, *, luminance: bool = False, for_processing: bool = False) -> HeaderFacts:
    """The header alone, no pixels; `frames` counts all that the file has. Raises DicomError for what `read_gray`
    refuses before it decodes."""
    with silence(), open_dicom(Path(path)) as file:
        _check_policy(file, luminance, for_processing)
        header, form = file.header, file.format
        first, photometric = header.of_frame(0), form.photometric_interpretation
        stated = photometric, _described(header.text, "PresentationLUTShape")
        contradicts = stated in {("MONOCHROME2", "INVERSE"), ("MONOCHROME1", "IDENTITY")}
        texts = {field: _described(header.text, keyword) for field, keyword in _TEXTS.items()}
        age, sex = (_described(header.text, keyword) for keyword in ("PatientAge", "PatientSex"))
        return HeaderFacts(
            **{field: text or ("unknown" if field == "modality" else "") for field, text in texts.items()},
            burned_in=_described(header.text, "BurnedInAnnotation") == "YES",
            syntax=file.syntax.name,
            size=f"{form.rows}×{form.columns}",
            photometric=photometric,
            bits=str(form.bits_stored),
            age=years_of(age or ""),
            sex=sex_of(sex or ""),
            position=_described(_position, first),
            frames=form.number_of_frames,
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
    if file.format.photometric_interpretation not in GRAY and not luminance:
        raise header.error("it is a colour image; luminance=True takes its luminance", "not grayscale")
    signal = header.text("PresentationIntentType") == "FOR PROCESSING"
    if (signal or header.text("SOPClassUID") in _FOR_PROCESSING) and not for_processing:
        raise header.error(
            "it is FOR PROCESSING: a detector's signal, no display values; for_processing=True takes it",
            "for processing",
        )


def _described(read: Callable[[A], T], of: A) -> T | None:
    """`read(of)`, which describes an image without deciding its pixels: None if it is damaged."""
    try:
        return read(of)
    except DicomError:
        return None


def _position(header: Header) -> float | None:
    """Image Position (Patient) along the normal of Image Orientation (Patient), PS3.3 C.7.6.2.1.1."""
    where, axes = header.numbers("ImagePositionPatient"), header.numbers("ImageOrientationPatient")
    if len(where) != 3 or len(axes) != 6:
        return None
    return float(np.dot(where, np.cross(axes[:3], axes[3:])))
