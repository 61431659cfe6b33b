"""What must be known of a study's data before its answers are used."""

from collections.abc import Iterator
from typing import Any

from medxfer.analysis.judge.flow import by_class
from medxfer.analysis.judge.results import StudyRecord
from medxfer.base.words import count, listing, weights_name
from medxfer.study.identity import FOLD

NAMED = 4  # folds without a class that are listed


def caveats(study: StudyRecord) -> tuple[str, ...]:
    """What must be known of the data before the answers are used, each once."""
    same = [
        f"{listing(names)} are the same files and labels, so that their patients are the same people: comparisons over "
        f"data sets use {names[0]} alone (or, for arms that it does not have, the next)"
        for names in study.same_files
    ]
    said = [f"{cell.record['data']['name']}: {text}" for cell in study.done for text in cell.record["data"]["caveats"]]
    return tuple(dict.fromkeys([*same, *said, *other_scales(study), *_without_pairs(study)]))


def other_scales(study: StudyRecord) -> Iterator[str]:
    """The weights of a network whose input is normalised by other numbers than that of another arm, each once."""
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    for cell in study.done:
        if cell.record.get("input") and study.settings.get("normalize") != "arm":
            used = cell.record["input"]
            scale = (*used["mean"], *used["std"])
            found.setdefault(cell.factors["backbone"], {})[weights_name(cell.factors["pretrained"])] = scale
    for backbone, scales in found.items():
        if len(set(scales.values())) > 1:
            said = [f"{name} by mean {scale[:3]} and standard deviation {scale[3:]}" for name, scale in scales.items()]
            yield (
                f"{backbone}: arms normalise their input as their weights want it ({'; '.join(said)}), so that they "
                "differ in that as well"
            )


def _without_pairs(study: StudyRecord) -> Iterator[str]:
    """The folds that lack a class, or images without a label: an AUROC has no pair of images there."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    divisions: dict[str, set[tuple[Any, Any]]] = {}
    for cell in (fold for training in study.done for fold in training.folds):
        data, where = str(cell.factors["data"]), (cell.factors["seed"], cell.factors[FOLD])
        if where in divisions.setdefault(data, set()):
            continue  # other arms are tested on the same folds
        divisions[data].add(where)
        images, _ = by_class(cell, "test")
        for name, n in zip(cell.record["classes"], images, strict=False):
            lacks = f"no image with {name}" if n == 0 else ""
            if cell.record["task"] == "multilabel" and n == cell.record["data"]["images"]["test"]:
                lacks = f"no image without {name}"
            if lacks:
                found.setdefault((data, lacks), {})[f"seed {where[0]}, fold {where[1]}"] = None
    for (data, lacks), places in found.items():
        named = list(places)
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        yield (
            f"{data}: {len(named)} of {count(len(divisions[data]), 'fold')} {'tests' if len(named) == 1 else 'test'} "
            f"{lacks} ({'; '.join(named[:NAMED])}{more}): no pair of images there counts for AUROC"
        )
