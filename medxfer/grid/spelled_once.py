"""Two spellings of one value are two levels of a factor, and an answer would compare the value with itself."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations

from medxfer.base.errors import MedxferError
from medxfer.base.files import read_json
from medxfer.base.window import parse_window
from medxfer.base.words import hydra_value
from medxfer.color import parse_colormap
from medxfer.model.catalogue import BOTTOM, find
from medxfer.model.weights import PACKAGES
from medxfer.study.cell import Cell
from medxfer.study.folder import Study
from medxfer.study.identity import Json
from medxfer.training.settled_cell import Settled

WHAT = {"window": "window", "colormap": "table of colours", "backbone": "network", "pretrained": "file of weights"}
Told = tuple[Mapping[str, str], Json]  # a cell's factors, and the record of its "weights" and "colors" where known


def check_spelled_once(settled: Sequence[Settled], study: Study) -> None:
    """Raise MedxferError where two levels of a factor are one value; numbers are read before, and are spelled once.

    `settled` are cells of `study`. Two levels that it has planned already stay as they are.
    """
    before = _levels(_planned(study))
    for (key, meaning), now in _levels(map(_told, settled)).items():
        known = before.get((key, meaning), ())
        for one, other in combinations(dict.fromkeys((*known, *now)), 2):
            if one in known and other in known:
                continue
            first, second = (f"{key}={hydra_value(level)}" for level in (one, other))
            has = f"this study has {first}, so " if one in known else ""
            raise MedxferError(
                f"{first} and {second} are one {WHAT[key]}, and would be two levels of it: {has}give {first} alone"
            )


def _levels(cells: Iterable[Told]) -> dict[tuple[str, Hashable], tuple[str, ...]]:
    """The levels of each factor that mean the same."""
    found: dict[tuple[str, Hashable], tuple[str, ...]] = {}
    for factors, record in cells:
        for key, meaning in _meanings(factors, record):
            known = found.get((key, meaning), ())
            if factors[key] not in known:
                found[key, meaning] = (*known, factors[key])
    return found


def _meanings(factors: Mapping[str, str], record: Json) -> Iterator[tuple[str, Hashable]]:
    backbone, colors, weights = factors["backbone"], record.get("colors"), record.get("weights")
    yield "window", parse_window(factors["window"])
    yield "colormap", _colors(factors["colormap"], colors["file"] if colors else "", colors["sha256"] if colors else "")
    entry = find(backbone)
    packaged = not entry.tag and entry.architecture in PACKAGES  # other weights than those of its tag
    yield "backbone", (entry.architecture, entry.cfg.tag, packaged)
    if weights:
        part = factors["pretrained"] if str(factors["pretrained"]).startswith(BOTTOM) else ""
        yield "pretrained", (backbone, part, weights["sha256"], str(weights["mean"]), str(weights["std"]))


@cache
def _colors(name: str, file: str, sha256: str) -> Hashable:
    """What the colours of a colormap are; a user's file is told by its content, where that is known."""
    if "file:" in name:
        return name.replace(f"file:{file}", f"file:{sha256}") if file else name
    colormap = parse_colormap(name)
    return colormap.kind, colormap.windows, colormap.table().numpy().tobytes()


def _told(one: Settled) -> Told:
    colors = one.colors and {"file": one.colors.name, "sha256": one.colors.sha256}
    return one.cell.factors, {"weights": one.weights and one.weights.record(), "colors": colors}


def _planned(study: Study) -> Iterator[Told]:
    """The cells that the study has; records are read of one cell a level, and of those that are done alone."""
    read: set[Hashable] = set()
    planned = study.planned if (study.folder / "study.json").is_file() else {}
    for name, factors in planned.items():
        cell, record = Cell(study, name, factors), {}
        level = factors["backbone"], factors["pretrained"], factors["colormap"]
        if level not in read and cell.is_done():
            read.add(level)
            record = read_json(cell.folder / "metrics.json")
        yield factors, record
