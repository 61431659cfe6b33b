"""python -m medxfer.figure1 [ct=… dx=… colormap=none,viridis,inferno window=40/400 out=figure1.png curves=…]

Draws Figure 1 (CT left, DX right, a row for each colormap) from the phantoms, or from your own DICOM files.
`out` ends in .png, .svg or .pdf; `curves=<file>` also draws, for the same colormaps, lightness and what the
network sees against gray.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError, unknown
from medxfer.color import colormap_table, parse_colormap, parse_window
from medxfer.color.curves import draw_color_curves
from medxfer.color.figure import draw_figure1
from medxfer.data.dicom.read import inspect, read_gray
from medxfer.data.phantom import example

_FORMATS = (".png", ".svg", ".pdf")
_PHANTOM_SIZE = 512
_NORMALISATION = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # mean and std of the default backbone's weights


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
        names = settings.colormap.split(",")
        window = parse_window(settings.window)
        if window is None:
            raise MedxferError("window=file: Figure 1 needs a window in HU, for example window=40/400.")
        for name in names:
            parse_colormap(name)
        out, curves = _file(settings.out), _file(settings.curves) if settings.curves else None
        tables = _tables(names) if curves else {}
        _save(draw_figure1(_image("CT", settings.ct), _image("DX", settings.dx), names, window), out)
        if curves:
            _save(draw_color_curves(tables, *_NORMALISATION), curves)
    except MedxferError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _tables(names: list[str]) -> dict[str, NDArray[np.float32]]:
    """The table of each colormap of display gray; a learned one as it starts."""
    colormaps = [parse_colormap(name) for name in names]
    tables = {c.name: colormap_table(c.table).numpy() for c in colormaps if not c.takes_hu}
    if not tables:
        raise MedxferError("curves=… needs a colormap of display gray: windows:… has three curves in HU.")
    return tables


def _settings(arguments: list[str]) -> Settings:
    known = Settings.__dataclass_fields__
    given = dict(argument.partition("=")[::2] for argument in arguments)
    for key in given:
        if key not in known:
            raise unknown("setting", key, known, f"medxfer.figure1 takes {', '.join(known)}, as key=value.")
    return Settings(**given)


def _file(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in _FORMATS:
        raise MedxferError(f"{text}: a figure's name must end in {', '.join(_FORMATS)}.")
    if not path.parent.is_dir():
        raise MedxferError(f"{text} cannot be written: there is no folder {path.parent}.")
    return path


def _save(figure: Figure, path: Path) -> None:
    try:
        figure.savefig(path, dpi=200, bbox_inches="tight")
    except OSError as error:
        raise MedxferError(f"{path} cannot be written: {error.strerror}.") from error
    print(path)


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
