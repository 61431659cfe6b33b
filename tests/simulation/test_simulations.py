"""The simulations in short: what the long run (docs/simulations.md) shows must not break unnoticed."""

from pathlib import Path

import designs
import gaussian
import looked
import numpy as np
import pytest
import run
import scored
from tables import all_settings

from medxfer.analysis import compare
from medxfer.analysis.stats.critical import half_width
from medxfer.analysis.stats.effects import Family, Sample, differences, effect, pooled
from medxfer.analysis.stats.influence import check_cases, leave_one_patient_out, per_patient
from medxfer.analysis.stats.variance import Term, own_terms, patients_terms


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.mark.parametrize("contrasts", [1, 2, 10])
@pytest.mark.parametrize("seeds", [2, 4, 5, 10])
def test_a_family_errs_as_often_as_it_says(contrasts: int, seeds: int) -> None:
    """Three standard errors around 6 %, without a step between 4 and 5 seeds."""
    for share in (0.3, 0.99):
        assert gaussian.level(rng(), 3_000, contrasts, seeds, 0.0, "equal", share)["error"] < 0.073


def test_intervals_are_narrow_with_few_seeds() -> None:
    for seeds, width in ((2, 1.7), (3, 1.3), (5, 1.15)):
        assert gaussian.level(rng(), 3_000, 2, seeds, 0.0, "equal", 0.99)["width"] < width


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_blocks_that_share_seeds_hold(shared: float) -> None:
    assert gaussian.blocks(rng(), 3_000, 5, 3, shared, 2, 0.9, "shared")["error"] < 0.073


@pytest.mark.parametrize("deviation", [0.33, 3.0])
def test_weights_of_different_variance_hold(deviation: float) -> None:
    assert gaussian.weights_compared(rng(), 3_000, 3, deviation, 0.0, 0.0, 0.9)["error"] < 0.073


def test_what_is_said_in_general_is_adjusted() -> None:
    figures = gaussian.in_general(rng(), 3_000, 6, 16, "alike")
    assert figures["error"] < 0.073
    assert figures["unadjusted"] > 0.3


def test_data_sets_are_not_said_to_differ_by_chance() -> None:
    figures = gaussian.differ(rng(), 300, 2, 4, 0.9)
    assert figures["error"] < 0.1
    assert figures["chi-square"] > 0.15


def test_a_forecast_comes_true_within_a_tenth() -> None:
    assert gaussian.foretold(rng(), 2_000, 3, 10, 0.5)["ratio"] == pytest.approx(1, abs=0.1)


def test_equivalence_at_the_margin_is_seldom_said() -> None:
    assert gaussian.equivalent(rng(), 3_000, 3, 0.9)["wrongly"] < 0.068


def test_other_draws_of_the_pool_are_covered_and_other_pools_are_not() -> None:
    figures = gaussian.resampled(rng(), 2_000, 5, 0.8, 0.9)
    assert figures["this pool"] < 0.08
    assert figures["beyond"] > 0.3


@pytest.mark.parametrize("contrasts", [1, 2])
def test_declared_looks_hold_together(contrasts: int) -> None:
    figures = looked.declared(rng(), 1_500, (3, 5, 10), contrasts, 0.6, 0.0)
    assert figures["error"] < 0.073
    assert looked.declared(rng(), 500, (3, 5, 10), contrasts, 0.1, 2.0)["trainings"] < 0.5


def test_undeclared_looks_err_about_as_often_as_is_said() -> None:
    figures = looked.undeclared(rng(), 3_000, 4, 5)
    assert figures["error"] == pytest.approx(figures["computed"], abs=0.03)
    assert figures["error"] > 0.09


def test_an_f_test_pairs_only_where_seeds_correlate() -> None:
    assert gaussian.pairs_found(rng(), 2_000, 3, 5, 0.0)["paired"] < 0.06
    assert gaussian.pairs_found(rng(), 2_000, 3, 5, 0.9)["paired"] > 0.9


@pytest.mark.parametrize("metric", ["auroc", "balanced_accuracy"])
def test_scores_are_judged_at_their_level_and_t_tests_are_not(metric: str) -> None:
    figures = scored.level(rng(), 400, metric, 100, 20, 5, 0.1)
    assert figures["RQ1"] < 0.09
    assert figures["RQ2"] < 0.09
    assert figures["paired t"] > figures["RQ1"]


@pytest.mark.parametrize("label", ["patient", "image"])
def test_patients_with_several_images_are_judged_at_their_level(label: str) -> None:
    figures = designs.several_images(rng(), 400, 100, 30, 3, label)
    for question in ("RQ1", "RQ2"):
        for metric in ("AUROC", "balanced accuracy"):
            assert figures[f"{question} {metric}"] < 0.09


def test_several_classes_and_labels_are_judged_at_their_level() -> None:
    for figures in (
        designs.several_classes(rng(), 400, 100, 3, 3, "rare"),
        designs.several_labels(rng(), 400, 100, 3, 3),
    ):
        for question in ("RQ1", "RQ2"):
            assert figures[f"{question} AUROC"] < 0.09


def test_a_patients_images_correlate_and_arms_do_not_differ() -> None:
    case = np.repeat(np.arange(40), 5)
    labels = (case < 20).astype(np.int64)
    scores = designs.draw(rng(), 50, 3, labels, case)
    assert scores.shape == (50, 6, 3, 200)
    noise = scores - scores[..., case >= 20].mean() * (labels == 0) - scores[..., case < 20].mean() * labels
    assert np.mean(noise[..., 0] * noise[..., 1]) > 0.5 * np.mean(noise**2)  # of one patient
    assert abs(np.mean(noise[..., 0] * noise[..., 5])) < 0.1  # of two
    hit = designs.draw(rng(), 50, 3, np.arange(200) % 4, np.arange(200))
    assert (hit.mean((0, 1, 2)).argmax(-1) == np.arange(200) % 4).mean() > 0.9


def test_a_family_of_many_studies_is_that_of_one() -> None:
    """Half-widths of RQ1 and RQ2 are those of the effects and the family that a finding is made of."""
    case = np.repeat(np.arange(50), 3)
    labels = (case < 20).astype(np.int64)
    scores = designs.draw(rng(), 3, 4, labels, case)
    full, without = leave_one_patient_out(check_cases(scores.reshape(-1, 150), labels, case), "auroc")
    theta, influence = full.reshape(3, 6, 4), per_patient(without).reshape(3, 6, 4, 50)
    half, between = designs.judged(theta, influence)
    for i in range(3):
        samples = [
            Sample("", theta[i, :3, :, None], w[:3], np.einsum("a,asp->sp", w, influence[i]), pooled(np.zeros(3, int)))
            for w in designs.COLOURS
        ]
        found = [effect([sample]) for sample in samples]
        family = Family(found, designs.COLOURS)
        assert half[i] == pytest.approx([one.half_width(0.05, family.largest) for one in found], rel=0.003)
        w = designs.WEIGHTS[0]
        start = Sample(
            "", (theta[i, :3] - theta[i, 3:])[..., None], w[:3], np.einsum("a,asp->sp", w, influence[i]), differences
        )
        assert between[i, 0] == pytest.approx(effect([start]).half_width(0.05), rel=0.003)


def test_an_arms_interval_covers_its_truth() -> None:
    figures = scored.arm_mean(rng(), 300, 100, 40, 3, 1.5)
    assert figures["misses"] < 0.09


def test_many_studies_at_once_are_judged_as_one_is() -> None:
    scores, labels = scored.draw(rng(), 3, 2, 4, 60, 20, 0.3, 1.5)
    theta, influence = scored.measured(scores, labels, "auroc")
    weights = np.array([[-1.0, 1.0]])
    trainings, patients = own_terms(theta, weights), patients_terms(influence[:, 1] - influence[:, 0])[0]
    for i in range(3):
        one = compare(scores[i], labels, [-1, 1])
        terms = [Term(trainings.variance[i, 0], trainings.df[i, 0]), Term(patients.variance[i], patients.df[i])]
        half, df = half_width(terms, gaussian.family(1), 0.05)
        assert one.high - one.estimate == pytest.approx(half)
        assert one.df == pytest.approx(df)
        assert gaussian.halves(terms, 1) == pytest.approx(half, rel=0.003)  # interpolated


def test_settings_are_named_apart() -> None:
    names = [(table, setting.name) for table, settings in all_settings().items() for setting in settings]
    assert len(set(names)) == len(names)


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    few = {table: settings[:2] for table, settings in all_settings().items() if table in ("levels", "equivalence")}
    monkeypatch.setattr(run, "all_settings", lambda: few)
    arguments = ["--repetitions", "200", "--workers", "1", "--out", str(tmp_path / "page.md")]
    run.main(arguments)
    first = (tmp_path / "page.csv").read_text()
    assert capsys.readouterr().out.count("equivalence: ") == 2
    run.main(arguments)
    assert capsys.readouterr().out == ""
    assert (tmp_path / "page.csv").read_text() == first
    assert "## Equivalence" in (tmp_path / "page.md").read_text()
