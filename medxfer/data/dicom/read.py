"""One DICOM file → calibrated gray: exact, or refused with a reason (`DicomError`)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import BinaryIO, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom import uid

from medxfer.base.errors import MedxferError
from medxfer.base.window import Window
from medxfer.data.dicom.gray import Shown, frame_gray
from medxfer.data.dicom.pixels import GRAY, DicomFile, open_dicom
from medxfer.data.dicom.silence import silence

WindowChoice = Window | tuple[float, float] | Literal["auto"] | None

_FOR_PROCESSING: Final = (
    uid.DigitalXRayImageStorageForProcessing,
    uid.DigitalMammographyXRayImageStorageForProcessing,
    uid.DigitalIntraOralXRayImageStorageForProcessing,
)


def read_gray(
    path: str | Path | BinaryIO,
    frame: int = 0,
    window: WindowChoice = "auto",
    *,
    voi: int | str = 0,
    luminance: bool = False,
    for_processing: bool = False,
    hounsfield: bool = False,
) -> NDArray[np.float32]:
    """One frame of a grayscale DICOM file.

    Decodes in this process: a decoder that crashes takes the process with it.

    Args:
        path: of the file, or the file itself, open at its beginning for reading bytes; it is closed afterwards.
        frame: its number in the file, from 0.
        window: which calibrated values are shown from black to white: "auto", the file's own VOI (a LUT or a window of
            any function), else CT_WINDOW for CT in HU, else a stretch between PERCENTILES; (center, width), that linear
            window; None, the calibrated values as they are.
        voi: which VOI to take if a file has several: its number (LUTs come before windows, both as the file numbers
            them), or the explanation that the file gives it; 0 is the first that is possible.
        luminance: take RGB, YBR and palette images as their luminance (no VOI applies); they are refused otherwise.
        for_processing: take images FOR PROCESSING (detector signal, no display values); they are refused otherwise.
        hounsfield: refuse images whose calibrated values are not in Hounsfield units.

    Returns:
        (rows, columns) float32. With a window the values are in [0, 1], white is 1 (MONOCHROME1 inverted), padding 0.
        With window=None they are calibrated (HU for CT), not inverted, and padding is the lowest other value.

    Raises:
        DicomError: the file is refused.
        MedxferError: `window` is none of these.
    """
    frames = read_frames(
        path, window, frame=frame, voi=voi, luminance=luminance, for_processing=for_processing, hounsfield=hounsfield
    )
    with silence(), closing(frames):
        return next(frames)


def read_frames(
    path: str | Path | BinaryIO,
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
    with ExitStack() as opened:
        with silence():
            file = opened.enter_context(open_dicom(Path(path) if isinstance(path, str) else path))
            check_policy(file, luminance, for_processing)
        for number in range(file.format.number_of_frames) if frame == "all" else [frame]:
            with silence():  # not over the yield: it holds for the whole process
                gray = frame_gray(file, number, shown, voi, hounsfield)
            yield gray


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


def check_policy(file: DicomFile, luminance: bool, for_processing: bool) -> None:
    """Raise DicomError for an image in colour or FOR PROCESSING that was not asked for."""
    header = file.header
    if file.format.photometric_interpretation not in GRAY and not luminance:
        raise header.error("it is a colour image; luminance=True takes its luminance", "not grayscale")
    signal = header.text("PresentationIntentType") == "FOR PROCESSING"
    if (signal or header.text("SOPClassUID") in _FOR_PROCESSING) and not for_processing:
        raise header.error(
            "it is FOR PROCESSING: a detector's signal, no display values; for_processing=True takes it",
            "for processing",
        )
