"""The names of backbones as they stand in files, for the shell: to import timm takes seconds."""

import re
from importlib.util import find_spec
from pathlib import Path

_REGISTERED = re.compile(r"^@register_model\n(?:@.*\n)*def (\w+)\(", re.MULTILINE)


def backbone_names() -> list[str]:
    """Every backbone that timm or this room registers with timm, by its function's name."""
    timm = find_spec("timm")
    folders = [Path(place) / "models" for place in (timm and timm.submodule_search_locations) or ()]
    files = [file for folder in (*folders, Path(__file__).parent) for file in folder.rglob("*.py")]
    return sorted({name for file in files for name in _REGISTERED.findall(file.read_text(encoding="utf-8"))})
