"""A finished cell scores an external set later, as it would have at its training; an interruption costs nothing."""

import json
from pathlib import Path

import pandas as pd
import pytest
from cells import small_config, train_small
from pictures import make_elsewhere

from medxfer.base.errors import MedxferError
from medxfer.report import main
from medxfer.study.folder import Study
from medxfer.trained import external_scores
from medxfer.trained.external_scores import score_missing


def asked(folder: Path, name: str = "clinic") -> list[str]:
    return ["data@external=images", f"external.root={folder}", f"external.name={name}"]


def predictions(cell: Path) -> pd.DataFrame:
    return pd.read_parquet(cell / "predictions.parquet")


def test_scores_asked_later_are_those_of_the_training(tmp_path: Path) -> None:
    sets = asked(make_elsewhere(tmp_path / "out"))
    at_once, _ = train_small(tmp_path, *sets, "study.name=at_once")
    later, _ = train_small(tmp_path, "study.name=later")
    assert "external:clinic" not in set(predictions(later)["split"])
    assert score_missing(Study(later.parents[1]), small_config(tmp_path, *sets)) == 1
    pd.testing.assert_frame_equal(predictions(later), predictions(at_once), rtol=1e-6)
    records = [json.loads((cell / "metrics.json").read_text()) for cell in (at_once, later)]
    assert records[0]["external"] == records[1]["external"]
    assert records[0]["metrics"] == records[1]["metrics"]


def test_a_cell_that_has_scored_the_set_is_not_scored_again(tmp_path: Path) -> None:
    sets = asked(make_elsewhere(tmp_path / "out"))
    cell, _ = train_small(tmp_path, *sets)
    before = (cell / "predictions.parquet").stat().st_mtime_ns
    assert score_missing(Study(cell.parents[1]), small_config(tmp_path, *sets)) == 0
    assert (cell / "predictions.parquet").stat().st_mtime_ns == before


@pytest.mark.parametrize("writes", ["write_parquet", "write_json"])
def test_an_interrupted_scoring_keeps_the_cells_own_scores_and_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: str
) -> None:
    sets = asked(make_elsewhere(tmp_path / "out"))
    cell, _ = train_small(tmp_path)
    own, study, config = predictions(cell), Study(cell.parents[1]), small_config(tmp_path, *sets)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(external_scores, writes, killed)
        with pytest.raises(KeyboardInterrupt):
            score_missing(study, config)
    kept = predictions(cell)
    pd.testing.assert_frame_equal(kept[kept["split"].isin(["val", "test"])], own)
    assert "external" not in json.loads((cell / "metrics.json").read_text())
    assert score_missing(study, config) == 1
    assert (predictions(cell)["split"] == "external:clinic").sum() == 24


def test_other_images_under_a_name_that_the_study_knows_are_refused(tmp_path: Path) -> None:
    cell, _ = train_small(tmp_path)
    study = Study(cell.parents[1])
    score_missing(study, small_config(tmp_path, *asked(make_elsewhere(tmp_path / "out"))))
    other = small_config(tmp_path, *asked(make_elsewhere(tmp_path / "other", n=16)))
    with pytest.raises(MedxferError, match=r"are others than those .* give it another name by external.name="):
        score_missing(study, other)
    second = small_config(tmp_path, *asked(tmp_path / "other", "second"))
    assert score_missing(study, second) == 1
    assert {"external:clinic", "external:second"} < set(predictions(cell)["split"])
    assert study.record["external"]["second"]["done"] == 0  # this cell was trained without the grid's plan


def test_the_report_scores_and_trains_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell, _ = train_small(tmp_path)
    checkpoint = (cell / "checkpoints" / "best.ckpt").read_bytes()
    out = make_elsewhere(tmp_path / "out")
    arguments = [f"study={cell.parents[1]}", f"store.root={tmp_path / 'cache'}", "external=images"]
    assert main([*arguments, f"external.root={out}", "external.name=clinic"]) == 0
    assert "1 cell scored, without training" in capsys.readouterr().out
    assert (predictions(cell)["split"] == "external:clinic").sum() == 24
    assert (cell / "checkpoints" / "best.ckpt").read_bytes() == checkpoint
    assert main([*arguments, "external.name=nothing"]) == 1
    assert "external needs external.root" in capsys.readouterr().err
