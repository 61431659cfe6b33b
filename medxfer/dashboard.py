"""The comparison of a study's arms as a W&B workspace: python -m medxfer.dashboard study=DIR entity=… project=…

Wants the extra `dashboard`, and an API key of W&B's (wandb login); the study's runs must be there (wandb sync).
"""

import sys
from pathlib import Path

from medxfer.analysis import save_workspace
from medxfer.base.errors import MedxferError, unknown

SETTINGS = ("study", "entity", "project")
USAGE = "usage: python -m medxfer.dashboard study=DIR entity=… project=…"


def main(arguments: list[str]) -> int:
    try:
        given = dict(argument.partition("=")[::2] for argument in arguments)
        for key in given:
            if key not in SETTINGS:
                raise unknown("setting", key, SETTINGS, USAGE)
        if not all(given.get(key) for key in SETTINGS):
            raise MedxferError(USAGE)
        print(save_workspace(Path(given["study"]).expanduser(), given["entity"], given["project"]))
    except MedxferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
