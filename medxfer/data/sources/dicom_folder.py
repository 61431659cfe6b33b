"""data=dicom: a folder of DICOM files beside a CSV of labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from medxfer.base.errors import MedxferError
from medxfer.data.dicom import inspect, read_frames, read_gray
from medxfer.data.sources.source import Header, Source
from medxfer.data.sources.table import COLUMNS, LabelledFolder


@dataclass(frozen=True)
class DicomOptions:
    """`frame` is the one to take of a multi-frame file, or "all": each is then an image of its own, with the file's
    label and patient. The others as in `read_gray`. Raises MedxferError for what there is not."""

    frame: int | Literal["all"] = 0
    voi: int | str = 0
    luminance: bool = False
    for_processing: bool = False

    def __post_init__(self) -> None:
        if self.frame != "all" and not (isinstance(self.frame, int) and self.frame >= 0):
            raise MedxferError(f"data.frame={self.frame}: no such frame; give its number, from 0, or all")

    def pictures(self, path: Path, hounsfield: bool) -> Iterator[NDArray[np.float32]]:
        """As `Source.pictures`."""
        display: dict[str, Any] = {**self._policy, "voi": self.voi}
        if self.frame == "all":
            window: Literal["auto"] | None = None if hounsfield else "auto"
            yield from read_frames(path, window, hounsfield=hounsfield, **display)
        else:
            yield read_dicom(path, hounsfield, self.frame, **display)

    def header(self, path: Path) -> Header:
        """As `Source.header`."""
        return dicom_header(path, all_frames=self.frame == "all", **self._policy)

    @property
    def _policy(self) -> dict[str, bool]:
        return {"luminance": self.luminance, "for_processing": self.for_processing}


class DicomFiles(Source):
    """CT is read in Hounsfield units, or, like any other modality, as its own display window shows it."""

    options = DicomOptions()

    def pictures(self, file: str, hounsfield: bool) -> Iterator[NDArray[np.float32]]:
        yield from self.options.pictures(self.root / file, hounsfield)

    def read(self, file: str, hounsfield: bool) -> NDArray[np.float32]:
        return next(self.pictures(file, hounsfield))

    def header(self, file: str) -> Header:
        return self.options.header(self.root / file)


class DicomFolder(DicomFiles, LabelledFolder):
    """`options` are those of `DicomOptions`."""

    obtain = "nothing: your own files, and a CSV with a row an image"

    def __init__(
        self,
        root: str,
        labels: str,
        label: str | Sequence[str] = "label",
        columns: Mapping[str, str] = COLUMNS,
        **options: Any,
    ) -> None:
        super().__init__(root, labels, label, columns)
        self.options = DicomOptions(**options)

    def settings(self) -> dict[str, object]:
        return {**super().settings(), **asdict(self.options)}


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
