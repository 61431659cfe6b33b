"""Networks that timm lacks, one file each: every file here is found by itself, and registers its network with timm."""

from importlib import import_module
from pkgutil import iter_modules

for _found in iter_modules(__path__):
    import_module(f"{__name__}.{_found.name}")
