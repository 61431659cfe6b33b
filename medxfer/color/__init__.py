"""Gray → what a network sees: colormaps, one lookup, augmentation, the renderer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medxfer.base.window import NAMED_WINDOWS, Window, parse_window
    from medxfer.color.augment import Augment
    from medxfer.color.colormaps import Colormap, check_levels, colormap_table, parse_colormap
    from medxfer.color.maps.lut_file import kept_files
    from medxfer.color.render import Renderer, channel_statistics
    from medxfer.color.single import fold_stem, single_normalisation, take_single_channel
    from medxfer.color.transform import ColorTransform, LearnedTable, Windowing

__all__ = [
    "NAMED_WINDOWS",
    "Augment",
    "ColorTransform",
    "Colormap",
    "LearnedTable",
    "Renderer",
    "Window",
    "Windowing",
    "channel_statistics",
    "check_levels",
    "colormap_table",
    "fold_stem",
    "kept_files",
    "parse_colormap",
    "parse_window",
    "single_normalisation",
    "take_single_channel",
]

_FROM = {
    "medxfer.base.window": (
        "NAMED_WINDOWS",
        "Window",
        "parse_window",
    ),
    "medxfer.color.augment": ("Augment",),
    "medxfer.color.colormaps": (
        "Colormap",
        "check_levels",
        "colormap_table",
        "parse_colormap",
    ),
    "medxfer.color.maps.lut_file": ("kept_files",),
    "medxfer.color.render": (
        "Renderer",
        "channel_statistics",
    ),
    "medxfer.color.single": (
        "fold_stem",
        "single_normalisation",
        "take_single_channel",
    ),
    "medxfer.color.transform": (
        "ColorTransform",
        "LearnedTable",
        "Windowing",
    ),
}


def __getattr__(name: str) -> Any:
    """What the room exports, found when it is asked for: names of colormaps need no torch."""
    for module, names in _FROM.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
