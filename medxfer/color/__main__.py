"""python -m medxfer.color [out=colormaps.png]: which colormaps there are, as a table and as a picture."""

import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medxfer.base.errors import MedxferError
from medxfer.color.colormaps import FAMILIES, without_reversed
from medxfer.color.figure import draw_colormaps


def main(arguments: list[str]) -> int:
    """Print the table; with `out=<file>` (png, svg, pdf) also draw the picture. Returns the exit code."""
    console = Console()
    try:
        out = _out(arguments)
        table = Table(box=box.SIMPLE, show_lines=True)
        table.add_column("colormap=", ratio=1)
        table.add_column("names, or examples", ratio=2, overflow="fold")
        for family in FAMILIES:
            names = family.listed() if family.listed else ", ".join(without_reversed(family.names))
            table.add_row(f"[bold]{escape(family.form)}[/bold]\n{escape(family.meaning)}", escape(names))
        console.print(table)
        if out is None:
            console.print("As a picture: python -m medxfer.color out=colormaps.png")
        else:
            _save(out)
            console.print(f"Drawn to {out}.")
    except MedxferError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _out(arguments: list[str]) -> Path | None:
    if not arguments:
        return None
    key, _, value = arguments[0].partition("=")
    if len(arguments) > 1 or key != "out" or not value:
        raise MedxferError(f"medxfer.color takes out=<file> and nothing else, not {' '.join(arguments)}.")
    return Path(value)


def _save(out: Path) -> None:
    if not out.parent.is_dir():
        raise MedxferError(f"{out} cannot be written: there is no folder {out.parent}.")
    try:
        draw_colormaps().savefig(out, dpi=150)
    except (OSError, ValueError) as error:  # ValueError: a format that matplotlib does not write
        raise MedxferError(f"{out} cannot be written: {error}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
