"""Where one cannot tell, the page says what other divisions of the patients would tell at equal cost."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from synthetic_study import record_flow, write_study

from medxfer.analysis import answer, read_study
from medxfer.analysis.judge.verdict import judge
from medxfer.analysis.page.uncertainty_table import design_section

AUROC = {"metric": "auroc"}


def one_split(folder: Path, **data: Any) -> Path:
    return record_flow(write_study(folder, seeds=3, patients=60, seed_noise=0.02, declared=AUROC), 300, **data)


def test_one_split_is_told_what_folds_would_tell(tmp_path: Path) -> None:
    verdict = judge(read_study(one_split(tmp_path / "s")))
    open_ = [one for one in verdict.answers if any(f.conclusion == "cannot tell" for f in one.findings)]
    assert [one.question for one in verdict.designs] == [one.question for one in open_] != []
    for one, said in zip(verdict.designs, open_, strict=True):
        assert [(way.folds, way.seeds, way.patients) for way in one.designs] == [(1, 10, 60), (5, 2, 300), (10, 1, 300)]
        split, folds, single = (way.half_width for way in one.designs)
        assert single is None
        assert said.closing.endswith(
            f"With 10 networks an arm: one split ±{100 * split:.1f}, 5 folds ±{100 * folds:.1f}."
        )
        foretold = [e.half_width for f in said.findings for e in f.figures.expected if e.seeds == 10]
        assert max(foretold) == pytest.approx(split, rel=0.05)  # the same is said of the same design
    (section,) = design_section(verdict)
    assert section.folded
    (table,) = section.tables
    assert [row[:4] for row in table.rows] == [
        ["one split", "10", "10", "60"], ["5 folds", "2", "10", "300"], ["10 folds", "1", "10", "300"],
    ]  # fmt: skip
    assert table.rows[2][4:] == ["describes only"] * len(open_)
    assert json.loads(verdict.to_json())["designs"][0]["designs"][1]["tested"] == {"phantom_dx": 300}


def test_folds_are_told_what_one_split_would_tell(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s", colormaps=("none", "viridis"), seeds=2, folds=5, seed_noise=0.02, declared=AUROC
    )
    verdict = judge(read_study(record_flow(folder, 60)))
    for one in verdict.designs:
        assert [(way.folds, way.seeds, way.patients) for way in one.designs] == [(1, 10, 12), (5, 2, 60), (10, 1, 60)]
        finding = next(f for f in verdict.primary if f.question == one.question)
        now = (finding.figures.high - finding.figures.low) / 2
        assert one.designs[1].half_width == pytest.approx(now, rel=0.1)  # this study's own design
        closing = next(answer.closing for answer in verdict.answers if answer.question == one.question)
        split, folds = (100 * way.half_width for way in one.designs[:2])
        assert closing.endswith(f"With 10 networks an arm: one split ±{split:.1f}, 5 folds ±{folds:.1f}.")
    assert verdict.designs


@pytest.mark.parametrize("data", [{"given_test": True}, {"given_test": None}, {"test_share": None}])
def test_nothing_is_said_where_patients_cannot_be_divided_otherwise(tmp_path: Path, data: dict[str, Any]) -> None:
    verdict = judge(read_study(one_split(tmp_path / "s", **data)))
    assert verdict.designs == ()
    assert "networks an arm" not in " ".join(one.closing for one in verdict.answers)
    assert list(design_section(verdict)) == []


def test_a_fold_without_a_class_is_counted_and_named(tmp_path: Path) -> None:
    whole, folder = (
        write_study(
            tmp_path / name, colormaps=("none", "viridis"), pretrained=(True,), seeds=2, folds=3, declared=AUROC
        )
        for name in ("whole", "lacking")
    )
    assert not any("pair of images" in text for text in judge(read_study(whole)).notices)
    for training in read_study(folder).cells:
        if training.factors["seed"] == 1:  # the images of fold 2 that are of class 1 are tested in fold 0 instead
            first, _, last = (fold.folder / "predictions.parquet" for fold in training.folds)
            frame = pd.read_parquet(last)
            moved = (frame["split"] == "test") & (frame["label"] == 1)
            pd.concat([pd.read_parquet(first), frame[moved]]).to_parquet(first, index=False)
            frame[~moved].to_parquet(last, index=False)
    verdict = answer(folder)
    wanted = "phantom_dx: 1 of 6 folds tests no image with lesion (seed 1, fold 2): no pair of images there counts for"
    assert any(text.startswith(wanted) for text in verdict.notices)
    assert wanted in (folder / "report.html").read_text(encoding="utf-8").replace("\u00a0", " ")


def test_an_unfinished_comparison_counts_trainings_not_cells(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s", colormaps=("none", "viridis"), pretrained=(True,), seeds=3, folds=3, declared=AUROC,
        missing=[{"colormap": "viridis", "seed": 2}],
    )  # fmt: skip
    (finding,) = judge(read_study(folder)).primary
    assert "1 training of this comparison failed or is missing." in finding.sentence
