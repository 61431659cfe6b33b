"""A DICOM file of a data set, as its settings read it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medxfer.base.errors import ImageError, MedxferError
from medxfer.data.dicom import describe, read_frames
from medxfer.data.header_facts import SEVERAL_FRAMES, HeaderFacts


@dataclass(frozen=True)
class DicomReader:
    """How DICOM files are read, in training and afterwards.

    `frame` is the one to take of a multi-frame file, or "all": each frame is then an image of its own, with the file's
    label and patient. Without it a file of several frames is refused: which one shows the finding, nobody can guess.
    The other options are those of `read_gray`. Raises MedxferError for a wrong option.
    """

    frame: int | Literal["all"] | None = None
    voi: int | str = 0
    luminance: bool = False
    for_processing: bool = False

    def __post_init__(self) -> None:
        if self.frame not in (None, "all") and not (isinstance(self.frame, int) and self.frame >= 0):
            raise MedxferError(f"data.frame={self.frame}: no such frame; give its number, from 0, or all")

    def pictures(self, path: Path, hounsfield: bool) -> Iterator[NDArray[np.float32]]:
        """As `Reading.pictures`: Hounsfield units, or gray as the file's own window shows it."""
        window: Literal["auto"] | None = None if hounsfield else "auto"
        options = asdict(self) | {"frame": "all" if self.frame is None else self.frame}
        frames = read_frames(path, window, hounsfield=hounsfield, **options)
        with closing(frames):
            first = next(frames)
            if self.frame is None and next(frames, None) is not None:
                reason = "it has several frames; data.frame=<number> takes one, data.frame=all takes each"
                raise ImageError(path, SEVERAL_FRAMES, reason)
            yield first
            yield from frames

    def header(self, path: Path) -> HeaderFacts:
        """As `Reading.header`."""
        facts = describe(path, luminance=self.luminance, for_processing=self.for_processing)
        if self.frame == "all" or facts.frames == 1:
            return facts
        if self.frame is None:
            return facts._replace(unreadable=facts.unreadable or SEVERAL_FRAMES)
        return facts._replace(frames=1, caveats=(*facts.caveats, "several frames, of which one is used"))
