"""Trainings as readers, patients as cases: against the published example, the formulas written out, and laws."""

from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from medxfer.analysis import BlockScores, NotComparable, compare, compare_blocks
from medxfer.analysis.stats.influence import METRICS, check_cases, leave_one_patient_out
from medxfer.analysis.stats.mrmc import one_arm


def study(arms: int = 2, trainings: int = 5, images: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores in [0, 1] of (arms, trainings, images) that know something of their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(images) % 2
    seen = labels + rng.normal(0, 0.8, images) + rng.normal(0, 0.6, (arms, 1, images))
    latent = seen + rng.normal(0, 0.6, (arms, trainings, images))
    return 1 / (1 + np.exp(0.5 - latent)), labels


@pytest.mark.data
def test_the_published_example_comes_out(test_data: Path) -> None:
    frame = pd.read_csv(test_data / "mrmc" / "vandyke.csv")
    ratings = frame.pivot_table(index=["treatment", "reader"], columns="case", values="rating").to_numpy()
    truth = frame.drop_duplicates("case").sort_values("case")["truth"].to_numpy()
    result = compare(ratings.reshape(2, 5, -1), truth, [1, -1], small_sample=False)
    published = {
        "estimate": -0.04380032, "se": 0.02074862, "df": 15.25967,
        "low": -0.08795950, "high": 0.00035885, "p": 0.05166569,
    }  # fmt: skip
    for figure, value in published.items():
        assert getattr(result, figure) == pytest.approx(value, abs=5e-6 if figure == "df" else 5e-9), figure


@pytest.mark.parametrize("metric", METRICS)
def test_the_formulas_written_out(metric: str) -> None:
    scores, labels = study(arms=3, trainings=6)
    contrast = np.array([1, -0.5, -0.5])
    result = compare(scores, labels, contrast, metric)
    differences, left_out = [], []
    for r in range(6):
        full, without = leave_one_patient_out(check_cases(scores[:, r], labels), metric)
        differences.append(contrast @ full)
        left_out.append(contrast @ without)
    n = len(labels)
    covariance = (n - 1) ** 2 / n * np.cov(left_out)  # the jackknife's
    ms, c = np.var(differences, ddof=1), max(0, covariance[np.triu_indices(6, 1)].mean())
    se, df = np.sqrt(ms / 6 + c), (ms + 6 * c) ** 2 / (ms**2 / 5)
    assert result.estimate == pytest.approx(np.mean(differences))
    assert result.se == pytest.approx(se)
    assert result.df == pytest.approx(df)
    assert result.p == pytest.approx(2 * stats.t.sf(abs(result.estimate) / se, df))
    assert result.high - result.low == pytest.approx(2 * stats.t.ppf(0.975, df) * se)


def test_blocks_written_out() -> None:
    """Two data sets, the second with other patients; three backbones; the estimate's variance term by term."""
    rng = np.random.default_rng(5)
    blocks, d, left_out = [], {}, {}
    for data, images in enumerate((40, 60)):
        labels = np.arange(images) % 2
        seen = labels + rng.normal(0, 1, (2, 1, images))
        for b in range(3):
            scores = seen + rng.normal(0, 0.5, (2, 5, images))
            blocks.append(BlockScores(data, scores, labels))
            loo = [leave_one_patient_out(check_cases(scores[:, r], labels), "auroc") for r in range(5)]
            d[data, b] = np.array([full[1] - full[0] for full, _ in loo])
            left_out[data, b] = np.array([without[1] - without[0] for _, without in loo])
    variance = sum(d[key].var(ddof=1) / 5 / 36 for key in d)
    spread = sum((d[key].var(ddof=1) / 5 / 36) ** 2 / 4 for key in d)
    for data, images in enumerate((40, 60)):
        mean = []
        for b in range(3):
            for other in range(3):
                both = np.vstack([left_out[data, b], left_out[data, other]])
                covariance = (images - 1) ** 2 / images * np.cov(both)[:5, 5:]
                mean.append(covariance[~np.eye(5, dtype=bool)].mean() if b == other else covariance.mean())
        variance += max(np.mean(mean), 0) / 4
    result = compare_blocks(blocks, [-1, 1])
    assert result.estimate == pytest.approx(np.mean(list(d.values())))
    assert result.se == pytest.approx(np.sqrt(variance))
    assert result.df == pytest.approx(variance**2 / spread)
    assert result.patients == 100


def test_one_block_is_compare() -> None:
    scores, labels = study(trainings=3)
    assert compare_blocks([BlockScores("x", scores, labels)], [1, -1]) == compare(scores, labels, [1, -1])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), trainings=st.integers(1, 6))
def test_laws(seed: int, trainings: int) -> None:
    """Swapped arms swap the sign; a scaled contrast scales; and the order of images and trainings is nothing."""
    rng = np.random.default_rng(seed)
    scores, labels = study(trainings=trainings, seed=seed)
    patients = np.arange(len(labels)) // 3
    first = compare(scores, labels, [1, -1], patients=patients)
    swapped = compare(scores[::-1], labels, [1, -1], patients=patients)
    np.testing.assert_allclose([-swapped.estimate, -swapped.high], [first.estimate, first.low])
    double = compare(scores, labels, [2, -2], patients=patients)
    np.testing.assert_allclose(astuple(double)[:6], np.array([2, 2, 1, 2, 2, 1]) * astuple(first)[:6], rtol=1e-8)
    images, order = rng.permutation(len(labels)), rng.permutation(trainings)
    names = np.array([f"{7 * p % 31:02d}" for p in patients])
    mixed = compare(scores[:, order][:, :, images], labels[images], [1, -1], patients=names[images])
    np.testing.assert_allclose(astuple(mixed)[:6], astuple(first)[:6], rtol=1e-8)
    assert (first.p < 0.05) == (not first.low <= 0 <= first.high)


@pytest.mark.parametrize("trainings", [2, 3, 4])
@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.99])
def test_few_trainings_widen_the_interval_and_p_follows(trainings: int, level: float) -> None:
    scores, labels = study(trainings=trainings, seed=2)
    corrected = compare(scores, labels, [1, -1], level=level)
    plain = compare(scores, labels, [1, -1], level=level, small_sample=False)
    assert corrected.se == plain.se
    assert trainings - 1 <= corrected.df < plain.df
    assert corrected.p > plain.p
    edge = corrected.high - corrected.estimate
    assert corrected.uncertainty.p(edge) == pytest.approx(1 - level)
    assert edge == pytest.approx(stats.t.ppf((1 + level) / 2, corrected.df) * corrected.se)


def test_from_five_trainings_on_the_method_is_the_published_one() -> None:
    scores, labels = study(trainings=5)
    corrected, plain = (compare(scores, labels, [1, -1], small_sample=few) for few in (True, False))
    assert astuple(corrected)[:6] == astuple(plain)[:6]


def test_one_training_speaks_of_its_patients_alone() -> None:
    scores, labels = study(trainings=1, images=400)
    result = compare(scores, labels, [1, -1])
    assert result.trainings == 1
    assert result.df == pytest.approx(399)
    assert result.se == pytest.approx(delong_se(scores[:, 0], labels), rel=0.01)


def delong_se(scores: np.ndarray, labels: np.ndarray) -> float:
    """Of a difference of two AUROCs, by DeLong's formula."""
    psi = (scores[:, labels == 1][:, :, None] > scores[:, labels == 0][:, None, :]).astype(float)
    gap = psi[0] - psi[1]
    return float(np.sqrt(gap.mean(1).var(ddof=1) / gap.shape[0] + gap.mean(0).var(ddof=1) / gap.shape[1]))


def test_images_of_one_patient_are_one_case() -> None:
    """Every image twice is no new information: the same figures as without copies, if patients are known."""
    scores, labels = study()
    once = compare(scores, labels, [1, -1], "accuracy")
    twice = compare(np.repeat(scores, 2, axis=2), np.repeat(labels, 2), [1, -1], "accuracy",
                    patients=np.repeat(np.arange(len(labels)), 2))  # fmt: skip
    blind = compare(np.repeat(scores, 2, axis=2), np.repeat(labels, 2), [1, -1], "accuracy")
    np.testing.assert_allclose(astuple(twice)[:6], astuple(once)[:6])
    assert blind.se < once.se


def test_one_arm_alone_is_what_a_contrast_with_a_constant_is() -> None:
    """An arm that is always right adds neither trainings' nor patients' variance."""
    scores, labels = study()
    perfect = np.stack([scores[0], np.tile(labels, (5, 1))])
    against = compare(perfect, labels, [1, -1], "accuracy")
    alone = one_arm(BlockScores("", scores[:1], labels), "accuracy")
    np.testing.assert_allclose([alone.estimate - 1, alone.se, alone.df], [against.estimate, against.se, against.df])


def test_an_arm_without_weight_is_not_looked_at() -> None:
    scores, labels = study(arms=3)
    scores[2] = np.nan
    assert compare(scores, labels, [1, -1, 0]).estimate == compare(scores[:2], labels, [1, -1]).estimate


def test_resampled_blocks_vary_together() -> None:
    """Where blocks share the draw of the training images, three equal blocks are worth one."""
    scores, labels = study()
    one = BlockScores("x", scores, labels)
    single = compare_blocks([one], [1, -1])
    np.testing.assert_allclose(astuple(compare_blocks([one] * 3, [1, -1], resampled=True))[:6], astuple(single)[:6])
    assert compare_blocks([one] * 3, [1, -1]).se < single.se


def test_multiclass_and_multilabel_run_through() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((2, 3, 90, 3))
    for labels in (np.arange(90) % 3, rng.integers(0, 2, (90, 3))):
        for metric in METRICS:
            result = compare(scores, labels, [1, -1], metric)
            assert np.isfinite(astuple(result)[:6]).all()


def test_refusals() -> None:
    scores, labels = study()
    other = study(images=62)
    same = np.repeat(scores[:1], 3, axis=0)
    cases = {
        "sum to 0, not 2": ([BlockScores(0, scores, labels)], [1, 1]),
        "one finite weight": ([BlockScores(0, scores, labels)], [0, 0]),
        "contrast's 3 arms": ([BlockScores(0, scores, labels)], [1, -1, 0]),
        "identical": ([BlockScores(0, same, labels)], [1 / 3, 2 / 3, -1]),
        "not finite": ([BlockScores(0, np.where(scores > 0.9, np.nan, scores), labels)], [1, -1]),
        "class 1": ([BlockScores(0, scores, np.zeros_like(labels))], [1, -1]),
        "two patients": ([BlockScores(0, scores, labels, np.zeros_like(labels))], [1, -1]),
        "no block": ([], [1, -1]),
        "same test patients": ([BlockScores(0, scores, labels), BlockScores(0, *other)], [1, -1]),
        "add seeds": ([BlockScores(0, scores, labels), BlockScores(1, scores[:, :1], labels)], [1, -1]),
        "at least one training": ([BlockScores(0, scores[:, :0], labels)], [1, -1]),
    }
    for reason, (blocks, contrast) in cases.items():
        with pytest.raises(NotComparable, match=reason):
            compare_blocks(blocks, contrast)
    with pytest.raises(NotComparable, match="between 0 and 1"):
        compare(scores, labels, [1, -1], level=95)
    with pytest.raises(NotComparable, match="same seeds"):
        compare_blocks([BlockScores(0, scores, labels), BlockScores(0, scores[:, :4], labels)], [1, -1], resampled=True)


def test_no_variation_is_refused_not_divided_by() -> None:
    """Both trainings gain one patient of ten, each another: no spread, and no shared patients to judge by."""
    labels = np.arange(20) % 2
    wrong = np.tile(1.0 - labels, (2, 2, 1))
    for r in range(2):
        wrong[1, r, r] = labels[r]
    with pytest.raises(NotComparable, match="no variation"):
        compare(wrong, labels, [-1, 1], "accuracy")


def test_extreme_figures_stay_finite() -> None:
    scores, labels = study(trainings=2, images=200)
    scores[0] = scores[0] * 0.01 + labels * 0.9  # an arm that is never wrong
    result = compare(scores, labels, [1, -1])
    assert 0 < result.p < 0.1
    assert np.isfinite(astuple(result)[:6]).all()
    assert 0 < result.uncertainty.p(1e30) <= 1e-29
    assert result.uncertainty.p(0) == pytest.approx(1)


def test_ten_thousand_images_of_three_thousand_patients() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(6, 10, 10_000)), rng.integers(0, 2, 10_000)
    result = compare(scores, labels, [1, -1, 1, -1, 1, -1], patients=rng.integers(0, 3_000, 10_000))
    assert np.isfinite(astuple(result)[:6]).all()
    assert result.patients > 2_800


def test_a_comparison_gives_other_levels() -> None:
    scores, labels = study()
    result = compare(scores, labels, [1, -1])
    assert result.interval(0.95) == (result.low, result.high)
    wide = compare(scores, labels, [1, -1], level=0.99)
    assert result.interval(0.99) == (wide.low, wide.high)
    assert replace(result, level=0.99) != wide
