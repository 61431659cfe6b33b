"""Kermany in its own layout: sixteen images of val, patients in names, Kaggle's second copy."""

import json
import shutil

import pytest
from omegaconf import OmegaConf
from releases import compose_cell, picture, prepared, split_of

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.data.sources.tree import ClassFolders
from medxfer.training.run import train


def kermany(root) -> ClassFolders:
    settings = OmegaConf.load(CONF / "data" / "kermany.yaml").source
    return ClassFolders(**{key: settings[key] for key in settings if key not in ("_target_", "root")}, root=str(root))


@pytest.fixture
def release(tmp_path):
    root = tmp_path / "chest_xray"
    for n in range(1, 13):
        picture(root / "train" / "PNEUMONIA" / f"person{n}_bacteria_{2 * n}.jpeg")
        picture(root / "train" / "PNEUMONIA" / f"person{n}_virus_{2 * n + 1}.jpeg")
        picture(root / "train" / "NORMAL" / f"IM-{n + 114:04}-0001.jpeg")
        picture(root / "train" / "NORMAL" / f"NORMAL2-IM-{n + 114:04}-0001-0002.jpeg")
    for n in range(1, 6):
        picture(root / "test" / "PNEUMONIA" / f"person{n}_virus_{n}.jpeg")
        picture(root / "test" / "NORMAL" / f"NORMAL2-IM-{n:04}-0001.jpeg")
    for n in (1946, 1947):
        picture(root / "val" / "PNEUMONIA" / f"person{n}_bacteria_4874.jpeg")
        picture(root / "val" / "NORMAL" / f"NORMAL2-IM-{n - 500:04}-0001.jpeg")
    (root / "train" / ".DS_Store").write_bytes(b"")
    shutil.copytree(root, tmp_path / "copy")
    shutil.move(tmp_path / "copy", root / "chest_xray")  # as Kaggle's archive has it
    return root


def test_patients_are_read_from_names_and_nothing_counts_twice(release):
    for root in (release, release.parent):
        images = kermany(root).index().images
        assert len(images) == 12 * 4 + 10 + 4
        patient = dict(zip(images["file"], images["patient"], strict=True))
        assert patient["train/PNEUMONIA/person3_bacteria_6.jpeg"] == patient["train/PNEUMONIA/person3_virus_7.jpeg"]
        assert patient["train/NORMAL/IM-0115-0001.jpeg"] == patient["train/NORMAL/NORMAL2-IM-0115-0001-0002.jpeg"]
        assert patient["train/PNEUMONIA/person3_virus_7.jpeg"] != patient["test/PNEUMONIA/person3_virus_3.jpeg"]


def test_the_test_part_is_kept_and_validation_is_drawn_from_train_and_the_sixteen(release, tmp_path):
    cell = prepared(tmp_path, "data=kermany", f"data.root={release}")
    parts = split_of(cell, kermany(release))
    assert {file.split("/")[0] for file in parts["test"]} == {"test"}
    assert len(parts["test"]) == 10
    assert len(parts["val"]) >= 8
    assert {file.split("/")[0] for file in parts["train"] | parts["val"]} == {"train", "val"}
    assert any("numbers begin again" in caveat for caveat in cell.store.caveats)


def test_a_cell_trains_on_it_and_its_record_says_what_is_not_known(release, tmp_path):
    metrics, _ = train(compose_cell(tmp_path, "data=kermany", f"data.root={release}"))
    assert 0 <= metrics["test/balanced_accuracy"] <= 1
    (cell,) = (tmp_path / "studies").glob("*/cells/*")
    record = json.loads((cell / "metrics.json").read_text())["data"]
    assert record["images"] == {"train": 52 - record["images"]["val"], "val": record["images"]["val"], "test": 10}
    assert any("numbers begin again" in caveat for caveat in record["caveats"])


def test_another_layout_is_one_sentence(release):
    picture(release / "train" / "NORMAL" / "renamed.jpeg")
    with pytest.raises(MedxferError, match=r"does not match 'train/NORMAL/renamed\.jpeg'"):
        kermany(release).index()
    shutil.rmtree(release / "test" / "NORMAL")
    with pytest.raises(MedxferError, match=r"no image in test/NORMAL; .*kaggle"):
        kermany(release).index()
