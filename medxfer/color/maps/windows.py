"""Three windows of a CT image as its three channels."""

from medxfer.base.errors import MedxferError, unknown
from medxfer.base.window import NAMED_WINDOWS, parse_window
from medxfer.color.colormaps import HINT, Colormap, Family


@Family(
    "windows:<a>+<b>+<c>",
    "CT only: three windows as channels, each <center>/<width> in HU or "
    + ", ".join(f"{name} ({w.center:g}/{w.width:g})" for name, w in NAMED_WINDOWS.items()),
    "windows:(.*)",
    ("windows:brain+subdural+bone", "windows:40/80+80/200+600/2800"),
)
def windows(name: str, text: str) -> Colormap:
    parts = text.split("+")
    if len(parts) != 3:
        raise MedxferError(f"colormap '{name}' needs three windows, for example windows:brain+subdural+bone.")
    found = tuple(window for part in parts if (window := parse_window(part)))
    if len(found) != 3:  # `file` is no CT window
        raise unknown("CT window", "file", NAMED_WINDOWS, HINT)
    return Colormap(name, "windows", found)
