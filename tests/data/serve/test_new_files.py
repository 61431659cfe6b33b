"""Files that no data set lists: what is found, and that each is read as training would."""

import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from dicom_files import write_dicom
from PIL import Image

from medxfer.base.errors import ImageError, MedxferError
from medxfer.data.dicom.read import read_gray
from medxfer.data.serve.module import NewImages
from medxfer.data.serve.new_files import NewFiles, find_files
from medxfer.data.sources.dicom_file import DicomReader
from medxfer.data.sources.nifti_file import NiftiReader
from medxfer.data.sources.targets import dicom_reader, nifti_reader
from medxfer.data.store.decode import Decoder

RNG = np.random.default_rng(0)


def picture(path: Path, dtype: type = np.uint8) -> Path:
    Image.fromarray(RNG.integers(0, np.iinfo(dtype).max, (20, 16), dtype=dtype)).save(path)
    return path


def served(files: list[Path], reader: NewFiles, dtype: type = np.uint8) -> NewImages:
    """Its batches of two images, as lists, and itself."""
    decoder = Decoder(reader.pictures, 8, dtype == np.int16, keep_aspect=False)
    images = NewImages(files, decoder, np.dtype(dtype), None, batch_size=2)  # type: ignore[arg-type]
    images.seen = list(images.batches())  # type: ignore[assignment]
    return images


def test_files_are_found_below_the_folder_and_in_order_but_not_hidden_ones(tmp_path: Path) -> None:
    for name in ("b/2.png", "a.dcm", "b/.DS_Store", ".cache/x.png", "b/1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_files(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found.files] == ["a.dcm", "b/1", "b/2.png"]
    assert found.left_out == {}
    assert find_files(tmp_path / "b" / ".DS_Store").files == [tmp_path / "b" / ".DS_Store"]
    with pytest.raises(MedxferError, match="no such file or folder"):
        find_files(tmp_path / "c")


def test_links_that_give_no_file_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("gone", "a/gone"):
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    with pytest.raises(MedxferError, match=r"no file \(2 broken link, 1 link to a folder that it lies in\); give"):
        find_files(tmp_path)
    with pytest.raises(MedxferError, match="gone: a link that leads nowhere; give"):
        find_files(tmp_path / "gone")
    (tmp_path / "a.png").touch()
    assert find_files(tmp_path).left_out == {"broken link": 2, "link to a folder that it lies in": 1}


def test_kinds_are_told_by_content(tmp_path: Path) -> None:
    reader = NewFiles("DX")
    png = picture(tmp_path / "a.png").rename(tmp_path / "a.dcm")
    dicom = write_dicom(tmp_path / "b.dcm", RNG.integers(0, 4096, (9, 9), dtype=np.uint16)).rename(tmp_path / "b.png")
    tiff = bytearray(dicom.read_bytes())
    tiff[:4] = b"II*\0"  # PS3.10 lets the preamble be another format's
    (tmp_path / "c").write_bytes(tiff)
    assert next(reader.pictures(str(png), False)).dtype == np.uint8
    expected = read_gray(dicom)
    for path in (dicom, tmp_path / "c"):
        assert np.array_equal(next(reader.pictures(str(path), False)), expected)


@pytest.mark.parametrize(
    ("trained", "modality", "hounsfield", "kind"),
    [
        ("DX", "CT", False, "another modality"),
        ("CR+DX", "CR", False, None),
        ("images", "CR", False, None),
        ("images", "CT", True, "another modality"),
        ("CT", "DX", True, "another modality"),
    ],
)
def test_another_modality_is_refused(
    tmp_path: Path, trained: str, modality: str, hounsfield: bool, kind: str | None
) -> None:
    path = write_dicom(tmp_path / "a.dcm", RNG.integers(0, 4096, (9, 9), dtype=np.uint16), Modality=modality)
    pictures = NewFiles(trained).pictures(str(path), hounsfield)
    if kind is None:
        assert next(pictures).shape == (9, 9)
        return
    with pytest.raises(ImageError) as refused:
        next(pictures)
    assert refused.value.kind == kind


@pytest.mark.parametrize(
    ("elements", "frames", "said"),
    [
        ({"PresentationIntentType": "FOR PROCESSING"}, (), "trained with data.for_processing= takes it"),
        ({}, (2,), "it has several frames; a cell that was trained with data.frame= takes it"),
    ],
)
def test_no_refusal_asks_for_a_setting_that_only_a_training_has(
    tmp_path: Path, elements: dict[str, str], frames: tuple[int, ...], said: str
) -> None:
    pixels = RNG.integers(0, 4096, (*frames, 9, 9), dtype=np.uint16)
    path = write_dicom(tmp_path / "a.dcm", pixels, **elements)
    with pytest.raises(ImageError) as refused:
        list(NewFiles("DX").pictures(str(path), False))
    assert refused.value.reason.endswith(said)


def test_the_readers_options_of_training_are_kept(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 4096, (3, 9, 9), dtype=np.uint16)
    path = write_dicom(tmp_path / "a.dcm", pixels, PresentationIntentType="FOR PROCESSING")
    with pytest.raises(ImageError):
        list(NewFiles("DX").pictures(str(path), False))
    tree = {"source": {"_target_": "medxfer.data.sources.tree.ClassFolders"}}
    options = {"for_processing": True, "voi": 0, "luminance": False}
    for frame, numbers in ((2, [2]), ("all", [0, 1, 2])):
        pictures = list(NewFiles("DX", dicom_reader(tree | options | {"frame": frame})).pictures(str(path), False))
        expected = [read_gray(path, number, for_processing=True) for number in numbers]
        assert np.array_equal(pictures, expected)


def test_a_cell_of_an_older_version_is_read_unless_its_window_came_before_its_table() -> None:
    source = {"source": {"_target_": "medxfer.data.sources.dicom.DicomFolder"}}
    assert dicom_reader({**source, "prefer": "lut"}) == DicomReader()
    with pytest.raises(MedxferError, match=r"data\.prefer=window.*train it again"):
        dicom_reader({**source, "prefer": "window"})


def test_a_release_that_mends_its_files_mends_new_ones(tmp_path: Path) -> None:
    hu = np.array([[-1000, 40], [0, 3000]])
    path = write_dicom(
        tmp_path / "a.dcm", (hu % 4096).astype(np.uint16), Modality="CT", BitsStored=12, HighBit=11,
        RescaleSlope=1, RescaleIntercept=0,
    )  # fmt: skip
    release = {"source": {"_target_": "medxfer.data.sources.releases.rsna_ich.RsnaIch"}}
    (mended,) = NewFiles("CT", dicom_reader(release)).pictures(str(path), True)
    assert np.array_equal(mended, hu)


def test_images_are_served_in_order_and_the_others_named(tmp_path: Path) -> None:
    torn = tmp_path / "torn.png"
    torn.write_bytes(picture(tmp_path / "a.png").read_bytes()[:50])
    three = write_dicom(tmp_path / "three.dcm", RNG.integers(0, 4096, (3, 9, 9), dtype=np.uint16))
    files = [tmp_path / "a.png", torn, three, picture(tmp_path / "b.png")]
    images = served(files, NewFiles("images", DicomReader("all")))
    assert [(place.file, place.frame) for place in images.places] == [(0, 0), (2, 0), (2, 1), (2, 2), (3, 0)]
    assert images.refused == {1: "undecodable: not a picture that Pillow can read (OSError)"}
    assert [batch.row.tolist() for batch in images.seen] == [[0, 1], [2, 3], [4]]
    # 8 and 16 bits in one batch: the same gray, of 65,535
    assert [batch.gray.numpy().dtype for batch in images.seen] == [np.uint16, np.uint16, np.uint8]
    alone = served(files[:1], NewFiles("images"))
    assert np.array_equal(images.seen[0].gray[0].numpy(), alone.seen[0].gray[0].numpy().astype(np.uint16) * 257)


def test_eight_bits_are_deepened_for_a_network_of_sixteen(tmp_path: Path) -> None:
    (batch,) = served([picture(tmp_path / "a.png")], NewFiles("images"), np.uint16).seen
    assert batch.gray.numpy().dtype == np.uint16


def test_processes_that_decode_do_not_wait_for_torch() -> None:
    code = "import sys, medxfer.data.serve.new_files, medxfer.data.store.decode; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_a_nifti_volume_is_its_slices_by_the_trainings_plane_and_choice(tmp_path: Path) -> None:
    hu = np.random.default_rng(0).integers(-1000, 1000, (6, 5, 4)).astype(np.int16)
    path = tmp_path / "a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(hu, np.diag([-1, -1, 2, 1])), path)
    found = np.stack(list(NewFiles("CT").pictures(str(path), True)))
    assert np.array_equal(found, hu.transpose(2, 1, 0))
    data = {"source": {"_target_": "medxfer.data.sources.nifti_folder.NiftiFolder"}, "plane": "coronal"}
    reader = NewFiles("CT", dicom_reader(data), nifti_reader(data | {"slices": "2-3"}))
    assert np.array_equal(np.stack(list(reader.pictures(str(path), True))), hu[:, 1:3, ::-1].transpose(1, 2, 0))
    assert (reader.header(path).frames, reader.header(path).size) == (2, "4×6")
    series = {"source": {"_target_": "medxfer.data.sources.ct_series.CtSeries"}, "slices": "central:1"}
    assert nifti_reader(series) == NiftiReader("axial", "central:1")
    with pytest.raises(ImageError, match="its modality is CT, the cell was trained on DX"):
        list(NewFiles("DX").pictures(str(path), False))
    (tmp_path / "b.nii").write_text("text")
    images = served([path, tmp_path / "b.nii"], reader, np.int16)
    assert [(place.file, place.frame) for place in images.places] == [(0, 0), (0, 1)]
    assert images.refused == {1: "undecodable: not a NIfTI file (ImageFileError)"}
