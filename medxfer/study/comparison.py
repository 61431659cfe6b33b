"""What study.contrasts declares: comparisons of any factor, beyond colormaps (RQ1) and weights (RQ2)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medxfer.base.errors import MedxferError
from medxfer.base.words import level_name

EXAMPLE = "study.contrasts=[{compare: window, with: 40/400, within: {colormap: none}}]"
_NEVER = {
    "seed": "seeds are the trainings, which repeat a comparison",
    "data": "data sets have different test patients, and a comparison takes the same ones; the page shows each data "
    "set by itself",
}


@dataclass(frozen=True)
class Comparison:
    """Every other level of `factor` in the grid against `reference`, in the cells that have the levels `within`."""

    name: str  # the factor; with a number where several comparisons have the same one
    factor: str
    reference: Any
    within: Mapping[str, Any]

    def takes(self, factors: Mapping[str, Any]) -> bool:
        """Whether a cell with these factors is one of those that are compared."""
        return all(factors.get(key) == level for key, level in self.within.items())

    def levels(self, cells: Iterable[Mapping[str, Any]]) -> list[Any]:
        """The levels of the factor in `cells`, the reference first if it is one of them."""
        found = list(dict.fromkeys(cell.get(self.factor) for cell in cells if self.takes(cell)))
        return sorted(found, key=lambda level: level != self.reference)

    @property
    def where(self) -> str:
        """'gray, random weights': the levels that all compared cells have; empty if nothing is held."""
        return ", ".join(
            "gray"
            if (key, level) == ("colormap", "none")
            else level_name(key, level) + " weights" * (key == "pretrained")
            for key, level in self.within.items()
        )


def read_comparisons(entries: Sequence[Mapping[str, Any]], tuned: Sequence[str] = ()) -> tuple[Comparison, ...]:
    """The comparisons of study.contrasts, as configuration and study.json hold them.

    Raises:
        MedxferError: an entry has other keys than compare, with and within, compares what cannot be compared, or
            stands there twice.
    """
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise MedxferError(f"study.contrasts={entries}: give a list, such as {EXAMPLE}")
    factors = [_checked(entry, tuned) for entry in entries]
    found: list[Comparison] = []
    for factor, entry in zip(factors, entries, strict=True):
        number = f"-{factors[: len(found) + 1].count(factor)}" if factors.count(factor) > 1 else ""
        one = Comparison(f"{factor}{number}", factor, entry["with"], dict(entry.get("within") or {}))
        if any((one.factor, one.reference, one.within) == (o.factor, o.reference, o.within) for o in found):
            raise MedxferError(f"study.contrasts: the comparison of {factor} with {one.reference} stands there twice")
        found.append(one)
    return tuple(found)


def named_keys(comparisons: Iterable[Comparison]) -> list[str]:
    """Every key that the comparisons name, compared or held, once."""
    return list(dict.fromkeys(key for one in comparisons for key in (one.factor, *one.within)))


def _checked(entry: Any, tuned: Sequence[str]) -> str:
    """The factor of an entry that can be followed."""
    said = f"study.contrasts: {entry}"
    if not isinstance(entry, Mapping) or not {"compare", "with"} <= set(entry) <= {"compare", "with", "within"}:
        raise MedxferError(f"{said}: give compare, with and perhaps within, as in {EXAMPLE}")
    factor, within = entry["compare"], entry.get("within") or {}
    if not isinstance(factor, str) or not isinstance(within, Mapping):
        raise MedxferError(f"{said}: compare is a key and within gives keys their levels, as in {EXAMPLE}")
    for key in (factor, *within):
        if key in tuned:
            raise MedxferError(
                f"{said}: {key} is in study.tuned, where validation picks it: leave it out of one of both"
            )
    if why := _NEVER.get(factor.partition(".")[0]):
        raise MedxferError(f"{said}: {factor} cannot be compared, because {why}")
    if factor in within:
        raise MedxferError(f"{said}: {factor} is compared and cannot be held as well; leave it out of within")
    if "seed" in within:
        raise MedxferError(f"{said}: a comparison takes all seeds; leave seed out of within")
    return factor
