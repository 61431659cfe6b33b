"""python -m medxfer.figure1 [ct=… dx=… colormap=none,viridis,inferno window=40/400 out=figure1.png curves=…]

Draws Figure 1 (CT left, DX right, a row for each colormap) from the phantoms, or from your own DICOM files.
`out` ends in .png, .svg or .pdf; `curves=<file>` also draws, for the same colormaps, lightness and what the
network sees against gray.
"""

import sys
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError, unknown
from medxfer.color.figure import save_figure1
from medxfer.data.dicom import inspect, read_gray
from medxfer.data.phantom import example

_PHANTOM_SIZE = 512


@dataclass(frozen=True)
class Settings:
    """What the command line says, as text."""

    ct: str = ""
    dx: str = ""
    colormap: str = "none,viridis,inferno"
    window: str = "40/400"
    out: str = "figure1.png"
    curves: str = ""


def main(arguments: list[str]) -> int:
    """Draw what `arguments` (key=value) ask for, say where it is, and return the exit code."""
    try:
        settings = _settings(arguments)
        images = _image("CT", settings.ct), _image("DX", settings.dx)
        files = save_figure1(*images, settings.colormap.split(","), settings.window, settings.out, settings.curves)
        print(*files, sep="\n")
    except MedxferError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _settings(arguments: list[str]) -> Settings:
    known = Settings.__dataclass_fields__
    given = dict(argument.partition("=")[::2] for argument in arguments)
    for key in given:
        if key not in known:
            raise unknown("setting", key, known, f"medxfer.figure1 takes {', '.join(known)}, as key=value.")
    return Settings(**given)


def _image(modality: Literal["CT", "DX"], path: str) -> NDArray[np.float32]:
    """HU (CT) or display gray in [0, 1] (DX) of the file at `path`, or of a phantom with a lesion."""
    if not path:
        return example(modality, _PHANTOM_SIZE)
    stated = inspect(path).modality
    if (stated == "CT") != (modality == "CT"):
        raise MedxferError(f"{modality.lower()}={path}: not a {modality} image, its modality is {stated}.")
    return read_gray(path, window=None if modality == "CT" else "auto")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
