"""A folder for each class: parts above, pictures and DICOM within, patients by an expression."""

import numpy as np
import pytest
from dicom_files import write_dicom
from releases import dicom, picture, prepared, split_of

from medxfer.base.errors import MedxferError
from medxfer.data.sources.tree import ClassFolders
from medxfer.data.store.dataset import open_dataset

FRAMES = np.random.default_rng(0).integers(0, 4096, (3, 12, 12)).astype(np.uint16)


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    for label in ("cat scan", "dog"):
        for i in range(12):
            picture(root / label / f"P{i:02}" / f"{i}.png")
            dicom(root / label / f"P{i:02}" / "slice.dcm", ViewPosition="AP")
    return root


def test_folders_are_classes_at_any_depth(tree):
    index = open_dataset(ClassFolders(str(tree)), tree.parent / "cache").index
    assert index.classes == ("cat scan", "dog")
    assert len(index.images) == 48
    assert "no patient ids" in index.caveats[0]
    assert index.left_out == {}


def test_an_expression_names_the_patients(tree, tmp_path):
    source = ClassFolders(str(tree), r"/(P\d+)/")
    assert source.index().images["patient"].nunique() == 12
    cell = prepared(tmp_path, "data=tree", f"data.root={tree}", r"data.patient='/(P\d+)/'")
    assert cell.store.modality == "DX+images"
    parts = split_of(cell, source)
    patients = [{file.split("/")[1] for file in files} for files in parts.values()]
    assert sum(map(len, patients)) == 12


def test_parts_above_the_classes_are_kept(tree, tmp_path):
    for i in range(6):
        for label in ("cat scan", "dog"):
            picture(tree / "Test" / label / f"t{i}.png")
    for label in ("cat scan", "dog"):
        (tree / "train").mkdir(exist_ok=True)
        (tree / label).rename(tree / "train" / label)
    source = ClassFolders(str(tree))
    parts = split_of(prepared(tmp_path, "data=tree", f"data.root={tree}"), source)
    assert parts["test"] == {f"Test/{label}/t{i}.png" for i in range(6) for label in ("cat scan", "dog")}
    assert all(file.startswith("train/") for file in parts["train"] | parts["val"])


def test_other_kinds_of_files_are_named_and_hidden_ones_do_not_count(tree):
    (tree / "dog" / "volume.nii").write_bytes(b"?")
    (tree / "dog" / ".DS_Store").write_bytes(b"?")
    (tree / "README").write_text("in no class")
    assert ClassFolders(str(tree)).index().left_out == {"unknown file type": ("dog/volume.nii",)}


def test_the_first_group_alone_names_the_patient(tree):
    assert ClassFolders(str(tree), r"/(P\d+)/(\w+)").index().images["patient"].nunique() == 12


def test_a_release_has_its_own_classes_and_parts(tmp_path):
    root = tmp_path / "unpacked" / "release"
    for part in ("train", "dev", "test"):
        for label in ("a", "b"):
            for i in range(3):
                picture(root / part / label / f"{part}{i}.png")
    picture(root / "train" / "notes" / "1.png")
    picture(root / "copy" / "train" / "a" / "1.png")
    settings = {"classes": ["a", "b"], "parts": {"train": "train", "dev": "train", "test": "test"}, "obtain": "it.zip"}
    source = ClassFolders(str(root.parent), caveats=["small"], **settings)
    index = source.index()
    assert index.images["split"].value_counts().to_dict() == {"train": 12, "test": 6}
    assert index.classes == ("a", "b")
    assert index.caveats == ("small",)
    patients = ClassFolders(str(root), r"(\d)\.png", **settings).index().images["patient"]
    assert set(patients) == {f"{part}/{i}" for part in ("train", "test") for i in range(3)}
    assert source.settings() != ClassFolders(str(root)).settings()
    for path in (root / "test" / "b").iterdir():
        path.unlink()
    with pytest.raises(MedxferError, match=r"data\.root=.*no image in test/b; give the folder that holds it\.zip"):
        source.index()


def test_what_is_wrong_is_one_sentence(tree, tmp_path):
    with pytest.raises(MedxferError, match="not a regular expression"):
        ClassFolders(str(tree), "(")
    with pytest.raises(MedxferError, match="has no group"):
        ClassFolders(str(tree), r"P\d+")
    with pytest.raises(MedxferError, match=r"does not match 'cat scan/P00/0\.png'"):
        ClassFolders(str(tree), r"(Q\d+)").index()
    for part in ("train", "Test"):
        (tmp_path / "parts" / part).mkdir(parents=True)
        picture(tmp_path / "parts" / part / "1.png")
    with pytest.raises(MedxferError, match="the folders Test and train hold images and no folder for each class"):
        ClassFolders(str(tmp_path / "parts")).index()
    for part, name in (("train", "Normal"), ("test", "normal "), ("test", "sick")):
        (tmp_path / "case" / part / name).mkdir(parents=True)
        picture(tmp_path / "case" / part / name / "1.png")
    with pytest.raises(MedxferError, match="the folders 'Normal' and 'normal ' differ in case, space or hyphen alone"):
        ClassFolders(str(tmp_path / "case")).index()
    (tmp_path / "empty").mkdir()
    with pytest.raises(MedxferError, match="no image in a folder for its class"):
        ClassFolders(str(tmp_path / "empty")).index()
    (tmp_path / "empty" / "one").mkdir()
    picture(tmp_path / "empty" / "one" / "1.png")
    with pytest.raises(MedxferError, match="all images have the label 'one'"):
        ClassFolders(str(tmp_path / "empty")).index()


def test_dicom_files_are_read_as_data_dicom_reads_them(tmp_path):
    root = tmp_path / "tree"
    for label in "ab":
        for i in range(6):
            picture(root / label / f"P{i}.png")
            write_dicom(
                root / label / f"P{i}.dcm", np.roll(FRAMES, i + (label == "b") * 6),
                PresentationIntentType="FOR PROCESSING", WindowCenter=[40, 2000], WindowWidth=[400, 4000],
            )  # fmt: skip
    tree = ["data=tree", f"data.root={root}", r"data.patient='(P\d+)'", "data.max_rejected=0.9"]
    assert prepared(tmp_path, *tree).store.rejected == {"for processing": 12}
    every = prepared(tmp_path, *tree, "data.for_processing=true", "data.frame=all").store
    other = prepared(tmp_path, *tree, "data.for_processing=true", "data.frame=all", "data.voi=1").store
    assert len(every) == len(other) == 12 + 3 * 12
    assert np.median(every.gray[:3]) == 65535
    assert np.median(other.gray[:3]) < 65535
    with pytest.raises(MedxferError, match=r"data\.frame=last"):
        prepared(tmp_path, *tree, "data.frame=last")


def test_images_are_found_by_content_and_linked_classes_and_parts_are_followed(tmp_path):
    root, elsewhere = tmp_path / "tree", tmp_path / "disk2"
    for i in range(3):
        dicom(root / "train" / "sick" / f"1.2.840.{i}")
        dicom(root / "train" / "sick" / f"{i}.IMA")
        picture(root / "train" / "sick" / f"{i}.png").rename(root / "train" / "sick" / f"{i}.view")
        dicom(elsewhere / "well" / f"{i}.dcm")
        dicom(elsewhere / "test" / "sick" / f"{i}")
    (root / "train" / "sick" / "README").write_text("the names of the patients")
    (root / "train" / "well").symlink_to(elsewhere / "well")
    (root / "test").symlink_to(elsewhere / "test")
    (root / "val").symlink_to(tmp_path / "nowhere")
    source = ClassFolders(str(root))
    index = source.index()
    assert len(index.images) == 15
    assert index.images["split"].value_counts().to_dict() == {"train": 12, "test": 3}
    assert index.left_out == {"unknown file type": ("train/sick/README",), "broken link": ("val",)}
    assert {source.reading.header(file).modality for file in index.images["file"]} == {"DX", "images"}
