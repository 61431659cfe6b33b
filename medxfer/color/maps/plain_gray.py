"""Gray: in three channels, and in one."""

from medxfer.color.colormaps import Colormap, Family


@Family("none", "gray in three channels", "none", ("none",))
def none(name: str) -> Colormap:
    return Colormap(name)


@Family("single", "control: one channel, the same function as none", "single", ("single",))
def single(name: str) -> Colormap:
    return Colormap(name, "single")
