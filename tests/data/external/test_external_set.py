"""External sets: how they are named, matched by class, and freed of patients and pictures that the training has."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cells import small_config
from omegaconf import DictConfig
from pictures import make_elsewhere, make_pictures

from medxfer.base.errors import MedxferError
from medxfer.data.external import ExternalSet, mounted_sets
from medxfer.data.external.external_set import TrainedOn, external_sets
from medxfer.data.sources.class_names import in_training_classes
from medxfer.training.prepare import prepare
from medxfer.training.settings.composed import compose_config

BINARY = (("normal", "pneumonia"), "binary")


def sets_of(folder: Path, *overrides: str) -> tuple[ExternalSet, ...]:
    return settled(small_config(folder, *overrides))


def settled(config: DictConfig) -> tuple[ExternalSet, ...]:
    return prepare(config).external


def clinic(root: Path, *more: str) -> list[str]:
    return ["data@external=images", f"external.root={root}", "external.name=clinic", *more]


def change_labels(root: Path, **columns: object) -> None:
    table = pd.read_csv(root / "labels.csv", dtype=str)
    table.assign(**columns).to_csv(root / "labels.csv", index=False)


def test_classes_are_matched_by_name_whatever_their_order() -> None:
    labels = in_training_classes(
        np.array([0, 1, 1]), (("abnormal", "normal"), "binary"), BINARY, {"abnormal": "pneumonia"}, "external"
    )
    assert labels.tolist() == [1, 0, 0]


def test_several_classes_can_become_one() -> None:
    own = (("bacteria", "normal", "virus"), "multiclass")
    become = {"bacteria": "pneumonia", "virus": "pneumonia"}
    assert in_training_classes(np.array([0, 1, 2]), own, BINARY, become, "external").tolist() == [1, 0, 1]


def test_findings_of_a_multi_label_set_change_their_places() -> None:
    labels = np.array([[1, 0], [1, 1], [0, 1]], np.float32)
    training = (("Effusion", "Mass"), "multilabel")
    found = in_training_classes(labels, (("mass", "Effusion"), "multilabel"), training, {"mass": "Mass"}, "external")
    assert found.tolist() == [[0, 1], [1, 1], [1, 0]]


@pytest.mark.parametrize(
    ("own", "renamed", "said"),
    [
        ((("abnormal", "normal"), "binary"), {}, r"'abnormal' is no class of the training; the set has no 'pneumonia'"),
        ((("abnormal", "normal"), "binary"), {}, r"'external.classes=\{abnormal: pneumonia\}'"),
        ((("normal", "other", "pneumonia"), "multiclass"), {}, "'other' is no class of the training"),
        (
            (("normal", "pneumonia"), "binary"),
            {"sick": "pneumonia"},
            "renames sick, and the set has the classes normal",
        ),
        ((("Effusion", "Mass"), "multilabel"), {}, "is a multilabel task .* and the training a binary one"),
    ],
)
def test_classes_that_do_not_match_are_refused_with_the_difference(own, renamed, said) -> None:
    with pytest.raises(MedxferError, match=said):
        in_training_classes(np.zeros(2, np.int64), own, BINARY, renamed, "external")


def test_a_set_is_refused_before_any_training(tmp_path: Path) -> None:
    make_elsewhere(tmp_path / "out", classes=("a", "sick"))
    with pytest.raises(MedxferError, match="external set 'clinic': external has the classes a and sick"):
        sets_of(tmp_path, *clinic(tmp_path / "out"))
    (found,) = sets_of(tmp_path, *clinic(tmp_path / "out"), "external.classes={sick: b}")
    assert found.classes == ("a", "b")
    assert found.labels.tolist() == [i // 2 % 2 for i in range(24)]


@pytest.mark.parametrize(
    ("kind", "classes", "why"),
    [
        ("phantom_dx", ("a", "b"), "external has the classes lesion and no_lesion and the training a and b"),
        ("phantom_ct", ("lesion", "no_lesion"), "its images are 'CT' and the training's 'DX'"),
    ],
)
def test_phantoms_that_cannot_be_scored_are_refused_before_they_are_drawn(tmp_path: Path, kind, classes, why) -> None:
    trained_on = TrainedOn("0" * 16, "DX", classes, "binary", True, 16, False, False, "image")
    few = ["external.patients=2", "external.images=1"]
    with pytest.raises(MedxferError, match=f"external set '{kind}': {why}"):
        external_sets(small_config(tmp_path, f"data@external={kind}", *few), trained_on)
    assert not list(tmp_path.rglob("phantoms"))


def test_missing_and_wrong_settings_are_named_as_they_are_given(tmp_path: Path) -> None:
    with pytest.raises(MedxferError, match=r"external needs external.root: give it as external.root="):
        mounted_sets(small_config(tmp_path, "data@external=images"))
    with pytest.raises(MedxferError, match=r"external set 'clinic': external.root=.*no such folder"):
        sets_of(tmp_path, *clinic(tmp_path / "nowhere", f"external.labels={tmp_path}/in/labels.csv"))
    with pytest.raises(MedxferError, match=r"data\.classes renames the classes of external sets alone"):
        prepare(small_config(tmp_path, "data.classes={a: b}"))


def test_several_sets_have_names_of_their_own(tmp_path: Path) -> None:
    one, two = make_elsewhere(tmp_path / "one"), make_elsewhere(tmp_path / "two", n=16)
    more = ["+data@external.second=images", f"external.second.root={two}"]
    assert [found.name for found in sets_of(tmp_path, *clinic(one), *more)] == ["clinic", "second"]
    assert [found.name for found in sets_of(tmp_path, *more)] == ["second"]
    with pytest.raises(MedxferError, match="two external sets are called 'second'"):
        mounted_sets(small_config(tmp_path, *clinic(one), *more, "external.name=second"))
    with pytest.raises(MedxferError, match="give a name of letters"):
        mounted_sets(small_config(tmp_path, *clinic(one), "external.name=a b"))


def test_patients_with_an_id_of_the_training_are_left_out_and_counted(tmp_path: Path) -> None:
    make_elsewhere(tmp_path / "out")
    change_labels(tmp_path / "out", patient_id=["P3", "P3", "P4", *(f"H{i}" for i in range(21))])
    (found,) = sets_of(tmp_path, *clinic(tmp_path / "out"))
    assert found.overlap.counts() == {"images": 3, "patients": 2, "pictures": 0}
    assert len(found.rows) == len(found.labels) == 21
    assert "3 images are left out, because 2 patients also stand in the training" in found.sentence()


def test_all_images_of_a_patient_with_a_picture_of_the_training_are_left_out(tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", n=40)
    make_elsewhere(tmp_path / "out")
    shutil.copy(tmp_path / "in" / "0.png", tmp_path / "out" / "6.png")  # one of two pictures of patient H3
    (found,) = sets_of(tmp_path, *clinic(tmp_path / "out"))
    assert found.overlap.counts() == {"images": 2, "patients": 0, "pictures": 1}
    kept = found.store.images["patient"].iloc[found.rows]
    assert not set(kept) & set(found.store.images["patient"][found.overlap.among])


def test_sets_without_ids_are_matched_by_pictures_alone(tmp_path: Path) -> None:
    """Their images' paths stand for patients, and equal paths are no equal patients."""
    make_pictures(tmp_path / "in", n=40)
    make_elsewhere(tmp_path / "out")
    for folder in ("in", "out"):
        table = pd.read_csv(tmp_path / folder / "labels.csv").drop(columns="patient_id")
        table.to_csv(tmp_path / folder / "labels.csv", index=False)
    (found,) = sets_of(tmp_path, *clinic(tmp_path / "out"))
    assert not found.overlap.among.any()


def test_a_set_of_the_trainings_own_images_is_refused(tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", n=40)
    with pytest.raises(MedxferError, match="no image is left: 40 images are left out, because 20 patients and 40 pict"):
        sets_of(tmp_path, *clinic(tmp_path / "in"))


def test_no_patient_of_either_set_is_named_in_what_a_cell_records(tmp_path: Path) -> None:
    make_elsewhere(tmp_path / "out")
    change_labels(tmp_path / "out", patient_id=["P3", "P3", *(f"H{i}" for i in range(22))])
    (found,) = sets_of(tmp_path, *clinic(tmp_path / "out"))
    written = repr(found.record()) + found.table(np.zeros((22, 2), np.float32)).to_csv()
    assert not any(f"{name}{i}" in written.split(",") for name in ("H", "P") for i in range(24))
    assert str(tmp_path) not in written


def test_images_of_another_kind_are_refused_and_pictures_are_flagged(tmp_path: Path) -> None:
    def trained_on(modality: str, *external: str) -> tuple[ExternalSet, ...]:
        small = ["backbone=test_efficientnet", "pretrained=false", "image_size=32", "logger=none"]
        folders = [f"store.root={tmp_path / 'cache'}", f"study.root={tmp_path / 'studies'}"]
        few = [f"data=phantom_{modality}", "data.patients=24", "data.images=1"]
        return settled(compose_config([*small, *folders, *few, *external]))

    def phantoms(modality: str) -> list[str]:
        return [f"data@external=phantom_{modality}", "external.patients=12", "external.images=1", "external.seed=1"]

    with pytest.raises(MedxferError, match=r"its images are 'CT' and the training's 'DX'"):
        trained_on("dx", *phantoms("ct"))
    with pytest.raises(MedxferError, match="the cells take CT images in Hounsfield units, and external holds 'DX'"):
        trained_on("ct", *phantoms("dx"))
    make_elsewhere(tmp_path / "out", classes=("no_lesion", "lesion"))
    (found,) = trained_on("dx", *clinic(tmp_path / "out"))
    assert found.caveats[0] == "its images are 'images' and the training's 'DX'"
    assert found.warnings()[0] == "external set 'clinic': its images are 'images' and the training's 'DX'"


def test_any_group_of_data_can_be_an_external_set(tmp_path: Path) -> None:
    for source in (
        "dicom",
        "ct_series",
        "tree",
        "medmnist",
        "nih",
        "nifti",
        "chexpert",
        "covidx_ct",
        "kermany",
        "mimic_cxr",
        "rsna_ich",
        "rsna_pneumonia",
        "siim_acr",
        "vindr_cxr",
    ):
        given = [] if source == "medmnist" else [f"external.root={tmp_path}"]
        (mounted,) = mounted_sets(small_config(tmp_path, f"data@external={source}", *given))
        assert mounted.data["source"].get("root", str(tmp_path)) == str(tmp_path)


def test_the_trainings_positive_class_is_that_of_external_sets(tmp_path: Path) -> None:
    make_elsewhere(tmp_path / "out")
    (found,) = sets_of(tmp_path, *clinic(tmp_path / "out"), "data.positive=a")
    assert found.classes == ("b", "a")
    assert found.labels.tolist() == [1 - i // 2 % 2 for i in range(24)]
    with pytest.raises(MedxferError, match=r"external\.positive: classes are counted as in the training"):
        mounted_sets(small_config(tmp_path, *clinic(tmp_path / "out", "external.positive=a")))
