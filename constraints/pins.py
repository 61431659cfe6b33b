"""Writes the files of this folder, which pip takes by --constraint.

python constraints/pins.py tested    every version in this environment, of what medxfer, its extras and tests need
python constraints/pins.py lowest    the lowest version that pyproject.toml allows of each of these
"""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
DEV = ("dev",)
EXTRAS = (*DEV, "docs")  # the peers of the benchmarks and the browser are left to pip
OF_BUILDS = re.compile(r"nvidia-.*|cuda-.*|triton")  # what a build of torch needs, which it pins itself

TESTED = """\
# The versions that `make test` was run with, on Linux with Python 3.11; `make demo` and `make test` install them.
# The head of .github/workflows/tests.yml says what ran on other Pythons.
# Lifted by `make test-newest`, which runs the tests with what is newest; `make pins` then writes this file again.
# Builds of torch are not told apart: torch==2.14.1 is also torch 2.14.1+cpu and 2.14.1+cu130.
"""
LOWEST = """\
# The lower bounds of pyproject.toml; `make test-lowest` runs the tests with them, and `make pins` writes this file.
"""


def declared(extras: tuple[str, ...] = EXTRAS) -> list[Requirement]:
    """The requirements in pyproject.toml: of medxfer itself, and of `extras` with the extras that these take."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = {name: list(map(Requirement, texts)) for name, texts in project["optional-dependencies"].items()}
    found = list(map(Requirement, project["dependencies"]))
    waiting = list(extras)
    while waiting:
        for one in optional[waiting.pop()]:
            if one.name == project["name"]:
                waiting += sorted(one.extras)  # a set: its order is another in every process
            else:
                found.append(one)
    return found


def lowest() -> str:
    """A line for each requirement of the tests with a lower bound: exactly that version."""
    lines = set()
    for one in declared(DEV):
        lines |= {f"{canonicalize_name(one.name)}=={s.version}" for s in one.specifier if s.operator in (">=", "==")}
    return LOWEST + "".join(f"{line}\n" for line in sorted(lines))


def tested() -> str:
    """A line for each distribution that the declared requirements need here, directly or not: the version that is here.

    Raises PackageNotFoundError if one is not here.
    """
    found: dict[str, str] = {}
    waiting = declared()
    seen = set()
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        if (name, frozenset(one.extras)) in seen or OF_BUILDS.fullmatch(name):
            continue
        seen.add((name, frozenset(one.extras)))
        distribution = metadata.distribution(name)
        found[name] = distribution.version.partition("+")[0]
        for needed in map(Requirement, distribution.requires or ()):
            extras = one.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return TESTED + "".join(f"{name}=={version}\n" for name, version in sorted(found.items()))


if __name__ == "__main__":
    print({"tested": tested, "lowest": lowest}[sys.argv[1]](), end="")
