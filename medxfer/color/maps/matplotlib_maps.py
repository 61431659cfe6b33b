"""Matplotlib's colormaps, by its own names."""

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap

from medxfer.base.errors import unknown
from medxfer.color.colormaps import HINT, Colormap, Colors, Family, known_names, resample

_CONTINUOUS = 256  # a listed map with as many colours or more samples a curve; one with fewer is steps


def matplotlib_names() -> list[str]:
    """Every name that matplotlib registers, the reversed ones (`_r`) included."""
    return sorted(matplotlib.colormaps, key=str.lower)


@Family("<name>", "matplotlib's, also with _r: reversed", ".*", tuple(matplotlib_names()), asked="last")
def of_matplotlib(name: str) -> Colormap:
    if name not in matplotlib.colormaps:
        raise unknown("colormap", name, known_names(), HINT)
    cmap = matplotlib.colormaps[name]

    def build(levels: int) -> Colors:
        continuous = isinstance(cmap, ListedColormap) and cmap.N >= _CONTINUOUS
        if continuous and levels not in (256, cmap.N):  # resampled() would only repeat the entries
            return resample(cmap(np.arange(cmap.N))[:, :3], levels)
        return np.asarray(cmap.resampled(levels)(np.arange(levels))[:, :3])

    return Colormap(name, build=build)
