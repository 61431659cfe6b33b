"""VinDr-CXR in its own layout: three readers a training image, a consensus a test image, no patients in a table."""

import numpy as np
import pandas as pd
import pytest
from releases import dicom, prepared, split_of

from medxfer.base.errors import MedxferError
from medxfer.data.sources.patients import NO_PATIENTS
from medxfer.data.sources.releases.vindr_cxr import FINDINGS, VinDrCxr
from medxfer.data.sources.source import modality_of

TWO = ["Cardiomegaly", "Other diseases"]
# How many readers saw the two findings in image i, so that every number of votes is met.
SEEN = [(i % 4, i // 4 % 4) for i in range(32)]


@pytest.fixture
def release(tmp_path):
    """32 training and 12 test images; the rows of one image are apart, and the test table names a finding otherwise."""
    root = tmp_path / "vindr"
    (root / "annotations").mkdir(parents=True)
    rows = []
    for reader in range(3):
        for i, (heart, other) in enumerate(SEEN):
            seen = {"Cardiomegaly": int(reader < heart), "Other diseases": int(2 - reader < other)}
            rows.append([f"{i:032x}", f"R{reader + i % 4}", *(seen.get(name, 0) for name in FINDINGS)])
    table(root, "train", rows, ["image_id", "rad_id", *FINDINGS])
    names = ["Other disease" if name == "Other diseases" else name for name in FINDINGS]
    consensus = [[f"{100 + i:032x}", *([i % 2, i // 2 % 2] * len(FINDINGS))[: len(FINDINGS)]] for i in range(12)]
    table(root, "test", consensus, ["image_id", *names])
    for i in [*range(32), *range(100, 112)]:
        path = root / ("train" if i < 100 else "test") / f"{i:032x}.dicom"
        dicom(path, PatientID="", StudyInstanceUID="", SeriesInstanceUID="", Modality="DX")
    return root


def table(root, part: str, rows: list, columns: list[str]) -> None:
    pd.DataFrame(rows, columns=columns).to_csv(root / "annotations" / f"image_labels_{part}.csv", index=False)


@pytest.mark.parametrize(("vote", "needed"), [("any", 1), ("majority", 2), ("all", 3)])
def test_training_labels_are_the_stated_vote_and_test_labels_the_consensus(release, vote, needed):
    index = VinDrCxr(str(release), TWO, vote).index()
    assert any(f"vote of three readers: {vote}" in caveat for caveat in index.caveats)
    train = (index.images["split"] == "train").to_numpy()
    assert index.labels[train].tolist() == (np.array(SEEN) >= needed).tolist()
    test = pd.read_csv(release / "annotations" / "image_labels_test.csv")[["Cardiomegaly", "Other disease"]]
    assert index.labels[~train].tolist() == test.to_numpy().tolist()
    assert VinDrCxr(str(release), TWO, vote).settings()["vote"] == vote


def test_the_official_parts_are_kept_and_patients_are_said_to_be_unknown(release, tmp_path):
    source = VinDrCxr(str(release), TWO, "majority")
    cell = prepared(tmp_path, "data=vindr_cxr", f"data.root={release}", "data.label=[Cardiomegaly,Other diseases]")
    parts = split_of(cell, source)
    assert {part: {file.split("/")[0] for file in files} for part, files in parts.items()} == {
        "train": {"train"}, "val": {"train"}, "test": {"test"},
    }  # fmt: skip
    assert sum(map(len, parts.values())) == 44
    assert NO_PATIENTS in cell.store.caveats
    assert modality_of(source.survey(list(source.index().images["file"]))) == "DX"


def test_patients_that_headers_name_are_not_divided(release, tmp_path):
    """Should a version of the release, or a hospital's own copy, have them."""
    for i in range(32):
        dicom(release / "train" / f"{i:032x}.dicom", PatientID=f"P{i // 4}", Modality="DX")
    cell = prepared(tmp_path, "data=vindr_cxr", f"data.root={release}", "data.label=[Cardiomegaly,Other diseases]")
    parts = split_of(cell, VinDrCxr(str(release), TWO, "majority"))
    patients = {part: {int(file[-8:-6], 16) // 4 for file in parts[part]} for part in ("train", "val")}
    assert patients["train"].isdisjoint(patients["val"])
    assert patients["val"]


def test_what_is_wrong_is_one_sentence(release):
    with pytest.raises(MedxferError, match=r"unknown data\.vote 'major': did you mean majority"):
        VinDrCxr(str(release), TWO, "major")
    with pytest.raises(MedxferError, match=r"unknown data\.label 'Other disease': did you mean Other diseases"):
        VinDrCxr(str(release), ["Other disease"], "any").index()
    path = release / "annotations" / "image_labels_train.csv"
    text = path.read_text()
    first, *others = text.splitlines()[1:]
    path.write_text("\n".join([text.splitlines()[0], *others]) + "\n")
    with pytest.raises(
        MedxferError, match=r"1 images of image_labels_train\.csv have not one row of each of 3 readers"
    ):
        VinDrCxr(str(release), TWO, "any").index()
    path.write_text(text + first + "\n")
    with pytest.raises(MedxferError, match=r"1 images of image_labels_train\.csv have not one row of each"):
        VinDrCxr(str(release), TWO, "any").index()
    path.write_text(text.replace(first, first[:-1] + "2"))
    with pytest.raises(MedxferError, match=r"a label of image_labels_train\.csv is neither 0 nor 1"):
        VinDrCxr(str(release), "No finding", "any").index()
    path.unlink()
    with pytest.raises(MedxferError, match=r"holds no image_labels_train\.csv; .*physionet"):
        VinDrCxr(str(release), TWO, "any").index()
