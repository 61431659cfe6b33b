"""Prints a file of constraints for this environment: a build of torch that somebody chose for it, 2.13.0+cpu, is kept.

    python constraints/kept.py constraints/tested.txt

Without a file there are no constraints. Needs nothing but Python: it runs before anything is installed.
"""

import sys
from importlib import metadata
from pathlib import Path

BUILDS = ("torch", "torchvision")


def kept(lines: list[str], torch: str) -> list[str]:
    """`lines`, without those of torch where its version here has a local part: builds of PyPI have none."""
    return [line for line in lines if not ("+" in torch and line.partition("==")[0] in BUILDS)]


def torch_here() -> str:
    """The version of torch in this environment; "" if there is none."""
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    lines = [line for file in sys.argv[1:] for line in Path(file).read_text(encoding="utf-8").splitlines()]
    print(*kept(lines, torch_here()), sep="\n")
