"""How far a study is: its cells as a matrix, what runs, what failed and why, and the time left."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from medxfer.base.arguments import Command, run, setting
from medxfer.grid.matrix import show_study
from medxfer.study.state import status


@dataclass(frozen=True)
class Settings:
    study: Path = setting("a study's folder, as medxfer.train made it", shown="DIR")
    json: bool = setting("print it as JSON, for programs", False, shown="true")


COMMAND = Command("python -m medxfer.status", __doc__, Settings)


def show(given: Settings) -> None:
    if given.json:
        print(json.dumps(status(given.study), indent=2))
    else:
        show_study(given.study, Console(highlight=False, soft_wrap=False))


def main(arguments: list[str]) -> int:
    return run(COMMAND, show, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
