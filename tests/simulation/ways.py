"""Ways to an answer on RQ2, from the same trainings: the program's verdict, and what people do instead."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from fold_figures import Ints, measured
from gaussian import Floats
from real_images import VIEWS
from scipy import special, stats
from start_studies import FOLDS, STARTS, Study
from synthetic_study import RULES

from medxfer.analysis.judge.arms import NEAR, by_chance, means
from medxfer.analysis.judge.conclusion import UNDECIDED
from medxfer.analysis.judge.contrasts import PRIMARY
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.layer import Layer, Measured, TestSet
from medxfer.analysis.judge.looking import look, record_of
from medxfer.analysis.judge.results import CellRecord, StudyRecord
from medxfer.analysis.stats.influence import NotComparable
from medxfer.study.declared import Declared

ALPHA, METRIC = 0.05, "auroc"
SPLIT_LOOKS, FOLD_LOOKS = (2, 3, 5, 10), (2, 3, 5)


class Said(NamedTuple):
    """What one way says of a study."""

    trainings: int  # networks trained, of all arms
    found: int  # 1: pretrained weights are better; −1: worse; 0: no difference is found
    decided: bool  # also where a gain of the margin is excluded


class Figures(NamedTuple):
    """Trainings in numbers: theta (arms, seeds), influence (arms, seeds, patients), and what they were tested on."""

    theta: Floats
    influence: Floats
    fold: Ints | None  # (seeds, images)
    tested: TestSet


def of_folds(study: Study) -> Figures:
    found = measured(study.folded, study.labels, study.case, study.fold, METRIC)
    return Figures(*found, study.fold, _tested(study.labels, study.case))


def of_split(study: Study) -> Figures:
    labels, case = study.labels[study.tested], study.case[study.tested]
    return Figures(*measured(study.split, labels, case, None, METRIC), None, _tested(labels, case))


def _tested(labels: Ints, case: Ints) -> TestSet:
    patients = [len(np.unique(case[labels == k])) for k in (0, 1)]
    return TestSet(tuple(np.unique(case).tolist()), len(labels), min(patients), str(int(np.argmin(patients))), "")


def verdict(of: Figures, looks: tuple[int, ...], colormaps: int = 1, seeds: int = 0) -> Said:
    """The program's own verdict, look by look until it says that no further one is of use; without looks, once.

    `colormaps` are trained, and RQ2 is asked at the first.
    """
    arms = [(colormap, start) for colormap in VIEWS[:colormaps] for start in (True, False)]
    planned = [(arm, number) for arm in range(len(arms)) for number in range(looks[-1] if looks else seeds)]
    table = {_folder(*one): Measured(of.theta[one], of.influence[one], of.tested, _fold(of, one[1])) for one in planned}
    study = StudyRecord(Path(), "study", Declared(METRIC, looks=looks, **RULES), {}, "", ())
    judge, findings = Judge(study), []
    for trained in looks or (seeds,):
        cells = tuple(_cell(arms[arm], arm, seed, seed < trained) for arm, seed in planned)
        study = StudyRecord(study.folder, study.name, study.declared, {}, "", cells, looks=study.looks)
        judge = Judge(study, _blind(study, table), partial(_measure, table))
        findings = judge.family("RQ2", PRIMARY)
        if not looks or look(judge, findings).stop:
            break
        study = StudyRecord(
            study.folder, study.name, study.declared, {}, "", (), looks=study.looks.merged(record_of(judge, findings))
        )
    (finding,) = findings
    difference = finding.conclusion.startswith(("improves", "harms", "significant"))
    found = int(np.sign(finding.figures.estimate)) if difference else 0
    networks = trained * len(arms) * (1 if of.fold is None else FOLDS)
    return Said(networks, found, finding.conclusion not in UNDECIDED)


def _folder(arm: int, seed: int) -> Path:
    return Path(f"{arm}-{seed}")


def _fold(of: Figures, seed: int) -> Ints | None:
    return None if of.fold is None else of.fold[seed]


def _cell(arm: tuple[str, bool], number: int, seed: int, done: bool) -> CellRecord:
    factors = {
        "data": "images", "colormap": arm[0], "pretrained": arm[1], "backbone": "heads", "window": "file",
        "image_size": 64, "train_fraction": 1.0, "seed": seed,
    }  # fmt: skip
    record = {"data": {"fingerprint": "images"}, "task": "binary"}
    folder = _folder(number, seed)
    return CellRecord(folder.name, folder, factors, "done" if done else "missing", record)


def _measure(table: Layer, cells: Iterable[CellRecord], metric: str) -> Layer:
    done = [cell.folder for cell in cells if cell.status == "done"]
    if metric != METRIC:  # beside the declared one, which alone decides
        return dict.fromkeys(done, NotComparable("not measured"))
    return {folder: table[folder] for folder in done}


def _blind(study: StudyRecord, table: Layer) -> bool:
    """Whether no arm beats chance, as `arms.seen` has it of a study's folder."""
    shown = []
    for arm in dict.fromkeys(cell.arm for cell in study.done):
        cells = [cell for cell in study.done if cell.arm == arm]
        if np.mean([table[cell.folder].theta for cell in cells]) >= 0.5 + NEAR / 2:
            return False  # without its interval, which takes time
        mean = means(cells, arm, {METRIC: None}, study.declared, partial(_measure, table))
        shown.append(SimpleNamespace(metrics=mean, chance=0.5, block=cells[0].block))
    return bool(by_chance(shown, METRIC))


def seeds_t(of: Figures, seeds: int) -> Said:
    """The AUROC of as many seeds on one test part, and Student's t test of two samples."""
    p = stats.ttest_ind(of.theta[0, :seeds], of.theta[1, :seeds]).pvalue
    return _said(STARTS * seeds, p, of.theta[0, :seeds].mean() - of.theta[1, :seeds].mean())


def delong(of: Figures) -> Said:
    """One run of each arm, and DeLong's test of their AUROCs over the test patients."""
    difference = of.theta[0, 0] - of.theta[1, 0]
    se = np.sqrt(((of.influence[0, 0] - of.influence[1, 0]) ** 2).sum())
    return _said(STARTS, 2 * special.ndtr(-abs(difference) / se) if se > 0 else 1.0, difference)


def folds_t(study: Study, corrected: bool) -> Said:
    """One 5-fold cross-validation, and the paired t test over its folds; or Nadeau and Bengio's (2003)."""
    parts = [study.fold[0] == k for k in range(FOLDS)]
    a, b = (np.array([_auroc(study.folded[arm, 0, here], study.labels[here]) for here in parts]) for arm in (0, 1))
    share = 1 / FOLDS + (1 / (FOLDS - 1) if corrected else 0)
    se, mean = np.sqrt(share * np.var(a - b, ddof=1)), float(np.mean(a - b))
    return _said(STARTS * FOLDS, 2 * special.stdtr(FOLDS - 1, -abs(mean) / se) if se > 0 else 1.0, mean)


def _auroc(scores: Floats, labels: Ints) -> float:
    positive, n = labels == 1, labels.sum()
    above = stats.rankdata(scores)[positive].sum() - n * (n + 1) / 2
    return float(above / n / (len(labels) - n))


def _said(trainings: int, p: float, difference: float) -> Said:
    found = int(np.sign(difference)) if p < ALPHA else 0
    return Said(trainings, found, found != 0)


WAYS: dict[str, Callable[[Study, Figures, Figures], Said]] = {
    "one run, DeLong": lambda study, folds, split: delong(split),
    "5 seeds, t test": lambda study, folds, split: seeds_t(split, 5),
    "10 seeds, t test": lambda study, folds, split: seeds_t(split, 10),
    "5 folds, paired t test": lambda study, folds, split: folds_t(study, False),
    "5 folds, Nadeau and Bengio": lambda study, folds, split: folds_t(study, True),
    "medxfer, one split, 10 seeds": lambda study, folds, split: verdict(split, (), seeds=10),
    "medxfer, one split, looks": lambda study, folds, split: verdict(split, SPLIT_LOOKS),
    "medxfer, 5 folds, looks": lambda study, folds, split: verdict(folds, FOLD_LOOKS),
    "medxfer, one split, looks, two colormaps": lambda study, folds, split: verdict(split, SPLIT_LOOKS, 2),
    "medxfer, 5 folds, looks, two colormaps": lambda study, folds, split: verdict(folds, FOLD_LOOKS, 2),
}


def answers(study: Study) -> dict[str, Said]:
    """What each way says of one study."""
    folds, split = of_folds(study), of_split(study)
    return {name: way(study, folds, split) for name, way in WAYS.items()}
