"""Gray → what a network sees: colormaps, one lookup, augmentation, the renderer."""

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
