"""data.score=mean, max: what a cell, a study's answer and `predict` make of CT series."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pacs_export import ROOT_UID, PacsExport, pacs_export
from pydicom import dcmread
from releases import compose_cell
from trained_cells import train_cell

from medxfer.analysis.answers import answer
from medxfer.analysis.judge.scores import read_predictions, read_slices, stack
from medxfer.analysis.judge.study_reader import read_study
from medxfer.model.metrics import choose_threshold, compute_metrics
from medxfer.predict import main
from medxfer.trained.scoring import predict, score
from medxfer.trained.trained_cell import open_cell
from medxfer.training.prepare import prepare
from medxfer.training.settled_cell import Prepared

SCORES = ["score_0", "score_1"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("series")


@pytest.fixture(scope="module")
def export(home: Path) -> PacsExport:
    return pacs_export(home, patients=30)


def ct(export: PacsExport, *more: str) -> list[str]:
    data = ["data=ct_series", f"data.root={export.root}", f"data.labels={export.labels}", "data.label=Befund"]
    return [*data, "data.positive=Blutung", "study.rq1.within.pretrained=false", *more]


@pytest.fixture(scope="module", params=["mean", "max"])
def cell(request: pytest.FixtureRequest, home: Path, export: PacsExport) -> Path:
    return train_cell(home, *ct(export, f"data.score={request.param}"), "lr=0.01")


def record_of(cell: Path) -> dict:
    return json.loads((cell / "metrics.json").read_text())


def pooled(slices: pd.DataFrame, how: str) -> pd.Series:
    """By hand, in pandas: each series' score of class 1."""
    return slices.groupby("series")["score_1"].agg(how)


def test_metrics_and_threshold_are_of_series(cell: Path) -> None:
    table, record = pd.read_parquet(cell / "predictions.parquet"), record_of(cell)
    how = record["data"]["scored"]["score"]
    assert set(table["split"]) == {"val", "test", "val:slices", "test:slices"}
    thresholds = {}
    for split in ("val", "test"):
        series, slices = table[table["split"] == split], table[table["split"] == f"{split}:slices"]
        assert len(slices) == 3 * len(series)
        assert record["data"]["scored"][split]["series"] == len(series)
        by_hand = pooled(slices, how).loc[series["image"]]
        np.testing.assert_allclose(series["score_1"], by_hand, atol=1e-6)
        assert (series["label"].to_numpy() == slices.groupby("series")["label"].first().loc[series["image"]]).all()
        scores, labels = torch.tensor(series[SCORES].to_numpy()), torch.tensor(series["label"].to_numpy())
        thresholds.setdefault("val", choose_threshold(scores, labels))
        values, _ = compute_metrics(scores, labels, "binary", ["a", "b"], thresholds["val"])
        for name, value in values.items():
            assert record["metrics"][f"{split}/{name}"] == pytest.approx(value, abs=1e-5), name
    assert record["threshold"] == pytest.approx(thresholds["val"], abs=1e-6)


@pytest.mark.parametrize(("label", "how"), [("kind", "mean"), ("[p,q]", "mean"), ("[p,q]", "max")])
def test_several_classes_and_labels_go_from_the_table_to_the_metrics_of_series(
    home: Path, export: PacsExport, tmp_path: Path, label: str, how: str
) -> None:
    table = pd.read_csv(export.labels, sep=";")
    number = np.arange(len(table))
    table = table.assign(kind=np.array(list("abc"))[number % 3], p=number % 2, q=(number % 3 == 0).astype(int))
    table.to_csv(tmp_path / "labels.csv", index=False)
    data = ["data=ct_series", f"data.root={export.root}", f"data.labels={tmp_path / 'labels.csv'}"]
    chosen = [f"data.label={label}", f"data.score={how}", "data.split.val=0.3", "data.split.test=0.3"]
    cell = train_cell(home, *data, *chosen, "lr=0.01")
    record, found = record_of(cell), pd.read_parquet(cell / "predictions.parquet")
    columns = [column for column in found if column.startswith("score_")]
    task = "multiclass" if label == "kind" else "multilabel"
    for split in ("val", "test"):
        series, slices = found[found["split"] == split], found[found["split"] == f"{split}:slices"]
        assert len(slices) == 3 * len(series) == 3 * record["data"]["scored"][split]["series"]
        scores = slices.groupby("series")[columns].agg(how).loc[series["image"]].to_numpy(np.float32)
        np.testing.assert_allclose(series[columns], scores, atol=1e-6)
        stated = [column for column in found if column.startswith("label")]
        labels = series[stated].to_numpy(np.int64 if task == "multiclass" else np.float32)
        true = torch.tensor(labels[:, 0] if task == "multiclass" else labels)
        values, _ = compute_metrics(torch.tensor(scores), true, task, open_cell(cell).classes, 0.5)
        assert {"auroc", "accuracy", "balanced_accuracy"} <= set(values)
        for name, value in values.items():
            assert record["metrics"][f"{split}/{name}"] == pytest.approx(value, abs=1e-5), name


def test_no_series_is_in_two_parts(cell: Path) -> None:
    table = pd.read_parquet(cell / "predictions.parquet")
    table["part"] = table["split"].str.removesuffix(":slices")
    assert table.groupby("series")[["part", "patient", "label"]].nunique().max().tolist() == [1, 1, 1]


def test_the_analysis_reads_series(cell: Path) -> None:
    tested = read_predictions(cell)
    slices = read_slices(cell)
    assert set(tested.images) == set(slices)
    assert {len(of) for of in slices.values()} == {3}
    study = read_study(cell.parent.parent)
    (one,) = [training for training in study.done if training.folder == cell]
    stacked = stack([one], [one.arm], lambda training: training.arm)
    assert stacked.scores.shape == (1, 1, record_of(cell)["data"]["scored"]["test"]["series"])


def test_predict_has_a_row_a_series_with_the_scores_of_the_record(
    cell: Path, home: Path, export: PacsExport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, slices = tmp_path / "series.csv", tmp_path / "slices.csv"
    assert main([f"cell={cell}", f"images={export.root}", f"out={out}", f"slices={slices}"]) == 0
    said = capsys.readouterr().out
    assert f"{export.patients} series of {export.images} slices scored, 0 files refused" in said
    for line in (f"localizer: {export.patients} files", f"no image (SR): {export.patients} files", "copy of another"):
        assert f"left out by rule: {line}" in said
    table, of_slices = (pd.read_csv(path, keep_default_na=False) for path in (out, slices))
    read = table[table["refused"] == ""]
    assert set(read["slices"]) == {3}
    assert read["series"].str.fullmatch(f"{ROOT_UID.replace('.', '[.]')}[.][0-9]+[.]1").all()
    assert len(of_slices) == export.files
    own = pd.read_parquet(cell / "predictions.parquet").query("split == 'test'")
    columns = ["score_unauffällig", "score_Blutung"]
    new = read[columns].astype(float).sort_values(columns).to_numpy()
    near = [np.abs(new - one).max(axis=1).min() for one in own[SCORES].to_numpy()]
    assert max(near) < 1e-5
    decided = of_slices[of_slices["refused"] == ""].groupby("series")["decision"].unique().map(list)
    assert decided.to_dict() == {one.series: [one.decision] for one in read.itertuples()}


def test_one_series_uid_in_two_patients_is_a_row_for_each(cell: Path, export: PacsExport, tmp_path: Path) -> None:
    for patient in ("PAT000", "PAT001"):
        for path in (export.root / patient).rglob(f"{ROOT_UID}.*.1.?*"):
            dataset = dcmread(path)
            dataset.SeriesInstanceUID = "1.2.3"
            dataset.save_as(tmp_path / path.name)
    table = predict(cell, tmp_path).table
    assert table["series"].tolist() == ["1.2.3 [1]", "1.2.3 [2]"]
    assert table["slices"].tolist() == [3, 3]
    own = [score(open_cell(cell), sorted(tmp_path.glob(f"{ROOT_UID}.{n}.*")))["score_Blutung"] for n in (0, 1)]
    how = record_of(cell)["data"]["scored"]["score"]
    np.testing.assert_allclose(table["score_Blutung"], [scores.agg(how) for scores in own], atol=1e-6)


def test_a_localizer_that_is_named_by_itself_is_scored_with_the_flag(cell: Path, export: PacsExport) -> None:
    (localizer,) = (export.root / "PAT000").rglob(f"{ROOT_UID}.0.2.0")
    table, slices, rule, _ = predict(cell, localizer)
    assert table["refused"].tolist() == [""]
    assert "it is a localizer" in table["unlike"].iloc[0]
    assert slices is not None
    assert "Each series has one score" in rule


def test_slices_that_the_study_does_not_use_are_no_part_of_a_new_series_score(home: Path, export: PacsExport) -> None:
    cell = train_cell(home, *ct(export, "data.score=mean", "data.slices=central:1"))
    found = predict(cell, export.root / "PAT000")
    assert found.table[found.table["refused"] == ""]["slices"].tolist() == [1]
    assert (found.table["refused"] == "by rule: data.slices").sum() == 2
    only = score(open_cell(cell), [next(iter((export.root / "PAT000").rglob(f"{ROOT_UID}.0.1.1")))])
    np.testing.assert_allclose(only["score_Blutung"], found.table["score_Blutung"].dropna(), atol=1e-6)


def test_a_cell_of_images_leaves_out_by_rule_too_and_has_no_slices(
    home: Path, export: PacsExport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = train_cell(home, *ct(export))
    assert "scored" not in record_of(cell)["data"]
    assert main([f"cell={cell}", f"images={export.root / 'PAT000'}"]) == 0
    said = capsys.readouterr()
    assert "3 images scored, 0 files refused" in said.out
    assert "left out by rule: localizer: 1 file" in said.out
    assert "localizer" not in said.err
    assert main([f"cell={cell}", f"images={export.root}", f"slices={tmp_path / 'a.csv'}"]) == 1
    assert "this cell scores images" in capsys.readouterr().err


def test_what_is_scored_is_part_of_a_cell_and_of_a_study(home: Path, export: PacsExport) -> None:
    ways = [ct(export), ct(export, "data.score=mean"), ct(export, "data.score=max")]
    found = [prepare(compose_cell(home / "ways", *way)) for way in ways]
    assert all(isinstance(one, Prepared) for one in found)
    assert len({one.cell.name.rpartition("-")[2] for one in found}) == 3  # type: ignore[union-attr]
    assert len({one.cell.study.folder for one in found}) == 3  # type: ignore[union-attr]
    assert len({one.store.fingerprint for one in found}) == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("how", ["", "data.split.folds=3"])
def test_the_page_and_the_texts_say_what_is_scored(home: Path, export: PacsExport, tmp_path: Path, how: str) -> None:
    folds = [f"fold={fold}" for fold in range(3)] if how else [""]
    for colormap in ("none", "viridis"):
        for fold in folds:
            more = filter(None, [f"colormap={colormap}", how, fold])
            cell = train_cell(
                tmp_path, *ct(export, "data.score=mean", *more), "lr=0.01", f"store.root={home / 'cache'}"
            )
    study = cell.parent.parent
    verdict = answer(study)
    scope = json.loads(verdict.to_json())["scope"]
    flow = record_of(cell)["data"]["scored"]
    number = 30 if how else flow["test"]["series"]
    assert f"{number} test series of {number} patients" in scope
    assert "A series of ct_series has one score, the mean of its slices' probabilities" in scope
    page = (study / "report.html").read_text()
    assert f"{number} test series of {number} patients" in page
    assert "series" in (study / "table.md").read_text()
    methods = (study / "methods.md").read_text()
    assert "A series of ct_series had one score, the mean of its slices' probabilities" in methods
    assert "Kittler" in methods
    assert "images in" in methods
    assert not any(private in page + methods for private in (ROOT_UID, "PAT0", "ACC0"))


def test_an_external_set_is_scored_by_series_too(home: Path, export: PacsExport, tmp_path: Path) -> None:
    clinic = pacs_export(tmp_path / "there", patients=12, slices=4)
    frame = pd.read_csv(clinic.labels, sep=";", dtype=str, encoding="utf-8-sig")
    frame["patient_id"] = [f"other{number}" for number in range(12)]
    frame.to_csv(clinic.labels, index=False)
    asked = [
        "data@external=ct_series", f"external.root={clinic.root}", f"external.labels={clinic.labels}",
        "external.label=Befund", "external.name=clinic",
    ]  # fmt: skip
    cell = train_cell(tmp_path, *ct(export, "data.score=max"), *asked, f"store.root={home / 'cache'}")
    about = record_of(cell)["external"]["clinic"]
    table = pd.read_parquet(cell / "predictions.parquet")
    series, slices = (table[table["split"] == f"external:clinic{end}"] for end in ("", ":slices"))
    assert about["left_out"]["images"]  # of patients with a slice that the training has
    assert about["scored"]["series"] == len(series) == about["patients"]
    assert about["images"] == len(slices)
    np.testing.assert_allclose(series["score_1"], pooled(slices, "max").loc[series["image"]], atol=1e-6)
