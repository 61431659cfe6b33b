"""Sources: the layouts they read, and one clear sentence for each way in which a folder can be wrong."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from medxfer.base.errors import MedxferError
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.store.dataset import open_dataset


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = []
    for i in range(12):
        Image.fromarray(rng.integers(0, 256, (9, 7), dtype=np.uint8)).save(tmp_path / f"{i}.png")
        rows.append((f"{i}.png", "ab"[i % 2], f"P{i // 2}", "xyz"[i % 3]))
    pd.DataFrame(rows, columns=["path", "label", "patient_id", "view"]).to_csv(tmp_path / "labels.csv", index=False)
    return tmp_path


def rewrite(folder: Path, change) -> str:
    table = change(pd.read_csv(folder / "labels.csv", dtype=str, keep_default_na=False))
    table.to_csv(folder / "labels.csv", index=False)
    return str(folder / "labels.csv")


def folder(root: Path, **settings) -> ImageFolder:
    return ImageFolder(str(root), str(root / "labels.csv"), **settings)


def test_a_table_gives_labels_and_patients(pictures):
    index = folder(pictures).index()
    assert index.classes == ("a", "b")
    assert index.task == "binary"
    assert index.labels.tolist() == [0, 1] * 6
    assert index.images["patient"].tolist()[:4] == ["P0", "P0", "P1", "P1"]
    assert index.caveats == ()


def test_another_column_can_hold_the_labels(pictures):
    index = folder(pictures, label="view").index()
    assert (index.classes, index.task) == (("x", "y", "z"), "multiclass")


def test_without_patients_every_image_is_one_and_the_record_says_so(pictures):
    rewrite(pictures, lambda table: table.drop(columns="patient_id"))
    index = open_dataset(folder(pictures), pictures.parent / "cache").index
    assert index.images["patient"].is_unique
    assert "no patient ids" in index.caveats[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda t: t.assign(path="no_" + t["path"]),
            r"none of its 12 rows .* has 'no_0.png' .* the folder has '0.png'",
        ),
        (lambda t: t.drop(columns="label"), "no column 'label'"),
        (lambda t: t.assign(label="a"), "all images have the label 'a'"),
        (lambda t: t.assign(label=""), "no image has a label"),
        (lambda t: pd.concat([t, t.assign(label="c")]), "'0.png' has two labels, .*, and [0-9]+ more such; rows"),
        (lambda t: t.head(0), "has no rows"),
        (lambda t: t.assign(label=["a", "#REF!"] * 6), "the column 'label': a spreadsheet could not compute"),
    ],
)
def test_a_wrong_table_is_one_sentence(pictures, change, words):
    rewrite(pictures, change)
    with pytest.raises(MedxferError, match=words):
        folder(pictures).index()


def test_missing_folder_and_missing_table_name_their_setting(tmp_path):
    with pytest.raises(MedxferError, match=r"data\.root=.*no such folder"):
        DicomFolder(str(tmp_path / "nowhere"), "labels.csv")
    with pytest.raises(MedxferError, match=r"data\.labels=.*no such file"):
        DicomFolder(str(tmp_path), str(tmp_path / "labels.csv"))
    with pytest.raises(MedxferError, match=r"data\.labels=.*is a folder; give a CSV"):
        DicomFolder(str(tmp_path), str(tmp_path))


@pytest.mark.parametrize("packed", [["all.zip"], ["a.dcm.gz", "b.dcm.GZ"]])
def test_a_folder_of_archives_is_to_be_unpacked(tmp_path, packed):
    for name in packed:
        (tmp_path / name).write_bytes(b"PK")
    pd.DataFrame({"path": ["a.dcm", "b.dcm"], "label": ["x", "y"]}).to_csv(tmp_path / "labels.csv", index=False)
    for source in (folder(tmp_path), DicomFolder(str(tmp_path), str(tmp_path / "labels.csv"))):
        with pytest.raises(MedxferError, match=rf"no file .*, but {len(packed)} archives? .*: unpack"):
            open_dataset(source, tmp_path / "cache")


def test_findings_may_be_true_and_false_and_another_word_is_named(pictures):
    rewrite(pictures, lambda t: t.assign(a=["TRUE", "False"] * 6, b=["1", "0", "1.0"] * 4))
    index = folder(pictures, label=["a", "b"]).index()
    assert index.labels.tolist() == [[1 - i % 2, int(i % 3 != 1)] for i in range(12)]
    rewrite(pictures, lambda t: t.assign(a=["ja", "False"] * 6))
    with pytest.raises(MedxferError, match=r"the column 'a' has other values than 0 and 1 \('ja'\)"):
        folder(pictures, label=["a", "b"]).index()


@pytest.mark.data
@pytest.mark.parametrize(("name", "n"), [("cxr_nih", 797), ("cxr_kermany", 1645)])
def test_real_pictures_are_all_gray(test_data, name, n):
    source = ImageFolder(str(test_data / name), str(test_data / name / "labels.csv"))
    files = source.index().images["file"]
    assert len(files) == n
    assert all(next(source.reading.pictures(file, hounsfield=False)).dtype == np.uint8 for file in files[:: n // 40])
