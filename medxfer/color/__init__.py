"""Gray → what a network sees: colormaps, one lookup, augmentation, the renderer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medxfer.base.window import NAMED_WINDOWS, parse_window
    from medxfer.color.augment import Augment
    from medxfer.color.colormaps import colormap_table, parse_colormap
    from medxfer.color.maps.lut_file import kept_files
    from medxfer.color.render import Renderer, channel_statistics
    from medxfer.color.single import take_single_channel
    from medxfer.color.transform import ColorTransform, Windowing

__all__ = [
    "NAMED_WINDOWS", "Augment", "ColorTransform", "Renderer", "Windowing", "channel_statistics", "colormap_table",
    "kept_files", "parse_colormap", "parse_window", "take_single_channel",
]  # fmt: skip
_FROM = {
    "medxfer.base.window": ("NAMED_WINDOWS", "parse_window"),
    "medxfer.color.colormaps": ("colormap_table", "parse_colormap"),
    "medxfer.color.maps.lut_file": ("kept_files",),
    "medxfer.color.augment": ("Augment",),
    "medxfer.color.render": ("Renderer", "channel_statistics"),
    "medxfer.color.single": ("take_single_channel",),
    "medxfer.color.transform": ("ColorTransform", "Windowing"),
}


def __getattr__(name: str) -> Any:
    """What the room exports, found when it is asked for: names of colormaps need no torch."""
    for module, names in _FROM.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
