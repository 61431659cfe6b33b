"""Backbones there are, with their input, their weights, and whether those are on this machine.

With a pattern also their parameters: to count them, each network is built, which takes a tenth of a second.
"""

import sys
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from medxfer.base.arguments import Command, run, setting
from medxfer.base.errors import unknown
from medxfer.base.kinds import Text
from medxfer.base.terminal import open_console, show


@dataclass(frozen=True)
class Settings:
    pattern: str = setting(
        "which ones; it adds the parameters", "*", shown="PATTERN", bare=True,
        takes=Text("a name, or a pattern of names such as 'resnet*'"),
    )  # fmt: skip


COMMAND = Command("python -m medxfer.model", __doc__, Settings)
HEAD = ("backbone", "input", "pretrained=true takes", "here", "parameters")


def table(chosen: Iterable[str], counted: bool) -> list[tuple[str, ...]]:
    """A row for each backbone in `chosen`, as HEAD says; the parameters only if they are to be counted."""
    from medxfer.model.backbone import count_parameters
    from medxfer.model.catalogue import find
    from medxfer.model.weights import available

    rows: list[tuple[str, ...]] = []
    for name in chosen:
        entry = find(name)
        source, here = available(entry)
        row = (name, "×".join(map(str, entry.cfg.input_size)), source or "none", "yes" if here else "")
        rows.append((*row, f"{count_parameters(name) / 1e6:.1f} M") if counted else row)
    return rows


def list_backbones(given: Settings) -> None:
    import timm

    from medxfer.model.catalogue import LIST_HINT

    names = timm.list_models()
    chosen = [name for name in names if fnmatchcase(name, given.pattern)]
    if not chosen:
        raise unknown("backbone", given.pattern, names, LIST_HINT)
    counted = given.pattern != "*"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # timm's own deprecations
        show(open_console(), "Backbones", HEAD if counted else HEAD[:-1], table(chosen, counted))
    if not counted:
        print("With parameters: python -m medxfer.model PATTERN, such as 'resnet*'.")


def main(arguments: list[str]) -> int:
    return run(COMMAND, list_backbones, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
