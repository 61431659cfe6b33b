"""The comparison of a study's arms as a W&B workspace: python -m medxfer.dashboard study=DIR entity=… project=…

Wants the extra `dashboard`, and an API key of W&B's (wandb login); the study's runs must be there (wandb sync).
"""

import sys
from pathlib import Path

from medxfer.base.errors import MedxferError, unknown

SETTINGS = ("study", "entity", "project")
USAGE = "usage: python -m medxfer.dashboard study=DIR entity=… project=…"


def dashboard(study: Path, entity: str, project: str) -> str:
    """Make the workspace and return its address.

    Raises:
        MedxferError: there is no study in the folder, the extra is not installed, or W&B refuses.
    """
    from medxfer.analysis.judge.results import read_study
    from medxfer.analysis.judge.verdict import judge
    from medxfer.analysis.out.workspace import workspace

    records = read_study(study)
    made = workspace(records, judge(records), entity, project)
    from wandb.errors import Error

    try:
        made.save()
    except (Error, OSError, ValueError) as error:
        why = str(error).strip().split("\n")[0].rstrip(".")
        raise MedxferError(
            f"W&B did not take the workspace ({why}); wandb login, and check entity= and project="
        ) from error
    return made.url


def main(arguments: list[str]) -> int:
    try:
        given = dict(argument.partition("=")[::2] for argument in arguments)
        for key in given:
            if key not in SETTINGS:
                raise unknown("setting", key, SETTINGS, USAGE)
        if not all(given.get(key) for key in SETTINGS):
            raise MedxferError(USAGE)
        print(dashboard(Path(given["study"]).expanduser(), given["entity"], given["project"]))
    except MedxferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
