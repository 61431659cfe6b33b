"""python -m medxfer.predict: the scores of the cell's own test, on files; what is refused; what it cannot use."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dicom_files import save, write_dicom
from omegaconf import OmegaConf
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset
from trained_cells import train_cell

from medxfer.analysis.judge.scores import read_predictions, stack
from medxfer.analysis.judge.study_reader import read_study
from medxfer.analysis.stats.influence import check_cases, leave_one_patient_out
from medxfer.predict import main
from medxfer.trained.scoring import score
from medxfer.trained.series_rows import series_rows
from medxfer.trained.trained_cell import open_cell

PHANTOMS = "data.patients=10,data.images=1"
CELLS = {
    "pictures": ["colormap=viridis"],
    "16 levels, arm's own normalisation": ["colormap=inferno", "levels=16", "normalize=arm"],
    "learned, vit": ["colormap=learned:viridis", "backbone=test_vit", "image_size=160"],
    "single, unequal means": ["colormap=single", "backbone=test_resnet"],
    "frozen, bfloat16": ["colormap=viridis", "finetune=head", "augment=null", "+trainer.precision=bf16-mixed"],
    "DX": ["data=phantom_dx", "colormap=viridis", *PHANTOMS.split(",")],
    "CT, a window": ["data=phantom_ct", "colormap=inferno", "window=30/150", *PHANTOMS.split(",")],
    "CT, windows": ["data=phantom_ct", "colormap=windows:lung+mediastinum+bone", *PHANTOMS.split(",")],
}


def ramp(side: int) -> np.ndarray:
    return np.arange(side * side, dtype=np.uint16).reshape(side, side)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cells")


@pytest.fixture(scope="session")
def pictures_cell(home: Path) -> Path:
    return train_cell(home, *CELLS["pictures"], "seed=1")


def its_files(home: Path, folder: Path) -> pd.DataFrame:
    """The cell's own test images: file, and the scores that its record holds."""
    fingerprint = json.loads((folder / "metrics.json").read_text())["data"]["fingerprint"]
    names = pd.concat(pd.read_csv(table) for table in home.glob(f"cache/*-{fingerprint}/v*/files.csv"))
    root = home / "in" if not names["file"].iloc[0].endswith(".dcm") else None
    scored = pd.read_parquet(folder / "predictions.parquet").query("split == 'test'")
    table = scored.merge(names.drop_duplicates("image")[["file", "image"]], on="image")
    places = {path.name: path for path in home.glob("cache/phantoms/**/*.dcm")}
    table["path"] = [root / name if root else places[Path(name).name] for name in table["file"]]
    return table


@pytest.mark.parametrize("name", CELLS)
def test_scores_are_those_of_the_cells_own_record(home: Path, name: str) -> None:
    folder = train_cell(home, *CELLS[name])
    own = its_files(home, folder)
    cell = open_cell(folder)
    table = score(cell, list(own["path"]))
    assert (table["refused"] == "").all()
    scores = table[[f"score_{c}" for c in cell.classes]].to_numpy()
    assert np.abs(scores - own[["score_0", "score_1"]].to_numpy()).max() < 1e-6
    metrics = cell.record["metrics"]
    positive = table["decision"] == cell.classes[1]
    assert positive[own["label"] == 1].mean() == pytest.approx(metrics["test/sensitivity"], abs=1e-6)
    assert (~positive)[own["label"] == 0].mean() == pytest.approx(metrics["test/specificity"], abs=1e-6)


def test_the_table_has_a_row_a_file_with_the_refused_and_why(
    home: Path, pictures_cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    shutil.copytree(home / "in", new / "below")
    (new / "torn.png").write_bytes((new / "below" / "0.png").read_bytes()[:60])
    (new / ".hidden").write_bytes(b"")
    (new / "gone.png").symlink_to(tmp_path / "nowhere.png")
    Image.fromarray(np.full((9, 9, 3), (255, 0, 0), np.uint8)).save(new / "red.png")
    wide = np.random.default_rng(1).integers(0, 65535, (64, 48), dtype=np.uint16)
    Image.fromarray(wide).save(new / "wide.png")
    out = tmp_path / "table.csv"
    assert main([f"cell={pictures_cell}", f"images={new}", f"out={out}"]) == 0
    table = pd.read_csv(out, keep_default_na=False)
    assert list(table.columns) == ["path", "score_a", "score_b", "decision", "unlike", "refused", "note"]
    assert set(table["note"]) == {"For research, not for diagnosis."}
    assert list(table["path"]) == sorted(table["path"])
    refused = {Path(row.path).name: row.refused for row in table.itertuples() if row.refused}
    assert set(refused) == {"labels.csv", "torn.png", "red.png"}
    assert refused["red.png"].startswith("not grayscale: ")
    assert set(table.loc[table["refused"] != "", "decision"]) == {""}
    said = capsys.readouterr()
    assert "31 images scored, 3 files refused" in said.out
    assert "For research, not for diagnosis." in said.out
    assert "left out broken link: 1 file\n" in said.out
    assert said.err.count("refused: ") == 3


def test_without_out_the_table_is_printed(pictures_cell: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"cell={pictures_cell}", f"images={home / 'in' / '3.png'}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["path", "score_a", "score_b", "decision"]
    assert lines[1].split()[0] == str(home / "in" / "3.png")
    assert "chosen on validation" in lines[-1]
    assert "For research, not for diagnosis." in lines[-1]


def test_images_of_another_kind_than_the_training_s_are_told(
    home: Path, pictures_cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scores mean nothing for them; what the network was trained on is not said to be unlike itself."""
    of_xrays = train_cell(home, *CELLS["DX"], "seed=2")
    own = its_files(home, of_xrays)
    assert (score(open_cell(of_xrays), list(own["path"]))["unlike"] == "").mean() > 0.8
    slice_of_ct = write_dicom(tmp_path / "slice.dcm", ramp(64), Modality="CT", RescaleSlope=1, RescaleIntercept=0)
    exported = tmp_path / "slice.png"
    Image.fromarray(np.tril(np.full((64, 64), 30, np.uint8))).save(exported)
    (other,) = score(open_cell(of_xrays), [slice_of_ct])["refused"]
    assert "its modality is CT, the cell was trained on DX" in other
    (other,) = score(open_cell(of_xrays), [exported])["unlike"]
    assert other.startswith("it says no modality, the cell was trained on DX; its gray level is 0.0")
    assert main([f"cell={pictures_cell}", f"images={slice_of_ct}"]) == 0
    assert "its modality is CT, the cell was trained on pictures that say none" in capsys.readouterr().err


def test_where_nothing_is_scored_there_is_no_decision(
    pictures_cell: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = home / "in" / "labels.csv"
    assert main([f"cell={pictures_cell}", f"images={table}"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    refused, error = said.err.splitlines()[-2:]
    assert refused.startswith(f"refused: {table}: not DICOM")
    assert error == f"error: images={table}: no image could be scored: 1 file refused"
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID, report.Modality = uid.BasicTextSRStorage, "1.2.3", "SR"
    save(tmp_path / "report.dcm", report)
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    out = home / "none_scored.csv"
    assert main([f"cell={pictures_cell}", f"images={tmp_path}", f"out={out}"]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == ["left out by rule: no image (SR): 1 file", "left out broken link: 1 file"]
    assert said.err.splitlines()[-1] == (
        f"error: images={tmp_path}: no image could be scored: 1 file left out by rule (named by itself, a file "
        f"is scored); {out} says why of each"
    )
    assert len(pd.read_csv(out)) == 1


def test_many_files_of_one_reason_are_counted(
    pictures_cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(9):
        (tmp_path / f"{n}.dcm").write_text("text")
    assert main([f"cell={pictures_cell}", f"images={tmp_path}"]) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("refused: ")]
    assert len(said) == 4
    assert said[-1].startswith("refused: 6 more files: not DICOM")


def test_pictures_and_other_modalities_are_refused_where_hounsfield_units_are_needed(home: Path) -> None:
    folder = train_cell(home, *CELLS["CT, a window"], "seed=1")
    train_cell(home, *CELLS["DX"], "seed=1")
    dx = next(home.glob("cache/phantoms/dx*/**/*.dcm"))
    picture = home / "picture.png"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(picture)
    table = score(open_cell(folder), [picture, dx, next(home.glob("cache/phantoms/ct*/**/*.dcm"))])
    assert [text.partition(":")[0] for text in table["refused"]] == ["not in HU", "another modality", ""]


def test_a_class_that_validation_lacks_leaves_the_highest_score_to_decide(pictures_cell: Path) -> None:
    cell = open_cell(pictures_cell)
    scores = np.array([[0.3, 0.7], [0.6, 0.4]], np.float32)
    cell.record["threshold"] = 0.8
    assert cell.decide(scores) == ["a", "a"]
    cell.record["threshold"] = None  # as older records say it
    assert cell.decide(scores) == ["b", "a"]


def test_a_threshold_that_no_score_exceeds_is_said_as_what_it_decides(pictures_cell: Path) -> None:
    cell = open_cell(pictures_cell)
    cell.record["threshold"] = 1.0
    assert cell.decide(np.array([[0, 1]], np.float32)) == ["a"]
    assert cell.rule == "Decision: a for every image: no threshold told b from it on validation."


def test_decisions_and_the_metrics_of_test_are_at_one_threshold(pictures_cell: Path) -> None:
    """One threshold in the record, the row of results.csv, the analysis and `predict`."""
    cell = open_cell(pictures_cell)
    (row,) = [one for one in read_study(pictures_cell.parents[1]).cells if one.folder == pictures_cell]
    assert row.threshold == cell.threshold == cell.record["threshold"]
    metrics = {name.removeprefix("test/"): value for name, value in row.metrics.items()}
    assert metrics["balanced_accuracy"] == pytest.approx((metrics["sensitivity"] + metrics["specificity"]) / 2)
    tested = read_predictions(pictures_cell)
    decided = np.array(cell.decide(tested.scores.astype(np.float32))) == "b"
    assert metrics["accuracy"] == pytest.approx((decided == tested.labels).mean())
    assert metrics["sensitivity"] == pytest.approx(decided[tested.labels == 1].mean())
    scores = stack([row], [row.arm], lambda one: one.arm)
    cases = check_cases(scores.scores[0], scores.labels, scores.patients)
    for metric in ("accuracy", "balanced_accuracy"):
        ((judged,), _) = leave_one_patient_out(cases, metric, scores.thresholds[0])
        assert judged == pytest.approx(metrics[metric])


def test_scores_beside_the_threshold_are_not_rounded_across_it(pictures_cell: Path) -> None:
    cell = open_cell(pictures_cell)
    low = np.float32(0.3)
    high = np.nextafter(low, np.float32(1))
    cell.record["threshold"] = (float(low) + float(high)) / 2
    assert cell.decide(np.array([[1 - low, low], [1 - high, high]], np.float32)) == ["a", "b"]
    assert f"above {cell.record['threshold']:.9g}, " in cell.rule


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("nowhere", "no such folder"),
        ("empty", "this is no cell's folder"),
        ("study", "holds a whole study"),
        ("begun", "it is not done"),
        ("failed", r"it failed \(out of memory\)"),
        ("no weights", r"its weights were not kept"),
        ("torn weights", "damaged or of another version"),
        ("another network", "damaged or of another version"),
        ("old record", r"damaged or of another version of medxfer \(it has no 'input'\)"),
        ("no record", "metrics.json is damaged"),
        ("old settings", "damaged or of another version of medxfer .*levels"),
        ("other settings", "damaged or of another version of medxfer .*keep_aspect"),
        ("torn settings", "damaged or of another version of medxfer"),
        ("old network", r"backbone 'torchvision/resnet18': .*use resnet18\.tv_in1k"),
        ("another class", "_target_=elsewhere.Folder: this version of medxfer cannot load that class"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named_in_one_sentence(
    home: Path, pictures_cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str, why: str
) -> None:
    cell, image = tmp_path / folder, home / "in" / "0.png"
    if folder == "study":
        cell = pictures_cell.parent.parent
    elif folder == "empty":
        cell.mkdir()
    elif folder != "nowhere":
        shutil.copytree(pictures_cell, cell)
    record, best, settings = cell / "metrics.json", cell / "checkpoints" / "best.ckpt", cell / "config.yaml"
    change = {
        "another network": ("test_efficientnet", "test_resnet"),
        "old settings": ("\nlevels: 256", ""),
        "other settings": ("\n  keep_aspect: false", ""),
        "torn settings": ("\nlevels: 256", "\n  levels: {"),
        "old network": ("backbone: test_efficientnet", "backbone: torchvision/resnet18"),
        "another class": ("medxfer.data.sources.picture_folder.ImageFolder", "elsewhere.Folder"),
    }
    if folder in change:
        text = settings.read_text()
        assert change[folder][0] in text
        settings.write_text(text.replace(*change[folder]))
    if folder == "no record":
        record.write_text("")
    if folder in ("begun", "failed"):
        record.unlink()
    if folder == "failed":
        (cell / "failed.json").write_text('{"reason": "out of memory"}')
    if folder == "no weights":
        best.unlink()
    if folder == "torn weights":
        best.write_bytes(best.read_bytes()[:1000])
    if folder == "old record":
        record.write_text(json.dumps({k: v for k, v in json.loads(record.read_text()).items() if k != "input"}))
    assert main([f"cell={cell}", f"images={image}"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(why, error)


def test_a_cell_whose_data_sets_module_has_moved_since_is_read(home: Path, pictures_cell: Path, tmp_path: Path) -> None:
    shutil.copytree(pictures_cell, tmp_path / "cell")
    settings = tmp_path / "cell" / "config.yaml"
    text = settings.read_text()
    assert "sources.picture_folder.ImageFolder" in text
    settings.write_text(text.replace("sources.picture_folder.ImageFolder", "sources.images.ImageFolder"))
    tables = [score(open_cell(cell), [home / "in" / "0.png"]) for cell in (pictures_cell, tmp_path / "cell")]
    assert tables[0].equals(tables[1])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "usage:"),
        (["cell=x"], "usage:"),
        (["cell=x", "image=y"], "did you mean images"),
        (["cell=.", "images=y", "out=table.xlsx"], "out=table.xlsx: give a file whose name ends in .csv"),
        (["cell=.", "images=y", "out=no/such/table.csv"], "there is no folder"),
        (["cell=.", "images=y", "slices=no/such/table.csv"], "there is no folder"),
    ],
)
def test_wrong_arguments(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    assert why in capsys.readouterr().err


def test_a_folder_is_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scores.csv").mkdir()
    assert main([f"cell={tmp_path}", "images=y", f"out={tmp_path / 'scores.csv'}"]) == 1
    assert "scores.csv: is a folder; give a file whose name ends in .csv" in capsys.readouterr().err


@pytest.mark.parametrize(("images", "why"), [("nowhere", "no such file or folder"), ("", "the folder is empty")])
def test_wrong_images(
    pictures_cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], images: str, why: str
) -> None:
    assert main([f"cell={pictures_cell}", f"images={tmp_path / images}"]) == 1
    assert why in capsys.readouterr().err


def test_series_of_which_nothing_is_scored_have_whole_numbers_of_slices(pictures_cell: Path) -> None:
    refused = pd.DataFrame({"path": ["a"], "series": ["1.2"], "score_a": [np.nan], "score_b": [np.nan]})
    refused = refused.assign(decision="", unlike="", refused="empty", note="")
    cell = replace(open_cell(pictures_cell), config=OmegaConf.create({"data": {"score": "mean"}}))
    assert series_rows(cell, refused)["slices"].dtype == int
