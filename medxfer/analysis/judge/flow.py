"""The way of a data set's files: received, refused, used, and what is known of the patients of each part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from medxfer.analysis.judge.phrases import span
from medxfer.analysis.judge.results import CellRecord, StudyRecord
from medxfer.analysis.judge.scores import read_predictions, read_scores
from medxfer.base.errors import MedxferError
from medxfer.base.series import IMAGE
from medxfer.base.words import count, site_noun

Record = Mapping[str, Any]


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

    def each(self, part: str) -> Sequence[Part]:
        """A part in each fold; without folds, and of the test part, which is of all of them, the one that there is."""
        divided = self.each_fold and part != "test"
        return [fold[part] for fold in self.each_fold] if divided else [self.parts[part]]

    def said(self, part: str, people: bool = True) -> str:
        """'480 images in 60 series of 60 patients'; over folds, where these differ, '46–48 images of 23 patients in a
        fold'. Without patients if not `people`."""
        parts, whole = self.each(part), self.parts[part]
        series = "" if whole.series is None else f" in {span([one.series or 0 for one in parts])} series"
        if len(parts) == 1:
            return f"{count(whole.images, 'image')}{series}" + f" of {count(whole.patients, 'patient')}" * people
        patients = f" of {span([one.patients for one in parts])} patients" * people
        return f"{span([one.images for one in parts])} images{series}{patients} in a fold"

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
    parts = {of: replace(part, **people.get(of, {})) for of, part in _parts(cell).items()}
    if "sites" in data:
        parts["test"] = replace(parts["test"], **_once_each(cell))
    refused = dict(data["rejected"])
    received = sum(part.images for part in parts.values()) + sum(refused.values())
    return Flow(
        data=name,
        modality=data["modality"],
        classes=tuple(map(str, cell.record["classes"])),
        task=cell.record["task"],
        received=counted["received"]["files"] if counted else received,
        refused=refused,
        parts=parts,
        has_ids=not any(text.startswith("no patient ids") for text in data["caveats"]),
        received_patients=counted["received"]["patients"] if counted else None,
        used=(counted["used"]["images"], counted["used"]["patients"]) if counted else None,
        folds=int(data.get("folds", 0)),
        each_fold=tuple(_parts(fold) for fold in cell.folds),
        sites=tuple(data.get("sites", ())),
        groups=site_noun(str(data.get("groups", ""))),
        official=bool(data.get("official", True)),
        given_test=data.get("given_test"),
        test_share=data.get("test_share"),
        score=data.get("scored", {}).get("score", IMAGE),
    )


def _parts(cell: CellRecord) -> dict[str, Part]:
    data = cell.record["data"]
    return {
        part: Part(images, data["patients"][part], *by_class(cell, part), **_series(data, part))
        for part, images in data["images"].items()
    }


def _series(data: Record, part: str) -> dict[str, Any]:
    """What `Part` has of series; empty where images are scored."""
    if "scored" not in data:
        return {}
    return {"series": data["scored"][part]["series"], "series_by_class": tuple(data["scored"][part]["by_class"])}


def _once_each(cell: CellRecord) -> dict[str, Any]:
    """The patients that a training of sites tests: one with images at several sites is one patient."""
    try:
        kept = read_scores(cell)
    except MedxferError:
        return {}
    return {"patients": len(set(kept.patients)), "patients_by_class": tuple(map(kept.patients_among, kept.has_class))}


def by_class(cell: CellRecord, part: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
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
    return tuple(int(of.sum()) for of in kept.has_class), tuple(map(kept.patients_among, kept.has_class))
