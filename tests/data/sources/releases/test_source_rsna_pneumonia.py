"""RSNA Pneumonia in its own layout: rows repeat images, and patientId is an image's."""

import json

import pandas as pd
import pytest
from releases import dicom, prepared, split_of

from medxfer.base.errors import MedxferError
from medxfer.data.sources.releases.rsna_pneumonia import MAPPING, RsnaPneumonia

CLASS = {0: "Normal", 1: "Lung Opacity", 2: "No Lung Opacity / Not Normal"}


@pytest.fixture
def release(tmp_path):
    """Twelve patients with two images each; every positive image has two boxes, and so two rows in both tables."""
    root = tmp_path / "rsna"
    boxes, classes, mapping = [], [], []
    for i in range(24):
        name, kind = f"img{i:02}", i // 2 % 3
        dicom(root / "stage_2_train_images" / f"{name}.dcm", PatientID=name, Modality="CR", ViewPosition="PA")
        for _ in range(2 if kind == 1 else 1):
            boxes.append((name, "10" if kind == 1 else "", "", "", "", int(kind == 1)))
            classes.append((name, CLASS[kind]))
        mapping.append({"img_id": f"{i // 2:08}_{i % 2:03}.png", "subset_img_id": name, "orig_labels": []})
    pd.DataFrame(boxes, columns=["patientId", "x", "y", "width", "height", "Target"]).to_csv(
        root / "stage_2_train_labels.csv", index=False
    )
    pd.DataFrame(classes, columns=["patientId", "class"]).to_csv(root / "stage_2_detailed_class_info.csv", index=False)
    (root / MAPPING).write_text(json.dumps([*mapping, {"img_id": "00000099_000.png", "subset_img_id": "elsewhere"}]))
    return root


def test_each_image_counts_once_whatever_its_boxes(release):
    index = RsnaPneumonia(str(release), "Target").index()
    assert len(index.images) == 24
    assert index.classes == ("no pneumonia", "pneumonia")
    assert index.labels.sum() == 8
    detailed = RsnaPneumonia(str(release), "class").index()
    assert detailed.classes == ("Lung Opacity", "No Lung Opacity / Not Normal", "Normal")
    assert detailed.task == "multiclass"


def test_patients_come_from_the_mapping_and_are_never_divided(release, tmp_path):
    source = RsnaPneumonia(str(release), "Target")
    index = source.index()
    assert index.images["patient"].nunique() == 12
    assert not any("no patient ids" in caveat for caveat in index.caveats)
    assert any("NIH ChestX-ray14" in caveat for caveat in index.caveats)
    cell = prepared(tmp_path, "data=rsna_pneumonia", f"data.root={release}")
    patient = dict(zip(index.images["file"], index.images["patient"], strict=True))
    parts = split_of(cell, source)
    assert sum(map(len, parts.values())) == 24
    assert sum(len({patient[file] for file in files}) for files in parts.values()) == 12


def test_without_the_mapping_the_record_says_that_patients_are_not_known(release):
    (release / MAPPING).unlink()
    index = RsnaPneumonia(str(release), "Target").index()
    assert index.images["patient"].is_unique
    assert any("no patient ids" in caveat for caveat in index.caveats)


def test_an_image_without_its_patient_and_a_folder_without_its_tables_are_one_sentence(release):
    (release / MAPPING).write_text("[]")
    with pytest.raises(MedxferError, match="24 images are not in pneumonia-challenge"):
        RsnaPneumonia(str(release), "Target").index()
    with pytest.raises(MedxferError, match=r"unknown data\.label 'Targets': did you mean Target\?"):
        RsnaPneumonia(str(release), "Targets").index()
    (release / "stage_2_train_labels.csv").unlink()
    with pytest.raises(MedxferError, match=r"holds no stage_2_train_labels\.csv; .*kaggle"):
        RsnaPneumonia(str(release), "Target").index()
