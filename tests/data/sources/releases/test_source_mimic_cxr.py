"""MIMIC-CXR-JPG in its own layout: labels by study, parts by image, compressed tables, studies without labels."""

import gzip

import numpy as np
import pandas as pd
import pytest
from releases import picture, prepared, split_of

from medxfer.base.errors import MedxferError
from medxfer.data.sources.releases.chexpert_labels import FINDINGS
from medxfer.data.sources.releases.mimic_cxr import MimicCxr

TWO = ["Edema", "Pleural Effusion"]
ARGUMENTS = ("data=mimic_cxr", "data.label=[Edema,Pleural Effusion]")


@pytest.fixture
def release(tmp_path):
    """Thirty patients of two studies, each a PA and a lateral view; patient 12 has one study without labels."""
    root = tmp_path / "mimic"
    rng = np.random.default_rng(0)
    split, metadata, labels = [], [], []
    for patient in range(30):
        subject, part = f"{10 + patient % 3}{patient:06}", ("train", "validate", "test", "train", "train")[patient % 5]
        for visit in range(2):
            study = f"5{patient:04}{visit:03}"
            for view in ("PA", "LATERAL"):
                image = f"{patient:08x}-{visit}-{view.lower()}"
                picture(root / f"files/p{subject[:2]}/p{subject}/s{study}/{image}.jpg")
                split.append([image, study, subject, part])
                metadata.append([image, subject, study, view, 3056])
            if (patient, visit) != (12, 1):
                labels.append([subject, study, *rng.choice(["1.0", "0.0", "-1.0", ""], len(FINDINGS))])
    write(root, "split", split, ["dicom_id", "study_id", "subject_id", "split"])
    write(root, "metadata", metadata[::-1], ["dicom_id", "subject_id", "study_id", "ViewPosition", "Rows"])
    write(root, "chexpert", labels[::-1], ["subject_id", "study_id", *sorted(FINDINGS)], packed=True)
    return root


def write(root, kind: str, rows: list, columns: list[str], packed: bool = False) -> None:
    text = pd.DataFrame(rows, columns=columns).to_csv(index=False).encode()
    path = root / f"mimic-cxr-2.0.0-{kind}.csv{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(text) if packed else text)


@pytest.mark.parametrize(("policy", "value"), [("ones", 1), ("zeros", 0), ("leave_out", None)])
def test_an_image_has_its_studys_labels_by_the_stated_policy(release, policy, value):
    labels = pd.read_csv(release / "mimic-cxr-2.0.0-chexpert.csv.gz").set_index("study_id")[TWO]
    index = MimicCxr(str(release), TWO, policy).index()
    assert any(policy.replace("_", " ") in caveat for caveat in index.caveats)
    studies = index.images["file"].str.extract(r"/s(\d+)/", expand=False).astype(int)
    found = labels.loc[studies]
    assert (found == -1).any(axis=None) == (value is not None)
    assert index.labels.tolist() == found.fillna(0).replace(-1, value).to_numpy().tolist()
    sure = labels if value is not None else labels[~(labels == -1).any(axis=1)]
    assert len(index.images) == 2 * len(sure)
    assert len(index.left_out["no label"]) == 120 - 2 * len(sure)
    assert index.images["patient"].nunique() <= 30
    assert (index.images["file"].str.split("/").str[2] == "p" + index.images["patient"]).all()


def test_the_official_parts_are_kept(release, tmp_path):
    source = MimicCxr(str(release), TWO, "ones")
    parts = split_of(prepared(tmp_path, *ARGUMENTS, f"data.root={release}"), source)
    table = pd.read_csv(release / "mimic-cxr-2.0.0-split.csv", dtype=str).set_index("dicom_id")["split"]
    for part, name in {"train": "train", "val": "validate", "test": "test"}.items():
        images = {file.rpartition("/")[2].removesuffix(".jpg") for file in parts[part]}
        assert images
        assert set(table[sorted(images)]) == {name}
    assert sum(map(len, parts.values())) == 118


def test_frontal_views_are_kept_by_the_metadata(release, tmp_path):
    cell = prepared(tmp_path, *ARGUMENTS, f"data.root={release}", "data.keep.view=[PA,AP]")
    assert len(cell.store) == 59


def test_a_part_of_the_files_is_a_part_of_the_release(release):
    for path in (release / "files" / "p11").rglob("*.jpg"):
        path.unlink()
    index = MimicCxr(str(release), TWO, "ones").index()
    assert len(index.left_out["file missing"]) == 40
    assert not index.images["file"].str.startswith("files/p11").any()


def test_what_is_wrong_is_one_sentence(release):
    with pytest.raises(MedxferError, match=r"unknown data\.uncertain 'one': did you mean ones"):
        MimicCxr(str(release), TWO, "one")
    with pytest.raises(MedxferError, match=r"unknown data\.label 'Oedema': did you mean Edema"):
        MimicCxr(str(release), ["Oedema"], "ones").index()
    path = release / "mimic-cxr-2.0.0-split.csv"
    text = path.read_text()
    path.write_text(text.replace("validate", "val"))
    with pytest.raises(MedxferError, match="a part of its split is none of train, validate, test"):
        MimicCxr(str(release), TWO, "ones").index()
    path.write_text(text + text.splitlines()[1] + "\n")
    with pytest.raises(MedxferError, match="not one row an image"):
        MimicCxr(str(release), TWO, "ones").index()
    path.unlink()
    with pytest.raises(MedxferError, match=r"holds no mimic-cxr-2\.0\.0-split\.csv or .*gz; .*physionet"):
        MimicCxr(str(release), TWO, "ones").index()
