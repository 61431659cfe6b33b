"""SIIM-ACR in its own layout: a column with a leading blank, a row a mask, files in folders of studies and series."""

import pytest
from releases import dicom, prepared, split_of

from medxfer.base.errors import MedxferError
from medxfer.data.sources.releases.rsna_pneumonia import OVERLAP
from medxfer.data.sources.releases.siim_acr import SiimAcr


def name(i: int, level: int = 4) -> str:
    """As the release has them, whose last part is no suffix of a file."""
    return f"1.2.276.0.7230010.3.1.{level}.8323329.{1000 + i}.1517875166.{7000 + i}"


@pytest.fixture
def release(tmp_path):
    """24 images, of which every third has a pneumothorax; every sixth has two masks, and so two rows, far apart."""
    root = tmp_path / "siim"
    rows, more = [], []
    for i in range(24):
        dicom(root / "dicom-images-train" / name(i, 2) / name(i, 3) / f"{name(i)}.dcm", PatientID=f"p{i // 2}")
        rows.append(f"{name(i)},{'387620 23 996 33' if i % 3 == 0 else ' -1' if i % 2 else '-1'}")
        if i % 6 == 0:
            more.append(f"{name(i)}, 1000 5")
    dicom(root / "dicom-images-test" / name(90, 2) / name(90, 3) / f"{name(90)}.dcm")
    (root / "train-rle.csv").write_text("\n".join(["ImageId, EncodedPixels", *rows, *more]) + "\n")
    return root


def test_an_image_is_positive_if_it_has_a_mask_and_counts_once(release):
    index = SiimAcr(str(release), "pneumothorax").index()
    assert (index.classes, index.task) == (("no pneumothorax", "pneumothorax"), "binary")
    assert index.labels.tolist() == [int(i % 3 == 0) for i in range(24)]
    assert [file.rpartition("/")[2] for file in index.images["file"]] == [f"{name(i)}.dcm" for i in range(24)]
    assert OVERLAP in index.caveats
    assert any("a patient may count several times" in caveat for caveat in index.caveats)


def test_what_headers_say_of_patients_is_kept_together(release, tmp_path):
    cell = prepared(tmp_path, "data=siim_acr", f"data.root={release}")
    parts = split_of(cell, SiimAcr(str(release), "pneumothorax"))
    patients = {part: {(int(file.split(".")[-2]) - 7000) // 2 for file in files} for part, files in parts.items()}
    assert sum(map(len, parts.values())) == 24
    assert sum(map(len, patients.values())) == 12


def test_the_table_of_the_second_stage_is_read_too(release):
    expected = SiimAcr(str(release), "pneumothorax").index()
    text = (release / "train-rle.csv").read_text().replace(", ", ",")
    (release / "train-rle.csv").unlink()
    (release / "stage_2_train.csv").write_text(text)
    assert SiimAcr(str(release), "all").index().labels.tolist() == expected.labels.tolist()


def test_missing_files_and_blank_masks_are_counted(release):
    next((release / "dicom-images-train").rglob(f"{name(1)}.dcm")).unlink()
    path = release / "train-rle.csv"
    path.write_text(path.read_text().replace(f"{name(2)},-1", f"{name(2)},"))
    index = SiimAcr(str(release), "pneumothorax").index()
    assert index.left_out == {"file missing": (name(1),), "no label": (name(2),)}


def test_what_is_wrong_is_one_sentence(release):
    with pytest.raises(MedxferError, match=r"unknown data\.label 'pneumothorx': did you mean pneumothorax"):
        SiimAcr(str(release), "pneumothorx").index()
    path = release / "train-rle.csv"
    path.write_text(path.read_text() + f"{name(0)},-1\n")
    with pytest.raises(MedxferError, match="an image of its table has a mask, and a row that says it has none"):
        SiimAcr(str(release), "pneumothorax").index()
    path.unlink()
    with pytest.raises(MedxferError, match=r"holds no train-rle\.csv or stage_2_train\.csv; .*kaggle"):
        SiimAcr(str(release), "pneumothorax").index()
