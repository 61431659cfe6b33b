"""Tables for people: drawn at a terminal, plain columns elsewhere, so that a log stays readable."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

PLAIN_WIDTH = 160


def open_console() -> Console:
    """A console on standard output, wide enough for plain columns if it is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def show(console: Console, title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers stand to the right."""
    cells = [list(row) for row in rows]
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE if console.is_terminal else None
    )
    for place, name in enumerate(head):
        numeric = bool(cells) and all(isinstance(row[place], int | float) for row in cells)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*(escape(_text(cell)) for cell in row))
    console.print(table)
    if not console.is_terminal:  # a box has its own space
        console.print()


def _text(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:.2f}" if isinstance(cell, float) else str(cell)
