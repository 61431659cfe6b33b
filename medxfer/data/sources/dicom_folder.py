"""data=dicom: a folder of DICOM files beside a CSV of labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.data.dicom import describe, read_frames
from medxfer.data.header_facts import HeaderFacts
from medxfer.data.sources.label_table import COLUMNS, LabelledFolder


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
        window: Literal["auto"] | None = None if hounsfield else "auto"
        return read_frames(path, window, hounsfield=hounsfield, **asdict(self))

    def header(self, path: Path) -> HeaderFacts:
        """As `Source.header`."""
        facts = describe(path, luminance=self.luminance, for_processing=self.for_processing)
        if self.frame == "all" or facts.frames == 1:
            return facts
        return facts._replace(frames=1, caveats=(*facts.caveats, "several frames, of which one is used"))


class DicomFolder(LabelledFolder):
    """DICOM files under `root`, and the CSV `labels`; `options` are those of `DicomReader`. CT is read in Hounsfield
    units, or, like any other modality, as its own display window shows it."""

    def __init__(
        self, root: str, labels: str, label: str | Sequence[str] = "label", columns: Mapping[str, str | None] = COLUMNS,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(root, labels, label, columns)
        self.reader: DicomReader = DicomReader(**options)

    def settings(self) -> dict[str, object]:
        return {**super().settings(), **asdict(self.reader)}
