"""Colormaps there are, as a table and as a picture."""

import sys
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medxfer.base.arguments import Command, run, setting
from medxfer.base.errors import MedxferError
from medxfer.base.kinds import FIGURE


@dataclass(frozen=True)
class Settings:
    out: Path | None = setting("where they are drawn", None, shown="FILE", takes=FIGURE)


COMMAND = Command("python -m medxfer.color", __doc__, Settings)


def list_colormaps(given: Settings) -> None:
    from medxfer.color.colormaps import families, without_reversed

    console = Console()
    table = Table(box=box.SIMPLE, show_lines=True)
    table.add_column("colormap=", ratio=1)
    table.add_column("names, or examples", ratio=2, overflow="fold")
    listed = {one: one.listed() if one.listed else ", ".join(without_reversed(one.names)) for one in families()}
    for family, names in sorted(listed.items(), key=lambda item: len(item[1])):  # catalogues of hundreds come last
        table.add_row(f"[bold]{escape(family.form)}[/bold]\n{escape(family.meaning)}", escape(names))
    console.print(table)
    if given.out is None:
        console.print("As a picture: python -m medxfer.color out=colormaps.png")
    else:
        _draw(given.out)
        console.print(f"Drawn to {given.out}.")


def _draw(out: Path) -> None:
    from medxfer.color.figure import draw_colormaps

    try:
        draw_colormaps().savefig(out, dpi=150)
    except OSError as error:
        raise MedxferError(f"{out} cannot be written: {error}") from error


def main(arguments: list[str]) -> int:
    return run(COMMAND, list_colormaps, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
