"""What the person at the terminal sees while a command works: bars, warnings, and a picture above them."""

import atexit
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

Step = Callable[[str, int, int], None]  # told what is done, how many are done, of how many; `Display.step` is one

console = Console(highlight=False, soft_wrap=True)


class Display:
    """One live picture at a terminal: what `picture` draws, the bars of what goes on, the last warnings.

    Elsewhere it prints plain lines, so that a log stays readable.
    """

    def __init__(self) -> None:
        self.plain = not console.is_terminal
        columns = (TextColumn("[bold]{task.description}"), BarColumn(30), MofNCompleteColumn())
        self.bars = Progress(*columns, TextColumn("{task.fields[note]}"), console=console)
        self.tasks: dict[str, TaskID] = {}
        self.warnings: list[str] = []
        self.picture: Callable[[], list[RenderableType]] = list
        self.live = Live(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)

    def open(self, picture: Callable[[], list[RenderableType]]) -> None:
        """Show what `picture` returns, made anew several times a second, above the bars."""
        self.picture = picture
        if not self.plain:
            self.live.start()

    def say(self, text: str) -> None:
        """A line that stays, above the picture; `text` is rich's markup."""
        console.print(text)

    def note(self, text: str) -> None:
        """A line for a log; the picture shows it in its own way."""
        if self.plain:
            console.print(text)

    def warn(self, message: Warning | str, *_: object, **__: object) -> None:
        """In place of warnings.showwarning: each text once."""
        text = str(message).strip()
        if text not in self.warnings:
            self.warnings.append(text)
            self.note(f"[yellow]warning:[/] {escape(text)}")

    def step(self, what: str, done: int, total: int, note: str = "", title: str = "") -> None:
        """Move the bar named `what`, shown as `title`; it appears when first moved."""
        if self.plain:
            return
        self.live.start()
        if what not in self.tasks:
            self.tasks[what] = self.bars.add_task(what, total=total, note=note)
        self.bars.update(self.tasks[what], completed=done, total=total, note=note, description=title or what)

    def drop(self, what: str) -> None:
        """Remove the bar named `what`."""
        if what in self.tasks:
            self.bars.remove_task(self.tasks.pop(what))

    def close(self) -> None:
        """Take the picture away, but keep its warnings."""
        shown = self.live.is_started
        self.live.stop()
        for what in list(self.tasks):
            self.drop(what)
        if shown:
            for text in self.warnings:
                console.print(f"[yellow]warning:[/] {escape(text)}")

    def _render(self) -> RenderableType:
        warnings = [
            Text(f"warning: {text}", style="yellow", no_wrap=True, overflow="ellipsis") for text in self.warnings[-3:]
        ]
        return Group(*self.picture(), self.bars, *warnings)


display = Display()  # one terminal, one display
atexit.register(display.close)  # however the command ends, the terminal gets its cursor back
