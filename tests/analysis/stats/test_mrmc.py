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
from medxfer.analysis.stats.effects import Sample, effect, mean_interval
from medxfer.analysis.stats.influence import METRICS, check_cases, leave_one_patient_out, per_patient


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
    result = compare(scores, labels, contrast, metric, small_sample=False)
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


def textbook(scores: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Obuchowski and Rockette (1995) with Hillis (2007) for two arms, as the papers have it: MS(T), MS(T × R), Cov2 and
    Cov3 by the jackknife of AUROC, each from its definition. Shares no code with the package."""
    _, readers, n = scores.shape

    def auroc(x: np.ndarray, y: np.ndarray) -> float:
        gap = x[y == 1][:, None] - x[y == 0]
        return float(((gap > 0) + (gap == 0) / 2).mean())

    theta = np.array([[auroc(x, labels) for x in arm] for arm in scores])
    keep = [np.arange(n) != i for i in range(n)]
    jack = np.array([[[auroc(x[k], labels[k]) for k in keep] for x in arm] for arm in scores])
    cov = (n - 1) ** 2 / n * np.cov(jack.reshape(2 * readers, n)).reshape(2, readers, 2, readers)
    other = ~np.eye(readers, dtype=bool)
    cov2 = np.mean([cov[a, :, a, :][other].mean() for a in (0, 1)])
    cov3 = np.mean([cov[0, :, 1, :][other].mean(), cov[1, :, 0, :][other].mean()])
    mean = theta.mean()
    mst = readers * ((theta.mean(1) - mean) ** 2).sum()
    mstr = ((theta - theta.mean(1, keepdims=True) - theta.mean(0) + mean) ** 2).sum() / (readers - 1)
    error = mstr + max(readers * (cov2 - cov3), 0)
    df = error**2 / (mstr**2 / (readers - 1))
    se = np.sqrt(2 / readers * error)
    return {"se": se, "df": df, "p": stats.f.sf(mst / error, 1, df)}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), trainings=st.integers(2, 6), digits=st.integers(0, 2))
def test_the_textbook_comes_out(seed: int, trainings: int, digits: int) -> None:
    scores, labels = study(trainings=trainings, images=24, seed=seed)
    scores = np.round(scores, digits) if digits else np.round(4 * scores)
    try:
        result = compare(scores, labels, [1, -1], small_sample=False)
    except NotComparable:
        return  # trainings that agree on every patient
    expected = textbook(scores, labels)
    if expected["df"] < 1e8:
        for name, value in expected.items():
            assert getattr(result, name) == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_blocks_written_out() -> None:
    """Two data sets, the second with other patients; three backbones that share seeds; term by term."""
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
    trainings, patients = [], []
    for data, images in enumerate((40, 60)):
        by_seed = np.array([d[data, b] for b in range(3)])
        shared = max(by_seed.mean(0).var(ddof=1), by_seed.var(axis=1, ddof=1).mean() / 3)  # covariance floored at 0
        trainings.append(shared / 5 / 4)
        mean = np.mean([left_out[data, b] for b in range(3)], axis=0)
        covariance = (images - 1) ** 2 / images * np.cov(mean)
        patients.append(max(covariance[~np.eye(5, dtype=bool)].mean(), 0) / 4)
    variance = sum(trainings) + sum(patients)
    result = compare_blocks(blocks, [-1, 1], small_sample=False)
    assert result.estimate == pytest.approx(np.mean(list(d.values())))
    assert result.se == pytest.approx(np.sqrt(variance))
    assert result.df == pytest.approx(variance**2 / sum(t**2 / 4 for t in trainings))
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
    np.testing.assert_allclose(astuple(mixed)[:6], astuple(first)[:6], rtol=1e-8, atol=1e-14)  # an estimate of 0
    assert (first.p < 0.05) == (not first.low <= 0 <= first.high)


@pytest.mark.parametrize("trainings", [2, 3, 4, 5, 10])
@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.99])
def test_few_trainings_widen_the_interval_and_p_follows(trainings: int, level: float) -> None:
    scores, labels = study(trainings=trainings, seed=2)
    corrected = compare(scores, labels, [1, -1], level=level)
    plain = compare(scores, labels, [1, -1], level=level, small_sample=False)
    assert corrected.se == plain.se
    assert trainings - 1 <= corrected.df < plain.df
    assert corrected.p > plain.p
    edge = corrected.high - corrected.estimate
    assert corrected.effect.p(edge) == pytest.approx(1 - level)
    assert edge == pytest.approx(stats.t.ppf((1 + level) / 2, corrected.df) * corrected.se)


def test_the_degrees_of_freedom_do_not_jump() -> None:
    """Each more training adds some: the method does not change at a number of trainings."""
    scores, labels = study(trainings=12, images=200, seed=3)
    df = [compare(scores[:, :r], labels, [1, -1]).df for r in range(2, 13)]
    plain = [compare(scores[:, :r], labels, [1, -1], small_sample=False).df for r in range(2, 13)]
    assert all(limited < full for limited, full in zip(df, plain, strict=True))
    assert max(np.diff(df)) < 40


def test_one_training_speaks_of_its_patients_alone() -> None:
    scores, labels = study(trainings=1, images=400)
    result = compare(scores, labels, [1, -1], small_sample=False)
    assert result.trainings == 1
    assert result.df == pytest.approx(399)
    assert compare(scores, labels, [1, -1]).df < 399  # patients contribute unevenly
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
    full, without = leave_one_patient_out(check_cases(scores[0], labels), "accuracy")
    alone = effect([Sample("", full[None, :, None], np.ones(1), per_patient(without))])
    np.testing.assert_allclose(
        [alone.estimate - 1, np.sqrt(alone.variance), alone.df(0.05)], [against.estimate, against.se, against.df]
    )


@pytest.mark.parametrize(("estimate", "variance"), [(0.99, 1e-3), (1.0, 1e-3), (1.0, 0.0), (0.02, 1e-3), (0.7, 1e-3)])
def test_a_mean_has_an_interval_within_what_it_can_be(estimate: float, variance: float) -> None:
    low, high = mean_interval(estimate, variance, 2.0, 40)
    assert 0 <= low < high <= 1
    assert low <= estimate <= high


def test_far_from_the_ends_a_mean_has_the_usual_interval() -> None:
    low, high = mean_interval(0.5, 1e-6, 1.96, 100)
    assert (low, high) == pytest.approx((0.5 - 1.96e-3, 0.5 + 1.96e-3), abs=1e-5)


def test_each_training_can_have_its_own_threshold() -> None:
    """A shift of an arm's scores with its threshold changes nothing."""
    scores, labels = study()
    shift = np.array([[0.0], [0.2]]) + np.linspace(0, 0.1, 5)
    moved = compare(scores + shift[..., None], labels, [1, -1], "balanced_accuracy", threshold=0.5 + shift)
    assert moved.estimate == pytest.approx(compare(scores, labels, [1, -1], "balanced_accuracy").estimate)


def test_an_arm_without_weight_is_not_looked_at() -> None:
    scores, labels = study(arms=3)
    scores[2] = np.nan
    assert compare(scores, labels, [1, -1, 0]).estimate == compare(scores[:2], labels, [1, -1]).estimate


def test_blocks_that_share_seeds_vary_together() -> None:
    """Three equal blocks are worth one, and blocks whose trainings have nothing in common more."""
    scores, labels = study()
    one = BlockScores("x", scores, labels)
    single = compare_blocks([one], [1, -1])
    np.testing.assert_allclose(astuple(compare_blocks([one] * 3, [1, -1]))[:6], astuple(single)[:6])
    rng = np.random.default_rng(1)
    others = [BlockScores("x", scores + rng.normal(0, 0.3, scores.shape), labels) for _ in range(3)]
    covariance = compare_blocks(others, [1, -1]).effect.parts[0].block_covariance
    assert covariance is not None
    assert compare_blocks(others, [1, -1]).effect.trainings.variance < np.mean(
        [compare_blocks([block], [1, -1]).effect.trainings.variance for block in others]
    )


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
        compare_blocks([BlockScores(0, scores, labels), BlockScores(0, scores[:, :4], labels)], [1, -1])


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
    assert 0 < result.effect.p(1e30) <= 1e-29
    assert result.effect.p(0) == pytest.approx(1)


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
