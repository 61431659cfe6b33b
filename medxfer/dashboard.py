"""Make the W&B workspace that compares a study's arms, and print its address.

Needs the extra medxfer[dashboard] and a key of W&B's (wandb login); the study's runs must be there (wandb sync).
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from medxfer.base.arguments import Command, run, setting


@dataclass(frozen=True)
class Settings:
    study: Path = setting("a study's folder, as medxfer.train made it", shown="DIR")
    entity: str = setting("the user or team at W&B")
    project: str = setting("the project at W&B, logger.project of the training")


COMMAND = Command("python -m medxfer.dashboard", __doc__, Settings)


def save(given: Settings) -> None:
    from medxfer.analysis import save_workspace

    print(save_workspace(given.study, given.entity, given.project))


def main(arguments: list[str]) -> int:
    return run(COMMAND, save, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
