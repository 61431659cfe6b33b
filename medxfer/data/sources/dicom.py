"""data=dicom: a folder of DICOM files beside a CSV of labels."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from medxfer.data.dicom import inspect, read_frames, read_gray
from medxfer.data.sources.base import Header, Source
from medxfer.data.sources.table import COLUMNS, LabelledFolder
from medxfer.errors import MedxferError


class DicomFiles(Source):
    """CT is read in Hounsfield units, or, like any other modality, as its own display window shows it."""

    def read(self, file: str, hounsfield: bool) -> NDArray[np.float32]:
        return read_dicom(self.root / file, hounsfield)

    def header(self, file: str) -> Header:
        return dicom_header(self.root / file)


class DicomFolder(DicomFiles, LabelledFolder):
    """`frame` is the one to take of a multi-frame file, or "all": each is then an image of its own, with the file's
    label and patient. `voi`, `prefer`, `luminance` and `for_processing` as in `medxfer.data.dicom.read_gray`."""

    obtain = "nothing: your own files, and a CSV with a row an image"

    def __init__(
        self,
        root: str,
        labels: str,
        label: str | Sequence[str] = "label",
        columns: Mapping[str, str] = COLUMNS,
        frame: int | Literal["all"] = 0,
        voi: int | str = 0,
        prefer: Literal["lut", "window"] = "lut",
        luminance: bool = False,
        for_processing: bool = False,
    ) -> None:
        super().__init__(root, labels, label, columns)
        if frame != "all" and not (isinstance(frame, int) and frame >= 0):
            raise MedxferError(f"data.frame={frame}: no such frame; give its number, from 0, or all")
        if prefer not in ("lut", "window"):
            raise MedxferError(f"data.prefer={prefer}: no such kind of VOI; give lut or window")
        self.frame = frame
        self.policy: dict[str, Any] = {"luminance": luminance, "for_processing": for_processing}
        self.display: dict[str, Any] = {"voi": voi, "prefer": prefer, **self.policy}

    def settings(self) -> dict[str, object]:
        return {**super().settings(), "frame": self.frame, **self.display}

    def read(self, file: str, hounsfield: bool) -> NDArray[np.float32]:
        return next(self.pictures(file, hounsfield))

    def pictures(self, file: str, hounsfield: bool) -> Iterator[NDArray[np.float32]]:
        if self.frame == "all":
            window: Literal["auto"] | None = None if hounsfield else "auto"
            yield from read_frames(self.root / file, window, hounsfield=hounsfield, **self.display)
        else:
            yield read_dicom(self.root / file, hounsfield, self.frame, **self.display)

    def header(self, file: str) -> Header:
        return dicom_header(self.root / file, all_frames=self.frame == "all", **self.policy)


def read_dicom(path: Path, hounsfield: bool, frame: int = 0, **options: Any) -> NDArray[np.float32]:
    """Hounsfield units, or gray as the file's own window shows it. Raises DicomError where it is refused."""
    return read_gray(path, frame, None if hounsfield else "auto", hounsfield=hounsfield, **options)


def dicom_header(path: Path, all_frames: bool = False, **policy: bool) -> Header:
    """What a DICOM file says of itself, without its pixels. Raises DicomError where it is refused."""
    info = inspect(path, **policy)
    frames = info.frames if all_frames else 1
    several = ("several frames, of which one is used",) if info.frames > frames else ()
    return Header(
        modality=info.modality or "unknown",
        burned_in=info.burned_in,
        syntax=UID(info.transfer_syntax).name,
        size=f"{info.rows}×{info.columns}",
        photometric=info.photometric,
        bits=str(info.bits_stored),
        manufacturer=info.manufacturer or "",
        model=info.model or "",
        view=info.view or "",
        patient=info.patient_id or "",
        series=info.series_uid or "",
        position=info.position,
        frames=frames,
        caveats=info.caveats + several,
    )
