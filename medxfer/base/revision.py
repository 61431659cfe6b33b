"""Which medxfer this is: its version, and the git commit where it runs from a checkout."""

import os
import subprocess
from functools import cache
from pathlib import Path

from medxfer import __version__

PACKAGE = Path(__file__).parents[1]


def own_version() -> dict[str, str]:
    """{"medxfer": version}, with "medxfer commit" where there is one."""
    return {"medxfer": __version__, **({"medxfer commit": commit} if (commit := revision(PACKAGE)) else {})}


@cache
def revision(package: Path) -> str | None:
    """The commit of the repository that tracks `package`, with -dirty where tracked files differ from it.

    Asked once a process, because later commits are not what is running. None without git, or where no repository
    tracks the package: one that is installed below somebody's repository has no commit.
    """
    try:
        _git(package, "ls-files", "--error-unmatch", "__init__.py")
        return _git(package, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    elsewhere = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}  # as a hook of another repository sets them
    settings = {key: value for key, value in os.environ.items() if key not in elsewhere}
    return subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env=settings | {"GIT_OPTIONAL_LOCKS": "0"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=10,
    ).stdout.strip()  # fmt: skip
