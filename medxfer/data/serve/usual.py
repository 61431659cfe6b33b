"""What the images of a training have in common, by which an image of another kind is told from them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SAMPLE = 512  # images of the training part: enough for a range, and read in a fraction of a second
MARGIN = 0.25  # of a range, at both of its ends
SIDES = 2.0  # how many times larger or smaller than all of the training's images an image may be

Range = tuple[float, float]


class Tone(NamedTuple):
    """How bright a picture is: of display gray in [0, 1], or in Hounsfield units."""

    level: float  # the mean
    spread: float  # the standard deviation


def tone(picture: NDArray[Any]) -> Tone:
    """Of `picture` (H, W): uint8 or uint16 display gray, or int16 Hounsfield units."""
    white = 1.0 if picture.dtype.kind == "i" else float(np.iinfo(picture.dtype).max)
    return Tone(float(picture.mean()) / white, float(picture.std()) / white)


@dataclass(frozen=True)
class Usual:
    """The ranges of a training's images, before any window or colour."""

    level: Range  # as `Tone` has it
    spread: Range
    side: Range | None  # pixels of the longer side of the files' pictures; None where their headers do not say it
    aspect: Range | None  # rows over columns

    def record(self) -> dict[str, Any]:
        return {key: None if value is None else [round(end, 4) for end in value] for key, value in asdict(self).items()}

    def unlike(self, found: Tone, size: str) -> list[str]:
        """What of an image is outside of the ranges, in words; `size` is "rows×columns", or "" if it is not known."""
        said = []
        for name, value, (low, high) in (
            ("gray level", found.level, self.level),
            ("contrast", found.spread, self.spread),
        ):
            margin = MARGIN * (high - low)
            if not low - margin <= value <= high + margin:
                said.append(f"its {name} is {value:.3g}, in training {low:.3g} to {high:.3g}")
        if (sides := _sides([size])) and self.side and self.aspect:
            rows, columns = sides[0]
            if not self.side[0] / SIDES <= max(rows, columns) <= self.side[1] * SIDES:
                said.append(f"it is {size} pixels, in training {self.side[0]:.0f} to {self.side[1]:.0f}")
            if not self.aspect[0] * (1 - MARGIN) <= rows / columns <= self.aspect[1] * (1 + MARGIN):
                said.append(
                    f"its rows over columns are {rows / columns:.2f}, in training {self.aspect[0]:.2f} to "
                    f"{self.aspect[1]:.2f}"
                )
        return said


def usual(gray: NDArray[Any], rows: NDArray[np.int64], sizes: Sequence[str]) -> Usual:
    """Of the training's `rows` of a store's `gray` (N, H, W), and the sizes that their files' headers say."""
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, SAMPLE).astype(int))]
    tones = [tone(gray[row]) for row in chosen]
    sides = _sides(sizes)
    return Usual(
        _range(one.level for one in tones),
        _range(one.spread for one in tones),
        _range(max(each) for each in sides) if sides else None,
        _range(rows / columns for rows, columns in sides) if sides else None,
    )


def read_usual(record: dict[str, Any] | None) -> Usual | None:
    """As `Usual.record` wrote it; None of a cell that an older version trained."""
    return None if record is None else Usual(**{key: value and tuple(value) for key, value in record.items()})


def _sides(sizes: Iterable[str]) -> list[tuple[int, int]]:
    split = (size.split("×") for size in sizes)
    return [(int(parts[0]), int(parts[1])) for parts in split if len(parts) == 2 and all(map(str.isdigit, parts))]


def _range(values: Iterable[float]) -> Range:
    every = list(values)
    return min(every), max(every)
