"""Make the W&B workspace that compares a study's arms, and print its address.

Needs the extra medxfer[dashboard] and a key of W&B's (wandb login); the study's runs must be there (wandb sync).
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from medxfer.base.arguments import Command, run, setting
from medxfer.base.kinds import STUDY, Text


@dataclass(frozen=True)
class Settings:
    study: Path = setting("which study", shown="DIR", takes=STUDY)
    entity: str = setting("where it is made", takes=Text("a user or team at W&B"))
    project: str = setting("in which project", takes=Text("a project at W&B, logger.project of the training"))


COMMAND = Command("python -m medxfer.dashboard", __doc__, Settings)


def save(given: Settings) -> None:
    from medxfer.analysis import save_workspace

    print(save_workspace(given.study, given.entity, given.project))


def main(arguments: list[str]) -> int:
    return run(COMMAND, save, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
