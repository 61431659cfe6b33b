"""What a configuration names as its data set: every file of conf/data, and the names of older studies."""

import re

import pytest
from omegaconf import OmegaConf

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.data.sources.dicom_file import DicomReader
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.sources.phantom_folder import PhantomFolder
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.sources.releases.nih import NihChestXray14
from medxfer.data.sources.releases.rsna_ich import IchReader, RsnaIch
from medxfer.data.sources.targets import data_sets, dicom_reader, source_class
from medxfer.data.store.dataset import dataset_of


def test_every_data_set_is_listed_with_what_it_is_and_what_it_takes():
    listed = {data_set.name: data_set for data_set in data_sets()}
    assert set(listed) == {path.stem for path in (CONF / "data").glob("*.yaml")} - {"base"}
    assert all(len(data_set.meaning) > 20 and data_set.obtain for data_set in listed.values())
    assert listed["dicom"].needs == "data.root="
    assert listed["phantom_dx"].needs == ""
    assert "pneumonia" in listed["kermany"].meaning
    assert "kaggle.com" in listed["kermany"].obtain


@pytest.mark.parametrize("name", [data_set.name for data_set in data_sets()])
def test_what_helps_where_classes_have_too_few_patients_is_a_setting_of_the_data_set(name):
    settings = OmegaConf.load(CONF / "data" / f"{name}.yaml")
    remedy = source_class(settings.source._target_).remedy
    assert set(re.findall(r"data\.(\w+)", remedy)) <= set(settings)


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("medxfer.data.sources.dicom_folder.DicomFolder", DicomFolder),
        ("medxfer.data.sources.dicom.DicomFolder", DicomFolder),
        ("medxfer.data.sources.images.ImageFolder", ImageFolder),
        ("medxfer.data.sources.phantom.PhantomFolder", PhantomFolder),
        ("medxfer.data.sources.nih.NihChestXray14", NihChestXray14),
        ("medxfer.data.sources.rsna_ich.RsnaIch", RsnaIch),
        ("test_targets.OwnFolder", "OwnFolder"),
    ],
)
def test_a_class_is_found_where_it_is_or_where_it_was_in_an_older_study(target, kind):
    found = source_class(target)
    assert found is kind or found.__name__ == kind


class OwnFolder(ImageFolder):
    """A user's own."""


@pytest.mark.parametrize(
    "target", ["medxfer.data.sources.kermany.Kermany", "medxfer.data.sources.tree.Trees", "mine.Folder", "Folder"]
)
def test_a_class_that_is_nowhere_is_refused_with_one_sentence(target):
    with pytest.raises(MedxferError, match=rf"^data\.source\._target_={target}: .*python -m medxfer\.data") as refused:
        dicom_reader({"source": {"_target_": target}})
    assert len(str(refused.value).splitlines()) == 1


def test_a_training_refuses_it_alike(tmp_path):
    from releases import compose_cell

    config = compose_cell(tmp_path, "data=images", f"data.root={tmp_path}", "data.source._target_=mine.Folder")
    with pytest.raises(MedxferError, match=r"data\.source\._target_=mine\.Folder"):
        dataset_of(config)


def test_new_dicom_files_are_read_as_the_data_set_reads_its_own():
    older = {"source": {"_target_": "medxfer.data.sources.rsna_ich.RsnaIch"}}
    assert dicom_reader(older) == IchReader()
    tree = {"source": {"_target_": "medxfer.data.sources.tree.ClassFolders"}, "frame": "all", "voi": 1, "root": "…"}
    assert dicom_reader(tree) == DicomReader(frame="all", voi=1)
