"""How far a study is: its cells as a matrix, what runs, what failed and why, and the time left.

The figures of finished cells are the declared metric on validation images; test figures stand in the report alone.

withdraw=colormap=inferno reason="a mistake" takes an arm without results out of the plan: it no longer makes the answer
incomplete and no longer counts in a family of comparisons. study.json keeps it with the reason, which the page shows.
The command that trains it plans it again. An arm that has a result cannot be withdrawn.

prune=true deletes the weights of the cells that are done, for disk space. Records, scores and the report stay; predict,
export and external sets that are asked later need the weights. keep=none of medxfer.train does so after each cell.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from medxfer.base.arguments import Command, run, setting
from medxfer.base.errors import MedxferError
from medxfer.base.kinds import STUDY, Text
from medxfer.base.words import count
from medxfer.grid.matrix import show_study
from medxfer.study.checkpoints import clear_study
from medxfer.study.state import status
from medxfer.study.withdrawal import withdraw


@dataclass(frozen=True)
class Settings:
    study: Path = setting("which study", shown="DIR", takes=STUDY)
    json: bool = setting("print it as JSON, for programs", False, shown="true")
    withdraw: str = setting(
        "cells to take out of the plan", "", shown="FACTOR=VALUE[,…]",
        takes=Text("factors of the study with a value each, such as colormap=inferno,pretrained=true"),
    )  # fmt: skip
    reason: str = setting("why they are withdrawn, for the page", "", shown="TEXT")
    prune: bool = setting("delete the weights of finished cells, which predict and export need", False, shown="true")


COMMAND = Command("python -m medxfer.status", __doc__, Settings)


def show(given: Settings) -> None:
    if given.reason and not given.withdraw:
        raise MedxferError("reason= goes with withdraw=FACTOR=VALUE, which says what is withdrawn")
    if given.withdraw:
        number = withdraw(given.study, given.withdraw, given.reason)
        print(f"withdrawn: {given.withdraw}, {count(number, 'cell')}", file=sys.stderr)
    if given.prune:
        cells, freed = clear_study(given.study)
        print(f"weights deleted: {count(cells, 'cell')}, {freed / 1e6:,.0f} MB", file=sys.stderr)
    if given.json:
        print(json.dumps(status(given.study), indent=2))
    else:
        show_study(given.study, Console(highlight=False, soft_wrap=False))


def main(arguments: list[str]) -> int:
    return run(COMMAND, show, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
