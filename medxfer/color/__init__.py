"""Gray → colour: every transformation exact, controlled, and about as cheap as copying its result."""

from medxfer.base.window import NAMED_WINDOWS, Window, parse_window
from medxfer.color.augment import Augment
from medxfer.color.learned import LearnedTable
from medxfer.color.names import Colormap, parse_colormap
from medxfer.color.render import Renderer
from medxfer.color.single import fold_stem, single_normalisation, take_single_channel
from medxfer.color.statistics import channel_statistics
from medxfer.color.tables import colormap_table
from medxfer.color.transform import ColorTransform
from medxfer.color.window import Windowing

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
    "colormap_table",
    "fold_stem",
    "parse_colormap",
    "parse_window",
    "single_normalisation",
    "take_single_channel",
]
