"""What cells computed in, and what they took of their machine, from their records; older ones do not tell all of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from medxfer.base.words import count, listing, size

Records = Sequence[Mapping[str, Any]]
Pairs = tuple[tuple[str, str], ...]
TF32 = "TF32 (float32 rounded to ten bits before it is multiplied)"
UNKNOWN = "not known"


def arithmetic(records: Records) -> Pairs:
    """Number formats and what does not repeat, as the page's last section lists them."""
    named = {"matmul": "matrix products", "convolution": "convolutions", "deterministic": "deterministic"}
    told = [record["compute"] for record in records if "matmul" in record.get("compute", {})]
    if not told:
        return ()
    exceptions = _exceptions(told)
    return (
        *((name, ", ".join(_each(told, key))) for key, name in named.items()),
        ("operations without a repeatable form", ", ".join(exceptions) or "none"),
    )


def arithmetic_sentences(records: Records) -> Iterator[str]:
    """The same, for methods.md."""
    told = [record["compute"] for record in records if "matmul" in record.get("compute", {})]
    if not told:
        return
    matmul, convolution = (listing(_each(told, key), "or") for key in ("matmul", "convolution"))
    if matmul == convolution:
        yield f"Matrix products and convolutions were computed in {matmul}."
    else:
        yield f"Matrix products were computed in {matmul}, convolutions in {convolution}."
    if not all(one["deterministic"] for one in told):
        yield "Algorithms were not restricted to those that repeat bit by bit."
        return
    exceptions = _exceptions(told)
    but = ""
    if UNKNOWN in exceptions:
        but = "; which operations do not is not known of every network"
    elif exceptions:
        but = f", but for {listing(exceptions)}"
    yield f"Algorithms that repeat bit by bit on the same device were used{but}."


def spent(records: Records) -> Pairs:
    """Memory at most of a cell, and the energy of all cells that were counted."""
    told = [record["spent"] for record in records if "spent" in record]
    found = []
    for key, name in (("host_bytes", "memory at most, a cell"), ("cuda_bytes", "GPU memory at most, a cell")):
        if known := [one[key] for one in told if key in one]:
            found.append((name, size(max(known))))
    counted: dict[str, list[Mapping[str, Any]]] = {}
    for one in told:
        if "energy_j" in one:
            counted.setdefault(one["energy_of"], []).append(one)
    for source, cells in counted.items():
        kilojoules = sum(one["energy_j"] for one in cells) / 1000
        least = "at least " if any(one["resumed"] for one in cells) else ""  # what was before a stop is not counted
        found.append((f"energy, {source}", f"{least}{kilojoules:,.1f} kJ in {count(len(cells), 'cell')}"))
    return tuple(found)


def each_value(records: Records, key: str) -> dict[str, list[str]]:
    """By name, every value of the cells' versions or machine (`key`): a study made on two machines shows both."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, value in record.get(key, {}).items():
            found.setdefault(name, {})[str(value)] = None
    return {name: list(values) for name, values in found.items()}


def _each(told: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    """Every value that cells have for `key`, as one reads it."""
    words = {"TF32": TF32, "True": "true", "False": "false"}
    return [words.get(value, value) for value in dict.fromkeys(str(one[key]) for one in told)]


def _exceptions(told: Sequence[Mapping[str, Any]]) -> list[str]:
    lists = [[UNKNOWN] if one["not_repeatable"] is None else one["not_repeatable"] for one in told]
    return list(dict.fromkeys(words for one in lists for words in one))
