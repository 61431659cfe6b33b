"""The catalogues of the package cmap."""

from importlib.util import find_spec
from itertools import groupby

import numpy as np

from medxfer.base.errors import MedxferError, unknown
from medxfer.color.colormaps import HINT, Colormap, Family


def cmap_names() -> list[str]:
    """Every `<catalogue>:<name>` of the package cmap; empty if it is not installed."""
    if find_spec("cmap") is None:
        return []
    from cmap import Catalog

    return sorted(Catalog().namespaced_keys(), key=str.lower)


def _listed_cmap() -> str:
    """A line for each catalogue; how to get them if they are not installed."""
    by_catalogue = groupby((name.split(":", 1) for name in cmap_names()), key=lambda parts: parts[0])
    lines = [f"{catalogue}: {', '.join(name for _, name in parts)}" for catalogue, parts in by_catalogue]
    return "\n".join(lines or ["not installed: pip install 'medxfer[cmap]'; for example cmap:crameri:batlow"])


@Family(
    "cmap:<catalogue>:<name>",
    "the package cmap's catalogues, also with _r: reversed",
    "cmap:(.*)",
    (),  # some of them are matplotlib's
    _listed_cmap,
    lambda: [f"cmap:{name}" for name in cmap_names()],
)
def from_cmap(name: str, entry: str) -> Colormap:
    if find_spec("cmap") is None:
        raise MedxferError(f"colormap '{name}' needs the package cmap: pip install 'medxfer[cmap]'.")
    import cmap

    names = cmap_names()
    if entry.lower().removesuffix("_r") not in {known.lower() for known in names}:
        raise unknown("colormap", name, (f"cmap:{known}" for known in names), HINT)
    return Colormap(name, build=lambda levels: np.clip(cmap.Colormap(entry).lut(levels)[:, :3], 0, 1))
