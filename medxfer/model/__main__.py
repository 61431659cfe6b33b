"""python -m medxfer.model [pattern]: backbones with their input, their weights, and whether those are on this machine.

With a pattern also their parameters: to count them, each network is built, which takes a tenth of a second.
"""

import argparse
import sys
import warnings
from collections.abc import Iterable
from fnmatch import fnmatchcase

import timm

from medxfer.base.errors import unknown
from medxfer.base.terminal import open_console, show
from medxfer.model.backbone import count_parameters
from medxfer.model.catalogue import LIST_HINT, find
from medxfer.model.weights import available

HEAD = ("backbone", "input", "pretrained=true takes", "here", "parameters")


def table(chosen: Iterable[str], counted: bool) -> list[tuple[str, ...]]:
    """A row for each backbone in `chosen`, as HEAD says; the parameters only if they are to be counted."""
    rows: list[tuple[str, ...]] = []
    for name in chosen:
        entry = find(name)
        source, here = available(entry)
        row = (name, "×".join(map(str, entry.cfg.input_size)), source or "none", "yes" if here else "")
        rows.append((*row, f"{count_parameters(name) / 1e6:.1f} M") if counted else row)
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Print the table of the backbones whose names match; 1 where none does."""
    parser = argparse.ArgumentParser(prog="python -m medxfer.model", description=__doc__.partition("\n")[0])
    parser.add_argument("pattern", nargs="?", default="*", help="of names, such as 'resnet*'; it adds the parameters")
    pattern, names = parser.parse_args(arguments).pattern, timm.list_models()
    chosen = [name for name in names if fnmatchcase(name, pattern)]
    if not chosen:
        print(f"error: {unknown('backbone', pattern, names, LIST_HINT)}", file=sys.stderr)
        return 1
    counted = pattern != "*"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # timm's own deprecations
        show(open_console(), "Backbones", HEAD if counted else HEAD[:-1], table(chosen, counted))
    if not counted:
        print("With parameters: python -m medxfer.model PATTERN, such as 'resnet*'.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
