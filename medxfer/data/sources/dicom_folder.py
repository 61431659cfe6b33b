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
from medxfer.data.sources.label_table import COLUMNS, LabelledFolder
from medxfer.data.sources.source import HeaderFacts


@dataclass(frozen=True)
class DicomReader:
    """How DICOM files are read, in training and afterwards.

    `frame` is the one to take of a multi-frame file, or "all": each frame is then an image of its own, with the file's
    label and patient. The other options are those of `read_gray`. Raises MedxferError for a wrong option.
    """

    frame: int | Literal["all"] = 0
    voi: int | str = 0
    luminance: bool = False
    for_processing: bool = False

    def __post_init__(self) -> None:
        if self.frame != "all" and not (isinstance(self.frame, int) and self.frame >= 0):
            raise MedxferError(f"data.frame={self.frame}: no such frame; give its number, from 0, or all")

    def pictures(self, path: Path, hounsfield: bool) -> Iterator[NDArray[np.float32]]:
        """As `Source.pictures`: Hounsfield units, or gray as the file's own window shows it."""
        options: dict[str, Any] = {**asdict(self), "window": None if hounsfield else "auto", "hounsfield": hounsfield}
        if options["frame"] == "all":
            del options["frame"]
            yield from read_frames(path, **options)
        else:
            yield read_gray(path, **options)

    def header(self, path: Path) -> HeaderFacts:
        """As `Source.header`."""
        info = inspect(path, luminance=self.luminance, for_processing=self.for_processing)
        frames = info.frames if self.frame == "all" else 1
        several = ("several frames, of which one is used",) if info.frames > frames else ()
        return HeaderFacts(
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


class DicomFolder(LabelledFolder):
    """DICOM files under `root`, and the CSV `labels`; `options` are those of `DicomReader`. CT is read in Hounsfield
    units, or, like any other modality, as its own display window shows it."""

    def __init__(
        self, root: str, labels: str, label: str | Sequence[str] = "label", columns: Mapping[str, str] = COLUMNS,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(root, labels, label, columns)
        self.reader: DicomReader = DicomReader(**options)

    def settings(self) -> dict[str, object]:
        return {**super().settings(), **asdict(self.reader)}
