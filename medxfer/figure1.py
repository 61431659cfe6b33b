"""Draw Figure 1: a CT image (left) and an X-ray image (right), a row for each colormap.

The images are phantoms, or your own DICOM files.
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from medxfer.base.arguments import Command, run, setting
from medxfer.base.errors import MedxferError
from medxfer.base.kinds import FIGURE, GivenFile, Text
from medxfer.base.registered import registered_names
from medxfer.base.words import listing

if TYPE_CHECKING:  # --help answers without numpy and torch
    import numpy as np
    from numpy.typing import NDArray

PHANTOM_SIZE = 512  # px
WINDOW = Text(f"<center>/<width> in HU, {listing(registered_names('medxfer.base.window:NAMED_WINDOWS'), 'or')}")


@dataclass(frozen=True)
class Settings:
    ct: str = setting("your own image at the left", "", shown="FILE", takes=GivenFile("a DICOM file of CT"))
    dx: str = setting(
        "your own image at the right", "", shown="FILE", takes=GivenFile("a DICOM file of an X-ray image")
    )
    colormap: str = setting(
        "the rows", "none,viridis,inferno", shown="NAME,NAME",
        takes=Text("colormaps with commas between them; python -m medxfer.color lists all"),
    )  # fmt: skip
    window: str = setting("of the CT image", "40/400", shown="CENTER/WIDTH", takes=WINDOW)
    out: str = setting("the figure", "figure1.png", shown="FILE", takes=FIGURE)
    curves: str = setting(
        "a second figure: lightness, and what the network sees, against gray", "", shown="FILE", takes=FIGURE
    )


COMMAND = Command("python -m medxfer.figure1", __doc__, Settings)


def draw(given: Settings) -> None:
    from medxfer.color.figure import save_figure1  # with torch

    images = _image("CT", given.ct), _image("DX", given.dx)
    files = save_figure1(*images, given.colormap.split(","), given.window, given.out, given.curves)
    print(*files, sep="\n")


def main(arguments: list[str]) -> int:
    return run(COMMAND, draw, arguments)


def _image(modality: Literal["CT", "DX"], path: str) -> "NDArray[np.float32]":
    """HU (CT) or display gray in [0, 1] (DX) of the file at `path`, or of a phantom with a lesion."""
    from medxfer.data.dicom import inspect, read_gray
    from medxfer.data.phantom import example

    if not path:
        return example(modality, PHANTOM_SIZE)
    stated = inspect(path).modality
    if (stated == "CT") != (modality == "CT"):
        raise MedxferError(f"{modality.lower()}={path}: not a {modality} image, its modality is {stated}.")
    ct = modality == "CT"
    return read_gray(path, window=None if ct else "auto", hounsfield=ct)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
