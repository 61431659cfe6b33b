"""`python -m medxfer.model [pattern]`: backbones with size, input and weights, and if those are here."""

import argparse
import sys
from collections.abc import Iterable
from fnmatch import fnmatchcase

from medxfer.base.errors import unknown
from medxfer.model.catalogue import LIST_HINT, SHORT, find, names
from medxfer.model.sizes import parameters
from medxfer.model.weights import available


def table(chosen: Iterable[str]) -> list[tuple[str, str, str, str, str]]:
    """(name, parameters, input, weights' source, whether on this machine) of each backbone in `chosen`."""
    rows = []
    for name in chosen:
        entry = find(name)
        source, here = available(entry)
        channels, height, width = entry.input_size
        size = f"{parameters(SHORT.get(name, name)) / 1e6:.1f} M"
        rows.append((name, size, f"{channels}×{height}×{width}", source or "none", "yes" if here else ""))
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Print the table of the backbones whose names match; 1 where none does."""
    parser = argparse.ArgumentParser(prog="python -m medxfer.model", description=__doc__)
    parser.add_argument("pattern", nargs="?", default="*", help="of names, such as 'resnet*' or 'torchvision/*'")
    pattern = parser.parse_args(arguments).pattern
    chosen = [name for name in names() if fnmatchcase(name, pattern)]
    if not chosen:
        print(unknown("backbone", pattern, names(), LIST_HINT), file=sys.stderr)
        return 1
    head = ("backbone", "parameters", "input", "pretrained=true takes", "here")
    rows = [head, *table(chosen)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for name, size, shape, source, here in rows:
        columns = (
            name.ljust(widths[0]),
            size.rjust(widths[1]),
            shape.ljust(widths[2]),
            source.ljust(widths[3]),
        )
        print("  ".join((*columns, here)).rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
