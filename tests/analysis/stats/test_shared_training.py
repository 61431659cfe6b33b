import numpy as np
import pytest

from medxfer.analysis import BlockScores, NotComparable, compare, compare_blocks
from medxfer.analysis.stats.influence import check_cases, leave_one_patient_out, per_patient
from medxfer.analysis.stats.shared_training import ACCURACY, DRAWN, FIXED, shared_training

LABELS = np.arange(40) % 2


def divisions(trainings: int, folds: int, seed: int = 0) -> np.ndarray:
    """(trainings, images): a new division for each, both classes in every fold."""
    rng = np.random.default_rng(seed)
    out = np.empty((trainings, len(LABELS)), np.int64)
    for of in out:
        for k in (0, 1):
            where = np.flatnonzero(LABELS == k)
            of[where] = rng.permutation(np.arange(len(where)) % folds)
    return out


def scores(trainings: int = 3) -> np.ndarray:
    rng = np.random.default_rng(1)
    shared = LABELS + rng.normal(size=len(LABELS))
    raw = shared + rng.normal(0, 0.6, (2, trainings, len(LABELS))) + np.array([0.4, 0.0])[:, None, None] * LABELS
    return np.asarray(1 / (1 + np.exp(-raw)))


def test_a_share_of_a_trainings_own_patient_variance_is_added() -> None:
    fold, given = divisions(3, 5), scores()
    found = compare(given, LABELS, [1, -1], folds=fold)
    cases = check_cases(given.reshape(6, -1), LABELS, folds=np.tile(fold, (2, 1)))
    theta, without = leave_one_patient_out(cases, "auroc")
    h = per_patient(without).reshape(2, 3, -1)
    h, d = h[0] - h[1], theta.reshape(2, 3)[0] - theta.reshape(2, 3)[1]
    own = (h**2).sum() / 3
    shared = (3 * (h.mean(0) ** 2).sum() - own) / 2
    assert found.estimate == pytest.approx(d.mean())
    assert found.se**2 == pytest.approx(d.var(ddof=1) / 3 + max(shared, 0) + own / 2)
    assert found.effect.shared_training == pytest.approx(own / 2)


def test_the_share_depends_on_the_division_and_the_metric() -> None:
    def share(folds: np.ndarray, metric: str = "auroc") -> float:
        return shared_training(np.stack([folds, folds]), metric)

    assert shared_training(None, "auroc") == 0
    assert share(divisions(3, 5)) == share(divisions(3, 2)) == DRAWN
    same_2, same_5 = (np.repeat(divisions(1, k), 3, axis=0) for k in (2, 5))
    assert share(same_2) == FIXED
    assert share(same_5) == DRAWN
    renumbered = same_2.copy()
    renumbered[1] = 1 - renumbered[1]
    assert share(renumbered) == FIXED
    assert share(divisions(3, 5), "accuracy") == share(same_2, "accuracy") == ACCURACY


def test_each_image_is_decided_by_its_own_threshold() -> None:
    fold, given = divisions(3, 5), scores()
    of_fold = np.random.default_rng(3).uniform(0.4, 0.6, (2, 3, 5))
    at = np.stack([[of_fold[a, r][fold[r]] for r in range(3)] for a in range(2)])
    found = compare(given, LABELS, [1, -1], "balanced_accuracy", folds=fold, threshold=at)
    hit = (given > at) == LABELS
    reached = (hit[..., LABELS == 0].mean(-1) + hit[..., LABELS == 1].mean(-1)) / 2
    assert found.estimate == pytest.approx((reached[0] - reached[1]).mean())


def test_scores_of_another_scale_in_each_fold_change_nothing() -> None:
    fold, given = divisions(3, 5), scores()
    stretched = given * np.array([1, 3, 0.2, 5, 2])[fold] - fold
    one, other = compare(given, LABELS, [1, -1], folds=fold), compare(stretched, LABELS, [1, -1], folds=fold)
    assert (one.estimate, one.se) == pytest.approx((other.estimate, other.se))


def test_blocks_with_folds_are_compared_as_one_is() -> None:
    fold, given = divisions(3, 5), scores()
    one = compare(given, LABELS, [1, -1], folds=fold)
    block = BlockScores("a", given, LABELS, folds=np.stack([fold, fold]))
    both = compare_blocks([block, BlockScores("a", given, LABELS, folds=fold)], [1, -1])
    assert (both.estimate, both.se) == pytest.approx((one.estimate, one.se))
    mixed = compare_blocks([block, BlockScores("b", given, LABELS)], [1, -1])
    assert mixed.effect.parts[0].shared_training > 0 == mixed.effect.parts[1].shared_training


def test_folds_must_go_with_the_scores() -> None:
    with pytest.raises(NotComparable, match="folds of shape"):
        compare(scores(), LABELS, [1, -1], folds=divisions(2, 5))
