import numpy as np
import pytest

from medxfer.analysis.stats.effects import Sample, effect, pooled
from medxfer.analysis.stats.influence import check_cases, leave_one_patient_out, per_patient
from medxfer.analysis.stats.roc_influence import Roc


def made(rng: np.random.Generator, patients: int, each: int) -> Roc:
    truth = np.repeat(np.arange(patients) % 3 == 0, each)
    case = np.repeat(np.arange(patients), each)
    scores = 1.2 * truth + np.repeat(rng.normal(size=patients), each) + 0.3 * rng.normal(size=len(case))
    return Roc(scores, truth, case, patients)


@pytest.mark.parametrize("each", [1, 3])
def test_its_integral_is_that_of_auroc(each: int) -> None:
    """Summed over rates, sensitivities are AUROC, and variances of influences DeLong's, up to the slope's window."""
    rng = np.random.default_rng(3)
    rates = (np.arange(400) + 0.5) / 400
    for _ in range(5):
        roc = made(rng, 120, each)
        full, without = leave_one_patient_out(check_cases(roc.scores[None], roc.truth, roc.case), "auroc")
        assert roc.sensitivity(rates).mean() == pytest.approx(full[0], abs=0.004)
        summed = np.mean([roc.influence(rate) for rate in rates], axis=0)
        exact = per_patient(without)[0]
        assert (summed**2).sum() == pytest.approx((exact**2).sum(), rel=0.1)
        assert -np.corrcoef(summed, exact)[0, 1] > 0.99


def test_a_positive_patient_counts_by_hand() -> None:
    """Two of four positives above every negative: at rate 0.5 all are above, at 0.1 half."""
    scores = np.array([4.0, 5.0, 0.5, 0.6, 1.0, 2.0, 0.1, 0.2])
    roc = Roc(scores, np.arange(8) < 4, np.arange(8), 8)
    assert roc.sensitivity(np.array([0.0, 0.5, 1.0])).tolist() == [0.5, 1.0, 1.0]
    found = roc.influence(0.25)
    assert found[0] == found[1] == -found[2] == pytest.approx(0.5 / 4 * np.sqrt(4 / 3))


def test_equal_scores_do_not_depend_on_the_order_of_images() -> None:
    rng = np.random.default_rng(0)
    scores, truth = rng.integers(0, 4, 60).astype(float), np.arange(60) % 2 == 0
    case, order = np.arange(60), rng.permutation(60)
    one, other = Roc(scores, truth, case, 60), Roc(scores[order], truth[order], case[order], 60)
    for rate in (0.1, 0.3, 0.7):
        assert one.sensitivity(rate) == pytest.approx(float(other.sensitivity(rate)))
        np.testing.assert_allclose(one.influence(rate), other.influence(rate), atol=1e-12)


@pytest.mark.parametrize(("patients", "positive", "seeds"), [(100, 50, 3), (200, 40, 5)])
def test_pointwise_intervals_cover(patients: int, positive: int, seeds: int) -> None:
    """Two arms that do not differ; 250 studies, so that 91 % lie 3 standard errors below 95 %."""
    rng, truth, case = np.random.default_rng(7), np.arange(patients) < positive, np.arange(patients)
    covered = {0.1: 0, 0.3: 0, 0.6: 0}
    for _ in range(250):
        quality = 1.5 + 0.15 * rng.normal(size=(2, seeds))
        shared = rng.normal(size=patients) + 0.6 * rng.normal(size=(2, 1, patients))
        scores = quality[..., None] * truth + shared + 0.5 * rng.normal(size=(2, seeds, patients))
        rocs = [[Roc(one, truth, case, patients) for one in of_arm] for of_arm in scores]
        for rate in covered:
            theta = np.array([[float(roc.sensitivity(rate)) for roc in of_arm] for of_arm in rocs])[..., None]
            influence = np.array([b.influence(rate) - a.influence(rate) for a, b in zip(*rocs, strict=True)])
            found = effect([Sample("a", theta, np.array([-1.0, 1.0]), influence, pooled(np.zeros(2, np.int64)))])
            covered[rate] += abs(found.estimate) <= found.half_width(0.05)
    assert min(covered.values()) > 0.91 * 250
