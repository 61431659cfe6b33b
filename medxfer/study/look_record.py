"""looks.json: the looks that were taken at a study's test results, and what each of them spent of the error.

It is kept because later looks follow from it: their boundaries are computed with those that were really used. What
stands there for a look is never written again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from medxfer.base.errors import MedxferError
from medxfer.base.files import alone, read_json, write_json

FILE = "looks.json"


@dataclass(frozen=True)
class Taken:
    """One look at one contrast."""

    seeds: int  # an arm
    information: tuple[float, ...]  # fractions of this look and those before it, as estimated then; this one last
    spent: float  # of the error, after this look
    z: float  # the normal critical value
    level: float  # the nominal level that goes with it
    estimate: float
    p: float  # repeated, adjusted in the family: below alpha is a difference
    p_equivalent: float
    decided: bool


@dataclass(frozen=True)
class LookRecord:
    """By contrast ('RQ1 viridis − none, pretrained'), in the order in which they were taken."""

    declared: Mapping[str, tuple[Taken, ...]] = field(default_factory=dict)
    undeclared: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # seeds an arm that reports have shown

    def merged(self, new: "LookRecord") -> "LookRecord":
        """This record and what `new` adds to it; a look that is known stays as it is."""
        declared, undeclared = dict(self.declared), dict(self.undeclared)
        for name, looks in new.declared.items():
            known = declared.get(name, ())
            more = [one for one in looks if one.seeds > max((k.seeds for k in known), default=0)]
            declared[name] = (*known, *more)
        for name, seeds in new.undeclared.items():
            undeclared[name] = tuple(dict.fromkeys((*undeclared.get(name, ()), *seeds)))
        return LookRecord(declared, undeclared)


def read_looks(folder: Path) -> LookRecord:
    """What the study in `folder` has recorded; nothing is no error.

    Raises:
        MedxferError: the file is damaged.
    """
    path = folder / FILE
    try:
        content: dict[str, Any] = read_json(path)
    except FileNotFoundError:
        return LookRecord()
    except MedxferError as error:
        raise MedxferError(_lost(path)) from error
    try:
        declared = {
            name: tuple(Taken(**{**one, "information": tuple(one["information"])}) for one in looks)
            for name, looks in content["declared"].items()
        }
        undeclared = {name: tuple(map(int, seeds)) for name, seeds in content["undeclared"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MedxferError(_lost(path)) from error
    return LookRecord(declared, undeclared)


def _lost(path: Path) -> str:
    return (
        f"{path} is damaged, and later looks follow from what earlier ones spent: put a copy of it back; if there is "
        "none, delete it, and say in the paper that the looks before are not counted"
    )


def record_looks(folder: Path, new: LookRecord) -> LookRecord:
    """Add to the study's record what it does not know, and give all that is known."""
    known = read_looks(folder)
    if known.merged(new) == known:
        return known
    with alone(folder, "looks", FILE):
        merged = read_looks(folder).merged(new)
        write_json(folder / FILE, asdict(merged))
    return merged
