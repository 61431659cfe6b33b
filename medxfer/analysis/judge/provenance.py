"""How a study was made: command, settings, data, weights, versions, machine, time and caveats."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medxfer.analysis.judge.chosen_epochs import chosen_epochs, of_arms
from medxfer.analysis.judge.computed import arithmetic, spent
from medxfer.analysis.judge.phrases import span
from medxfer.analysis.judge.readings import flat
from medxfer.analysis.judge.results import CellRecord, StudyRecord
from medxfer.analysis.judge.scores import CellScores, read_predictions, read_scores
from medxfer.base.errors import MedxferError
from medxfer.base.series import IMAGE
from medxfer.base.words import count, describe, listing, site_noun, weights_name
from medxfer.study.identity import FOLD
from medxfer.study.last_epochs import often_the_last

Record = Mapping[str, Any]
NAMED = 4  # folds without a class that are listed


@dataclass(frozen=True)
class Facts:
    title: str
    code: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    text: tuple[str, ...] = ()


def provenance(study: StudyRecord) -> list[Facts]:
    """The page's last section, from the records alone; parts without content are left out."""
    records = [cell.record for cell in study.done]
    data = {str(record["data"]["name"]): record["data"] for record in records}
    weights = {str(record["weights"]): record["weights"] for record in records if record.get("weights")}
    every = [cell.record for cell in study.rows if cell.status == "done"]
    minutes = sum(record["timings"].get("total_s", 0.0) for record in every) / 60
    took = f"{minutes:.1f} minutes"
    everything = [
        Facts("Command", code=study.command),
        Facts("Asked" if study.declared.table else "Declared before the first cell ran", pairs=_declared(study)),
        Facts("Caveats", text=caveats(study)),
        Facts("Withdrawn", text=tuple(f"{what}: {reason}" for what, reason in study.withdrawn)),
        Facts("Not done", text=tuple(not_done(cell, study.varied) for cell in study.unfinished)),
        *(Facts(f"Data: {flow.data}", pairs=_data(flow, data[flow.data])) for flow in flows(study)),
        *(Facts(f"Weights: {w['file']}", pairs=_weights(w)) for w in weights.values()),
        Facts("Settings shared by all cells", pairs=_pairs(flat(study.settings))),
        Facts("Chosen epochs", pairs=chosen_epochs(study), text=tuple(filter(None, [often_the_last(of_arms(study))]))),
        Facts("Arithmetic", pairs=arithmetic(every)),
        Facts("Versions", pairs=_differing(every, "versions")),
        Facts(
            "Machine and time",
            pairs=(
                *_differing(every, "machine"),
                *([("training and testing, all cells", took)] if minutes else []),
                *spent(every),
            ),
        ),
    ]
    return [facts for facts in everything if facts.code or facts.pairs or facts.text]


def _declared(study: StudyRecord) -> tuple[tuple[str, str], ...]:
    """What the study declares; of a table of scores without the rules of questions that it does not ask."""
    declared, left_out = vars(study.declared), set()
    if not study.declared.table:
        left_out = {"table", "arms", "beside"}
    elif study.declared.arms:
        left_out = {"rq1", "rq2", "tuned", "looks", "budget", "table", "arms", "beside"}
    return _pairs({key: value for key, value in declared.items() if key not in left_out})


@dataclass(frozen=True)
class Part:
    """Images and patients of a part of a data set, and what is known of its patients.

    A patient counts in every class of which there is an image. `age` has the number of patients with a known age
    ("known") and, of five or more, "median" and quartiles ("low", "high") in years; `sex`, `scanner` and
    `manufacturer` have the patients of each. None stands for 1 to 4. They are empty where nothing is known.
    """

    images: int
    patients: int
    images_by_class: tuple[int, ...] = ()
    patients_by_class: tuple[int, ...] = ()
    age: Mapping[str, float | None] = field(default_factory=dict)
    sex: Mapping[str, int | None] = field(default_factory=dict)
    scanner: Mapping[str, int | None] = field(default_factory=dict)
    manufacturer: Mapping[str, int | None] = field(default_factory=dict)
    series: int | None = None  # that its images are slices of, where series are scored
    series_by_class: tuple[int, ...] = ()

    @property
    def said(self) -> str:
        """'480 images', or '480 images in 60 series' where series are scored."""
        return count(self.images, "image") + ("" if self.series is None else f" in {self.series:,} series")


@dataclass(frozen=True)
class Flow:
    """The way of a data set's files: received, refused by reason, and the parts that were used.

    Cells of earlier versions recorded neither `received_patients`, `used` nor what is known of patients.
    """

    data: str
    modality: str
    classes: tuple[str, ...]
    task: str
    received: int
    refused: Mapping[str, int]
    parts: Mapping[str, Part]
    has_ids: bool  # of patients; else each image counts as one
    received_patients: int | None = None  # of files with a label
    used: tuple[int, int] | None = None  # images and patients that are left
    folds: int = 0  # that a training has; its test part is then all of them, and the other parts are of the first
    each_fold: tuple[Mapping[str, Part], ...] = ()  # the parts of each of these folds
    sites: tuple[str, ...] = ()  # the folds, where they are given by a column of the table
    groups: str = ""  # that column
    official: bool = True  # whether folds leave an official test part alone
    given_test: bool | None = None  # whether a release or a file gives the test part; None where it is not recorded
    test_share: float | None = None  # that one split tests
    score: str = IMAGE  # what is scored: images, or series by mean or max

    @property
    def positive(self) -> str:
        """The class that a score above the threshold stands for; empty in other tasks than binary ones."""
        return self.classes[1] if self.task == "binary" else ""

    @property
    def prevalence(self) -> float | None:
        """The share of the positive class in the test images."""
        return self.shares[self.positive] if self.positive and self.shares else None

    @property
    def shares(self) -> dict[str, float]:
        """The share of each class, or of each label, in what is scored of test; empty where it is not known."""
        test = self.parts.get("test")
        if test is None:
            return {}
        by_class, scored = test.series_by_class or test.images_by_class, test.series or test.images
        return {name: n / scored for name, n in zip(self.classes, by_class, strict=True)} if by_class and scored else {}

    @property
    def unit(self) -> str:
        """What has a score, in the singular: 'image' or 'series'."""
        return "image" if self.score == IMAGE else "series"

    @property
    def tested(self) -> int:
        """How many test images, or series, are scored."""
        test = self.parts["test"]
        return test.images if test.series is None else test.series


def flows(study: StudyRecord) -> list[Flow]:
    """One for each data set with a finished cell, at its largest training fraction."""
    largest: dict[str, CellRecord] = {}
    for cell in study.done:
        name = str(cell.factors["data"])
        if name not in largest or cell.factors["train_fraction"] > largest[name].factors["train_fraction"]:
            largest[name] = cell
    return [_flow(name, cell) for name, cell in largest.items()]


def _flow(name: str, cell: CellRecord) -> Flow:
    data = cell.record["data"]
    counted: Record = data.get("flow", {})
    people: Record = counted.get("people", {})
    parts = {
        part: replace(
            Part(images, data["patients"][part], *_by_class(cell, part), **people.get(part, {})), **_series(data, part)
        )
        for part, images in data["images"].items()
    }
    each_fold = tuple(_parts_of_fold(fold) for fold in cell.folds)
    if "sites" in data:
        parts["test"] = replace(parts["test"], **_once_each(cell))
    refused = dict(data["rejected"])
    has_ids = not any(text.startswith("no patient ids") for text in data["caveats"])
    received = sum(part.images for part in parts.values()) + sum(refused.values())
    return Flow(
        name,
        data["modality"],
        tuple(map(str, cell.record["classes"])),
        cell.record["task"],
        counted["received"]["files"] if counted else received,
        refused,
        parts,
        has_ids,
        counted["received"]["patients"] if counted else None,
        (counted["used"]["images"], counted["used"]["patients"]) if counted else None,
        int(data.get("folds", 0)),
        each_fold,
        tuple(data.get("sites", ())),
        site_noun(str(data.get("groups", ""))),
        bool(data.get("official", True)),
        data.get("given_test"),
        data.get("test_share"),
        data.get("scored", {}).get("score", IMAGE),
    )


def _series(data: Record, part: str) -> dict[str, Any]:
    """What `Part` has of series; empty where images are scored."""
    if "scored" not in data:
        return {}
    return {"series": data["scored"][part]["series"], "series_by_class": tuple(data["scored"][part]["by_class"])}


def _parts_of_fold(fold: CellRecord) -> dict[str, Part]:
    data = fold.record["data"]
    return {
        part: replace(Part(images, data["patients"][part], *_by_class(fold, part)), **_series(data, part))
        for part, images in data["images"].items()
    }


def _once_each(cell: CellRecord) -> dict[str, Any]:
    """The patients that a training of sites tests: one with images at several sites is one patient."""
    try:
        kept = read_scores(cell)
    except MedxferError:
        return {}
    return {"patients": len(set(kept.patients)), "patients_by_class": _patients_by_class(kept)}


def _by_class(cell: CellRecord, part: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(images, patients) of each class, as recorded; else from the scores, which the training part does not have."""
    if recorded := cell.record["data"].get("flow"):
        of_part = recorded["by_class"][part]
        return tuple(of_part["images"]), tuple(of_part["patients"])
    if part == "train":
        return (), ()
    try:
        kept = read_scores(cell) if part == "test" else read_predictions(cell.folder, part)
    except MedxferError:
        return (), ()
    return tuple(int(of.sum()) for of in _has_class(kept)), _patients_by_class(kept)


def _patients_by_class(kept: CellScores) -> tuple[int, ...]:
    return tuple(len(set(kept.patients[of])) for of in _has_class(kept))


def _has_class(kept: CellScores) -> list[NDArray[np.bool_]]:
    """For each class, which images have it."""
    labels, classes = kept.labels, range(kept.scores.shape[1])
    return [labels[:, c] == 1 if labels.ndim == 2 else labels == c for c in classes]


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
        images, _ = _by_class(cell, "test")
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


def not_done(cell: CellRecord, varied: Sequence[str]) -> str:
    """A cell that is not done, by those of its factors that vary in the study, with the reason."""
    return f"{describe(cell.factors, varied)}: {cell.status}" + (f" ({cell.reason})" if cell.reason else "")


def _data(flow: Flow, data: Record) -> tuple[tuple[str, str], ...]:
    sizes = [(name, _size(flow, name)) for name in flow.parts]
    rejected = [(f"left out: {reason}", count(n, "file")) for reason, n in data["rejected"].items()]
    drawn = "train and val redrawn with each seed, test fixed" if data["resampled"] else "fixed for all trainings"
    if "train" not in flow.parts and not flow.folds:
        drawn = "not known: a table of scores"
    if folds := data.get("folds"):
        drawn = f"a fold for each {flow.groups}: {', '.join(flow.sites)}" if flow.sites else f"{folds} folds"
    return ("modality", data["modality"]), *sizes, ("split", drawn), *rejected, ("fingerprint", data["fingerprint"])


def _size(flow: Flow, name: str) -> str:
    """'46 images of 23 patients'; with folds a range over them, and the test part of all together."""
    whole = flow.parts[name]
    if not flow.folds or name == "test" or not flow.each_fold:
        all_folds = f" in all {flow.folds} folds" if flow.folds else ""
        return f"{whole.said} of {count(whole.patients, 'patient')}{all_folds}"
    parts = [fold[name] for fold in flow.each_fold]
    series = f" in {span([p.series or 0 for p in parts])} series" if flow.unit == "series" else ""
    return f"{span([p.images for p in parts])} images{series} of {span([p.patients for p in parts])} patients in a fold"


def _weights(weights: Record) -> tuple[tuple[str, str], ...]:
    return _pairs({key: value for key, value in weights.items() if key != "file" and value not in ([], None)})


def _differing(records: Iterable[Record], key: str) -> tuple[tuple[str, str], ...]:
    """Every value that the cells ran with, so that a study made on two machines shows both."""
    values: dict[str, dict[str, None]] = {}
    for record in records:
        for name, value in record.get(key, {}).items():
            values.setdefault(name, {})[str(value)] = None
    return tuple((name, ", ".join(found)) for name, found in values.items())


def _pairs(values: Record) -> tuple[tuple[str, str], ...]:
    return tuple((name, _text(value)) for name, value in values.items())


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else "none" if value is None else str(value)
