"""Simulations with folds, in short: the level holds in all worlds, and folds find more than one split."""

from pathlib import Path

import fold_tables
import folded
import folded_looks
import heads
import numpy as np
import pandas as pd
import pytest
import real_images
import real_studies
import run
import tiny_networks
import torch
from fold_figures import judged, measured
from real_images import SMALL, Images
from simulation_page import table_of

from medxfer.analysis import compare

PATIENTS = 60


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Images:
    """Images whose labels features and pixels tell of, one to three a patient; every third patient is positive."""
    draw = rng()
    case = np.repeat(np.arange(PATIENTS), draw.integers(1, 4, PATIENTS))
    labels = (case % 3 == 0).astype(np.int64)
    features = draw.standard_normal((2, len(case), 8)) + labels[:, None]
    pixels = draw.random((2, len(case), 3, SMALL, SMALL)) + 0.1 * labels[:, None, None, None]
    made = Images(features, pixels, labels, case)
    for module in (heads, tiny_networks, real_studies):
        monkeypatch.setattr(module, "images", lambda data: made)
    return made


def test_folds_hold_with_the_share_that_they_add() -> None:
    """Without it an interval errs two to three times too often."""
    found = folded.level(rng(), 400, 40, 20, 5, 10, "one")
    assert found["R5 error"] < 0.09  # two and a half standard errors around 6 %
    assert found["R5 error at 0"] > found["R5 error at 0.25"] > found["R5 error"] >= found["R5 error at 1"]
    assert 0.1 < found["R5 share needed"] < 0.9


def test_folds_of_patients_with_several_images_hold() -> None:
    assert folded.level(rng(), 200, 100, 30, 5, 10, "several")["R2 error"] < 0.11


def test_folds_find_what_one_split_does_not() -> None:
    one, folds = (folded.power(rng(), 200, 100, 50, *way, 10, 0.9, 0.5) for way in ((1, 10), (5, 2)))
    assert folds["found"] > 1.5 * one["found"]
    assert folds["half-width"] < 0.8 * one["half-width"]
    assert one["difference"] == pytest.approx(folds["difference"], abs=4)


def test_looks_with_folds_hold() -> None:
    null, real = (folded_looks.declared(rng(), 100, (2, 3), 40, 20, 5, 10, gain) for gain in (0.0, 1.5))
    assert null["found"] < 0.13
    assert real["found"] > 0.5
    assert real["trainings"] < null["trainings"]


def test_studies_with_folds_are_judged_as_one_is() -> None:
    labels, case = folded.truth(rng(), 40, 16, True)
    fold = folded.divide(rng(), (3, 4), (np.arange(40) < 16).astype(np.int64), 5)[..., case]
    scores = folded.scored(rng(), folded.images_of(rng(), 3, labels, case, 10, 0.5, 0.0), labels, fold)
    found = judged(*measured(scores, labels, case, fold, "auroc"), [1, 4])
    for i in range(3):
        for r in (1, 4):
            one = compare(scores[i, :, :r], labels, [-1, 1], patients=case, folds=fold[i, :r])
            assert found[f"R{r} estimate"][i] == pytest.approx(100 * one.estimate)
            patients = one.effect.patients.variance - one.effect.shared_training
            assert found[f"R{r} patients"][i] == pytest.approx(patients)
        assert found["R1 half-width"][i] == pytest.approx(100 * (one_seed(scores, labels, case, fold, i)), rel=0.003)


def one_seed(scores: np.ndarray, labels: np.ndarray, case: np.ndarray, fold: np.ndarray, i: int) -> float:
    one = compare(scores[i, :, :1], labels, [-1, 1], patients=case, folds=fold[i, :1])
    return one.high - one.estimate


def test_no_network_scores_what_it_was_trained_on(made_up: Images) -> None:
    drawn = real_studies.draw(rng(), 4, "", "colours", 30, 10, 5, 2)
    weight = real_studies.training_weights(rng(), drawn, 5, 0.3).reshape(4, 2, -1, 2, 5)
    for i, m in enumerate(drawn.count):
        for r in range(2):
            tested = drawn.fold[i, r]
            own = weight[i][:, np.arange(m), r, tested[:m]]
            assert (own == 0).all()
            assert len({(c, f) for c, f in zip(drawn.case[i, :m], tested[:m], strict=True)}) == 30  # whole patients
    assert weight.sum(2) == pytest.approx(np.ones((4, 2, 2, 5)), abs=1e-5)
    assert (drawn.view[:, 0] + drawn.view[:, 1] == 1).all()
    assert {of.max() for of in drawn.labels[:, :10]} == {1}


def test_labels_are_given_to_other_patients(made_up: Images) -> None:
    drawn = real_studies.draw(rng(), 20, "", "labels", 60, 0, 5, 1)
    assert drawn.count.tolist() == [len(made_up.case)] * 20
    same = made_up.labels[drawn.image] == drawn.labels
    assert 0.4 < same.mean() < 0.75  # of thirds, five ninths
    assert (drawn.view[:, 0] == 0).all()


@pytest.mark.parametrize("learner", ["stable", "unstable"])
def test_heads_learn_and_hold(made_up: Images, learner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "CHUNK", 10)
    real, null = (heads.level(rng(), 60, "", kind, 40, 0, 5, learner) for kind in ("colours", "labels"))
    assert real["AUROC"] > 0.8
    assert 0.4 < null["AUROC"] < 0.6
    for found in (real, null):
        assert found["R3 error"] <= 0.2
        assert found["R3 error balanced accuracy"] <= 0.2


def test_a_head_is_that_of_its_own_weights() -> None:
    """Trained alone or among others, and as scipy would have it."""
    x = torch.randn(1, 1, 30, 4, generator=torch.Generator().manual_seed(0))
    labels = (x[:, 0, :, 0] > 0).long()
    weight = torch.full((1, 1, 30, 2), 1 / 30)
    weight[..., :10, 1] = 0
    learner = heads.Learner(3_000, 0.1, 0.1, 0.0)
    both = heads.train(x, labels, weight, learner, torch.Generator())
    alone = heads.train(x, labels, weight[..., 1:], learner, torch.Generator())
    assert both[..., 1:] == pytest.approx(alone, abs=1e-4)
    w = torch.linalg.lstsq(x[0, 0], both[0, 0]).solution
    slope = x[0, 0].T @ (weight[0, 0] * (both[0, 0].sigmoid() - labels[0, :, None])) + 0.1 * w
    assert slope.abs().max() < 1e-5


def test_small_networks_learn(made_up: Images) -> None:
    found = tiny_networks.level(rng(), 1, "", "colours", 40, 0, 2)
    assert found["AUROC"] > 0.7
    assert found["R2 half-width"] > 0


def test_tables_of_real_images_are_left_out_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(real_images, "KEPT", tmp_path / "none")
    monkeypatch.delenv("MEDXFER_TEST_DATA", raising=False)
    run.main(["--out", str(tmp_path / "page.md"), "--tables", "heads", "networks"])
    assert "no real images: heads, networks" in capsys.readouterr().out


def test_a_run_stops_when_its_time_is_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--workers", "1", "--out", str(tmp_path / "page.md"), "--tables", "equivalence", "--seconds", "0"]
    run.main(arguments)
    assert "16 settings are left" in capsys.readouterr().out


def test_goals_name_what_is_missed() -> None:
    rows = [
        ["folds", f"patients={n} folds=5", f"R{r} {figure}", value, 10]
        for n, r, figure, value in ((40, 1, "error", 0.2), (40, 2, "error", 0.07), (100, 2, "error", 0.05))
    ]
    power = [
        ["fold power", f"patients=100 positive=50 folds={folds} features=10 signal=0.9 gain=0.2", "found", value, 10]
        for folds, value in ((1, 0.1), (5, 0.25))
    ]
    results = pd.DataFrame(rows + power, columns=["table", "setting", "figure", "value", "repetitions"])
    text = "\n".join(fold_tables.goals({table: table_of(results, table) for table in ("folds", "fold power")}))
    assert "20.0 %: R1 patients=40" in text
    assert "7.0 %: R2 patients=40" in text
    assert "patients=100 folds" not in text
    assert "2.5 to 2.5 times in 1 settings, below 3 in 1" in text
