"""Ways to an answer: each says what its own figures say, and the verdict is the program's."""

import numpy as np
import pytest
import start_studies
import starting_points
import ways
from start_studies import FOLD_SEEDS, FOLDS, SPLIT_SEEDS, Study
from starting_points import Seen

from medxfer.analysis import compare

PATIENTS = 60


def a_study(gain: float, noise: float = 0.3) -> Study:
    """The classes of pretrained arms are `gain` further apart."""
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], PATIENTS // 2)
    fold = np.stack([rng.permutation(PATIENTS) % FOLDS for _ in range(FOLD_SEEDS)])
    apart = 0.5 + gain * np.array([1, 0, 1, 0])[:, None, None]
    difficulty = rng.standard_normal((4, 1, PATIENTS))

    def scores(seeds: int) -> np.ndarray:
        return apart * labels + difficulty + noise * rng.standard_normal((4, seeds, PATIENTS))

    tested = np.arange(0, PATIENTS, 2)
    return Study(labels, np.arange(PATIENTS), fold, scores(FOLD_SEEDS), tested, scores(SPLIT_SEEDS)[..., tested])


def test_a_large_difference_is_found_by_the_verdict_at_its_first_look() -> None:
    said = ways.answers(a_study(4.0))
    assert [name for name, one in said.items() if one.found != 1] == []
    assert said["medxfer, 5 folds, looks"].trainings == 2 * FOLDS * 2
    assert said["medxfer, one split, looks"].trainings < said["medxfer, one split, 10 seeds"].trainings == 20
    assert said["medxfer, 5 folds, looks, two colormaps"].trainings == 2 * said["medxfer, 5 folds, looks"].trainings


def test_t_tests_over_seeds_find_the_patients_where_the_verdict_does_not() -> None:
    """Arms that differ by chance, on these patients: every seed has the same difference."""
    said = ways.answers(a_study(0.0, noise=0.05))
    assert said["10 seeds, t test"].found != 0
    assert [name for name, one in said.items() if "medxfer" in name and one.found] == []


@pytest.mark.parametrize("gain", [0.0, 0.6, 1.2, 2.4])
def test_the_verdict_of_one_look_is_that_of_compare(gain: float) -> None:
    study = a_study(gain)
    found = compare(study.split[:2], study.labels[study.tested], [1, -1])
    said = ways.verdict(ways.of_split(study), (), seeds=SPLIT_SEEDS)
    assert said.found == (np.sign(found.estimate) if found.p < 0.05 else 0)


@pytest.fixture
def features(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Features of the pretrained network tell the label, those of random ones hardly."""
    rng, n = np.random.default_rng(0), 200
    labels = np.arange(n) % 2

    def view(*shape: int, signal: float) -> np.ndarray:
        x = rng.standard_normal((*shape, n, 8)).astype(np.float32)
        x[..., 0] += signal * labels
        return x

    of = Seen(view(2, signal=3.0), view(starting_points.RANDOM, 2, signal=0.3), labels, np.arange(n))
    for name in ("start_studies.seen", "real_studies.images"):
        monkeypatch.setattr(name, lambda data: of)
    return of


@pytest.mark.usefixtures("features")
@pytest.mark.parametrize(("null", "least", "most"), [(True, -0.06, 0.06), (False, 0.2, 0.5)])
def test_exchangeable_arms_do_not_differ_and_others_do(null: bool, least: float, most: float) -> None:
    made = start_studies.studies(np.random.default_rng(1), 12, "any", 80, null)
    assert made[0].folded.shape == (4, FOLD_SEEDS, 80)
    assert made[0].split.shape == (4, SPLIT_SEEDS, len(made[0].tested))
    assert 14 <= len(made[0].tested) <= 18
    means = np.mean([ways.of_folds(study).theta.mean(1) for study in made], 0)
    assert least < means[0] - means[1] < most
