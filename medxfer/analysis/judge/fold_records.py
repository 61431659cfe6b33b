"""What the records (metrics.json) of a training's folds have in common."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, cast

Record = dict[str, Any]


def shared_record(folds: Sequence[Mapping[str, Any]]) -> Record:
    """The record of a training of folds, from those of its cells. Validation metrics are means; tested
    images and patients, and times, are sums.

    There are no test metrics: they are computed from the scores, within folds. Training and validation parts are those
    of the first fold, and differ (`Flow.each_fold`). What is known of patients is of all that are tested.
    """
    first = folds[0]
    names = [name for name in first["metrics"] if name.startswith("val/")]
    shared = cast(Record, copy(first))  # of its kind, which names the file where something is lacking; so below
    for key in ("cell", "factors", "epochs", "best_epoch"):
        shared.pop(key, None)
    shared |= {
        "metrics": {name: _mean([one["metrics"].get(name) for one in folds]) for name in names},
        "undefined": {name: why for one in folds for name, why in one.get("undefined", {}).items()},
        "threshold": None,
        "timings": {name: sum(one["timings"].get(name, 0.0) for one in folds) for name in first["timings"]},
        "data": _data([one["data"] for one in folds]),
    }
    return shared


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _data(folds: Sequence[Mapping[str, Any]]) -> Record:
    first = folds[0]
    data = cast(Record, copy(first))
    data |= {
        **{of: {**first[of], "test": sum(one[of]["test"] for one in folds)} for of in ("images", "patients")},
        "caveats": list(dict.fromkeys(text for one in folds for text in one["caveats"])),
    }
    if "scored" in first:
        counts = [one["scored"]["test"] for one in folds]
        by_class = [sum(of_class) for of_class in zip(*(one["by_class"] for one in counts), strict=True)]
        test = {"series": sum(one["series"] for one in counts), "by_class": by_class}
        data["scored"] = {**first["scored"], "test": test}
    if "site" in first:
        data["sites"] = [one["site"] for one in folds]
    if "flow" in first:
        by_class = [one["flow"]["by_class"]["test"] for one in folds]
        of_test = {
            of: [sum(n) for n in zip(*(one[of] for one in by_class), strict=True)] for of in ("images", "patients")
        }
        flow = {key: value for key, value in first["flow"].items() if key != "people"}
        data["flow"] = {**flow, "by_class": {**first["flow"]["by_class"], "test": of_test}}
        if tested := flow.pop("people_tested", None):
            data["flow"] |= {"people": {"test": tested}}
    return data
