"""A metric on all test patients, and again without each of them: what each patient contributes. More is better.

AUROC comes from placement values (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837), the other metrics from
sums by patient, so that leaving out a patient is a subtraction and nothing is computed again. A patient is left out
with all images: the cluster of Obuchowski (1997, Biometrics 53:567).

In a training of folds, each fold's images are scored by a network of its own. AUROC then takes the pairs of images
within a fold alone, because scores of different networks have different scales; the other metrics are sums over images,
and stay what they are.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from medxfer.analysis.stats.variance import Booleans, Floats
from medxfer.base.errors import MedxferError, unknown
from medxfer.base.words import JUDGED

METRICS = JUDGED
OF_CLASS = ("auroc", "sensitivity", "specificity", "PPV", "NPV")  # 'PPV:1' is that of class, or of label, 1

Part = tuple[Floats, Floats]  # a metric on all patients (trainings,) and without each of them (trainings, patients)


class NotComparable(MedxferError):  # noqa: N818 - it is an answer as much as an error
    """These numbers do not allow this comparison; the text says why."""


@dataclass(frozen=True)
class Cases:
    """Checked results of some trainings on one test set."""

    scores: Floats  # (trainings, images) or (trainings, images, classes)
    labels: NDArray[np.int64]  # (images,) or, for a multi-label task, (images, classes)
    case: NDArray[np.int64]  # (images,) the number of the image's patient, in the order of the ids
    patients: tuple[Hashable, ...]  # their ids, sorted
    fold: NDArray[np.int64] | None = None  # (trainings, images), from 0: which network of the training scored the image

    @property
    def count(self) -> int:
        """The number of patients."""
        return len(self.patients)

    @property
    def classes(self) -> range:
        return range(2 if self.scores.ndim == 2 else self.scores.shape[2])

    def by_label(self) -> Iterator["Cases"]:
        """The task itself or, for a multi-label task, one binary task for each label."""
        if self.labels.ndim == 1:
            yield self
        else:
            yield from map(self.label, self.classes)

    def label(self, k: int) -> "Cases":
        """The binary task of a label of a multi-label task."""
        return replace(self, scores=self.scores[..., k], labels=self.labels[:, k])

    def sums(self, values: Floats) -> Floats:
        """(trainings, images) → (trainings, patients)."""
        out = np.zeros((len(values), self.count))
        if self.count == len(self.case) == len(set(self.case.tolist())):
            out[:, self.case] = values
            return out
        order = np.argsort(self.case, kind="stable")
        present, starts = np.unique(self.case[order], return_index=True)  # in one fold, some have no image
        out[:, present] = np.add.reduceat(values[:, order], starts, axis=1)
        return out

    def counts(self, images: Booleans) -> Floats:
        """(patients,): how many of a patient's images are among `images`."""
        return np.bincount(self.case, images, self.count).astype(np.float64)


def check_cases(
    scores: ArrayLike, labels: ArrayLike, patients: ArrayLike | None = None, folds: ArrayLike | None = None
) -> Cases:
    """Check shapes and values.

    Args:
        scores: (trainings, images) for a binary task, or (trainings, images, classes); finite real numbers.
        labels: (images,) of 0 … classes − 1, or (images, classes) of 0 and 1 for a multi-label task.
        patients: (images,) ids, or None where each image is a patient.
        folds: (trainings, images): the fold, by whatever number, that tested each image; None if there is one network.

    Raises:
        NotComparable: the arrays do not fit together, or a score is not finite.
    """
    values, raw = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if values.ndim not in (2, 3) or raw.shape not in {values.shape[1:2], values.shape[1:]} or raw.size == 0:
        raise NotComparable(
            f"scores of shape {values.shape} do not go with labels of shape {raw.shape}: give (trainings, images) "
            "or (trainings, images, classes), and (images,) or, for a multi-label task, (images, classes)"
        )
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise NotComparable(f"{bad} of {values.size} scores are not finite: repeat that training or leave it out")
    classes = 2 if values.ndim == 2 or raw.ndim == 2 else values.shape[2]
    if not np.isin(raw, np.arange(classes)).all():
        raise NotComparable(f"labels must be whole numbers from 0 to {classes - 1}, one for each score's class")
    images = raw.shape[0]
    fold = None if folds is None else np.unique(np.asarray(folds), return_inverse=True)[1].reshape(np.shape(folds))
    if fold is not None and fold.shape != values.shape[:2]:
        raise NotComparable(f"folds of shape {fold.shape} do not go with scores of shape {values.shape}")
    if patients is None:
        return Cases(values, raw.astype(np.int64), np.arange(images), tuple(range(images)), fold)
    ids, case = np.unique(np.asarray(patients), return_inverse=True)
    if case.shape != (images,):
        raise NotComparable(f"{case.size} patient ids for {images} images: give one an image")
    return Cases(values, raw.astype(np.int64), case, tuple(ids.tolist()), fold)


def per_patient(without: Floats) -> Floats:
    """(…, patients): influences, whose products summed over patients are jackknife covariances.

    `without` is a metric without each patient, as `leave_one_patient_out` gives it.
    """
    n = without.shape[-1]
    influence: Floats = np.sqrt((n - 1) / n) * (without - without.mean(axis=-1, keepdims=True))
    return influence


def leave_one_patient_out(cases: Cases, metric: str, threshold: ArrayLike = 0.5) -> Part:
    """`metric` of each training: (trainings,) on all patients, and (trainings, patients) without each of them.

    auroc: one class against the rest, averaged over classes; with folds, of the pairs within a fold. accuracy: a score
    above `threshold` (a number, one for each training, or (trainings, images)) means 1; with a score for each class,
    the highest wins. balanced_accuracy: the mean over classes of the share found. brier: the squared distance to the
    truth (Brier 1950), summed over classes where each has a score, with its sign flipped.
    For a multi-label task, each is the mean over labels.

    A name of OF_CLASS with a number after a colon is of that class against the rest, or of that label. An image is
    called the class with the highest score; in a binary task, or for a label, by `threshold`.

    Raises:
        NotComparable: the metric is undefined on all patients or without one of them. No figure is ever NaN.
        MedxferError: `metric` is unknown.
    """
    name, _, number = metric.partition(":")
    limit = np.asarray(threshold, dtype=np.float64)
    limit = limit if limit.ndim == 2 else limit.reshape(-1, 1)
    if number and name in OF_CLASS:
        return _of_class(cases, name, int(number), limit)
    if metric not in METRICS:
        raise unknown("metric", metric, METRICS, f"one of {', '.join(METRICS)}")
    parts: list[Part] = []
    for k, task in enumerate(cases.by_label()):
        try:
            parts += _parts(task, metric, limit)
        except NotComparable as reason:
            if cases.labels.ndim == 1:
                raise
            raise NotComparable(f"label {k}: {reason}; leave that label out or test on more patients") from reason
    return np.mean([full for full, _ in parts], axis=0), np.mean([without for _, without in parts], axis=0)


def influences(cases: Cases, metric: str, threshold: ArrayLike = 0.5, sites: Sequence[str] = ()) -> Part:
    """(trainings,) and (trainings, patients): the metric, and each patient's influence on it (`per_patient`).

    Args:
        cases, metric, threshold: as `leave_one_patient_out` takes them.
        sites: names of the folds of `cases`, by number, where these are sites: the metric is then the mean over them. A
            patient with images at several sites is one patient, with an influence on each.

    Raises:
        NotComparable: the metric is undefined, perhaps at a site; or the sites differ between trainings.
    """
    if not sites:
        full, without = leave_one_patient_out(cases, metric, threshold)
        return full, per_patient(without)
    assert cases.fold is not None
    if (cases.fold != cases.fold[0]).any():
        raise NotComparable("sites are the same folds in every training and arm: give (images,) as folds")
    limit = np.asarray(threshold, dtype=np.float64)
    limit = np.broadcast_to(limit if limit.ndim == 2 else limit.reshape(-1, 1), cases.fold.shape)
    full, influence = np.zeros(len(cases.scores)), np.zeros((len(cases.scores), cases.count))
    for k, site in enumerate(sites):
        here = cases.fold[0] == k
        present, case = np.unique(cases.case[here], return_inverse=True)
        of_site = Cases(cases.scores[:, here], cases.labels[here], case, tuple(cases.patients[i] for i in present))
        try:
            theta, of_patients = influences(of_site, metric, limit[:, here])
        except NotComparable as reason:
            raise NotComparable(f"{site}: {reason}; leave that site out") from reason
        full += theta / len(sites)
        influence[:, present] += of_patients / len(sites)
    return full, influence


def _parts(task: Cases, metric: str, threshold: Floats) -> Iterator[Part]:
    """The parts whose mean is the metric of one label's task."""
    if metric == "auroc":
        if task.scores.ndim == 2:
            yield _auroc(task, task.scores, 1)
        else:
            yield from (_auroc(task, task.scores[..., k], k) for k in task.classes)
        return
    everyone = np.ones(len(task.labels), dtype=bool)
    if metric == "brier":
        yield _mean(task, _brier(task), everyone, "an image")
        return
    predicted = task.scores.argmax(axis=2) if task.scores.ndim == 3 else task.scores > threshold
    hits = (predicted == task.labels).astype(np.float64)
    if metric == "accuracy":
        yield _mean(task, hits, everyone, "an image")
    else:
        yield from (_mean(task, hits, task.labels == k, f"class {k}") for k in task.classes)


def _of_class(cases: Cases, name: str, k: int, threshold: Floats) -> Part:
    """AUROC, or a share of images, of class or label `k` against the rest."""
    if cases.labels.ndim == 2:  # the label's own binary task
        cases, k = cases.label(k), 1
    if name == "auroc":
        return _auroc(cases, cases.scores if cases.scores.ndim == 2 else cases.scores[..., k], k)
    several = cases.scores.ndim == 3
    called = (cases.scores.argmax(axis=2) if several else cases.scores > threshold) == k
    truth = np.broadcast_to(cases.labels == k, called.shape)
    among, right = {
        "sensitivity": (truth, called),
        "specificity": (~truth, ~called),
        "PPV": (called, truth),
        "NPV": (~called, ~truth),
    }[name]
    hits, images = (cases.sums(part.astype(np.float64)) for part in (among & right, among))
    left = images.sum(axis=1, keepdims=True) - images
    if left.min() <= 0:
        raise NotComparable(f"{name} of class {k} is not defined without one of the patients")
    return hits.sum(axis=1) / images.sum(axis=1), (hits.sum(axis=1, keepdims=True) - hits) / left


def _brier(task: Cases) -> Floats:
    if task.scores.min() < 0 or task.scores.max() > 1:
        raise NotComparable("brier needs probabilities, and a score lies outside [0, 1]")
    if task.scores.ndim == 2:
        return -((task.scores - task.labels) ** 2)
    squared: Floats = ((task.scores - (task.labels[:, None] == np.array(task.classes))) ** 2).sum(axis=2)
    return -squared


def _mean(task: Cases, values: Floats, among: Booleans, of: str) -> Part:
    """The mean of `values` (trainings, images) over the images of `among`, which `of` names."""
    sums, images = task.sums(values * among), task.counts(among)
    total = sums.sum(axis=1, keepdims=True)
    return total[:, 0] / images.sum(), (total - sums) / _left(images, of)


def _left(images: Floats, of: str) -> Floats:
    """(patients,): how many images are left without each patient."""
    left: Floats = images.sum() - images
    if left.min() <= 0:
        raise NotComparable(f"the test set has no two patients with {of}, so that nothing can be said of others")
    return left


def _auroc(task: Cases, scores: Floats, k: int) -> Part:
    """AUROC of class `k` against the rest, by its `scores` (trainings, images)."""
    positive = task.labels == k
    _left(task.counts(positive), f"class {k}")
    _left(task.counts(~positive), f"a class other than {k}")
    won, pairs = _placed(scores, positive, task.fold)
    lost, pairs_lost = task.sums(won), task.sums(pairs)
    mixed = ((task.counts(positive) > 0) & (task.counts(~positive) > 0))[task.case]
    if mixed.any():  # a pair within a patient was counted with either image
        among = Cases(scores[:, mixed], task.labels[mixed], task.case[mixed], task.patients)
        own = among.case[None] if task.fold is None else among.case * (task.fold.max() + 1) + task.fold[:, mixed]
        of_patient = _placed(among.scores, positive[mixed], own)
        lost, pairs_lost = (
            of - among.sums(twice * positive[mixed]) for of, twice in zip((lost, pairs_lost), of_patient, strict=True)
        )
    all_won, all_pairs = (of[:, positive].sum(axis=1, keepdims=True) for of in (won, pairs))
    left = all_pairs - pairs_lost
    if left.min() <= 0:
        raise NotComparable("no fold has two patients of each class, so that no pair is left without one of them")
    return (all_won / all_pairs)[:, 0], (all_won - lost) / left


def _placed(scores: Floats, positive: Booleans, group: NDArray[np.int64] | None) -> tuple[Floats, Floats]:
    """Against how many images of the other class the image is ranked correctly (trainings, images), a tie being half,
    and how many there are. `group` (trainings or 1, images): images are compared within their group alone."""
    keys, same, before = scores, *_members(positive, group)
    if group is not None:  # one group after the other
        keys = rankdata(scores, method="dense", axis=1) + group * (len(positive) + 1.0)
    below: Floats = rankdata(keys, axis=1)
    for of in (positive, ~positive):
        below[:, of] -= rankdata(keys[:, of], axis=1)
    below -= before
    return np.where(positive, below, same - below), np.broadcast_to(same, (len(same), len(positive)))


def _members(positive: Booleans, group: NDArray[np.int64] | None) -> tuple[Floats, Floats]:
    """(trainings or 1, images): how many images of the other class are in the image's group, and in groups before."""
    groups = np.zeros((1, len(positive)), np.int64) if group is None else group
    count = int(groups.max()) + 1
    rows = np.arange(len(groups))[:, None]
    same, before = np.empty(groups.shape), np.empty(groups.shape)
    for of in (positive, ~positive):
        where = groups + rows * count
        each = np.bincount(where[:, of].ravel(), minlength=len(groups) * count).reshape(-1, count)
        others = groups[:, ~of]
        same[:, ~of] = each[rows, others]
        before[:, ~of] = (np.cumsum(each, axis=1) - each)[rows, others]
    return same, before
