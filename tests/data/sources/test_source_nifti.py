"""data=nifti: volumes in any orientation show the same slices, in Hounsfield units, a row of the table a volume."""

import struct
from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, ornt_transform
from releases import prepared

from medxfer.base.errors import ImageError, MedxferError
from medxfer.data.sources.nifti_file import UNORIENTED, NiftiReader
from medxfer.data.sources.nifti_folder import NiftiFolder
from medxfer.data.sources.patients import NO_PATIENTS
from medxfer.data.sources.source import modality_of

CODES = ["".join(codes) for axes in permutations(("RL", "AP", "SI")) for codes in product(*axes)]
COLUMNS, ROWS, SLICES = 6, 5, 4  # of axial slices


def body() -> np.ndarray:
    """HU by (column, row, slice), each voxel its own: its columns go to the left, rows to the back, slices upwards."""
    return np.arange(COLUMNS * ROWS * SLICES, dtype=np.int16).reshape(COLUMNS, ROWS, SLICES) - 60


def volume(path: Path, hu: np.ndarray, codes: str = "LPS", dtype=np.int16, slope=1.0, intercept=0.0) -> Path:
    """`hu` in a file whose axes are `codes`, stored as `dtype` under slope and intercept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    turn = ornt_transform(axcodes2ornt("LPS"), axcodes2ornt(codes))
    affine = np.diag([-0.7, -0.7, 2.5, 1]) @ inv_ornt_aff(turn, hu.shape)
    image = nibabel.Nifti1Image(apply_orientation(np.rint((hu - intercept) / slope).astype(dtype), turn), affine)
    assert "".join(nibabel.aff2axcodes(affine)) == codes
    image.header.set_slope_inter(slope, intercept)
    # nibabel would rescale integers on saving; these are stored as they are.
    image.header.set_data_dtype(dtype)
    nibabel.save(image, path)
    return path


def shown(path: Path, hounsfield: bool = True, **options) -> np.ndarray:
    return np.stack(list(NiftiReader(**options).pictures(path, hounsfield)))


@settings(max_examples=48, deadline=None)
@given(codes=st.sampled_from(CODES), suffix=st.sampled_from([".nii", ".nii.gz"]))
def test_every_orientation_shows_the_same_slices(tmp_path_factory, codes, suffix):
    path = volume(tmp_path_factory.mktemp("any") / f"a{suffix}", body(), codes)
    hu = body()
    assert np.array_equal(shown(path), hu.transpose(2, 1, 0))  # right on the left, the face upwards, from below
    assert np.array_equal(shown(path, plane="coronal"), hu[:, :, ::-1].transpose(1, 2, 0))  # the head upwards
    assert np.array_equal(shown(path, plane="sagittal"), hu[:, :, ::-1].transpose(0, 2, 1))


def test_slope_and_intercept_give_hounsfield_units(tmp_path):
    path = volume(tmp_path / "a.nii.gz", body() * 10, dtype=np.uint16, slope=2, intercept=-1024)
    assert nibabel.load(path).dataobj.slope == 2
    assert np.array_equal(shown(path), body().transpose(2, 1, 0) * 10)
    path = volume(tmp_path / "b.nii", body(), dtype=np.float32)
    assert np.array_equal(shown(path), body().transpose(2, 1, 0))


def test_without_hounsfield_units_the_headers_own_range_is_shown(tmp_path):
    path = volume(tmp_path / "a.nii", body() * 10)
    assert shown(path, hounsfield=False)[0, 0, :2] == pytest.approx(np.clip((body()[:2, 0, 0] * 10 + 160) / 399, 0, 1))
    image = nibabel.load(path)
    image.header["cal_min"], image.header["cal_max"] = -600, 590
    nibabel.save(image, tmp_path / "b.nii")
    gray = shown(tmp_path / "b.nii", hounsfield=False)
    assert (gray.min(), gray.max()) == pytest.approx((0, 1))
    assert gray.dtype == np.float32


def test_slices_are_chosen_in_the_order_of_the_body(tmp_path):
    path = volume(tmp_path / "a.nii", body(), "RAI")
    assert np.array_equal(shown(path, slices="1-1"), body()[:, :, :1].transpose(2, 1, 0))
    assert len(shown(path, slices="central:3")) == NiftiReader(slices="central:3").header(path).frames == 3
    assert NiftiReader(slices="9-10").header(path).unreadable == "no slice that data.slices takes"


def test_the_header_says_what_there_is(tmp_path):
    path = volume(tmp_path / "a.nii", body(), "SRA")
    facts = NiftiReader().header(path)
    assert (facts.modality, facts.size, facts.frames, facts.bits) == ("CT", f"{ROWS}×{COLUMNS}", SLICES, "16")
    assert facts.caveats == ()
    assert NiftiReader(plane="coronal").header(path).size == f"{SLICES}×{COLUMNS}"
    image = nibabel.Nifti1Image(body(), None)
    nibabel.save(image, tmp_path / "b.nii")
    assert NiftiReader().header(tmp_path / "b.nii").caveats == (UNORIENTED,)


def test_what_is_no_volume_is_refused(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3, 2), np.int16), np.eye(4)), tmp_path / "times.nii")
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3), np.complex64), np.eye(4)), tmp_path / "complex.nii")
    (tmp_path / "text.nii").write_text("no volume")
    (tmp_path / "text.nii.gz").write_text("no volume")
    good = volume(tmp_path / "good.nii", body()).read_bytes()
    for name, place, kind, value in (  # places of the header (nifti1.h)
        ("empty.nii", 46, "<h", 0), ("negative.nii", 42, "<h", -1), ("huge.nii", 42, "<3h", (30000,) * 3),
        ("flat.nii", 280, "<12f", (0,) * 12), ("nowhere.nii", 280, "<12f", (np.nan,) * 12),
    ):  # fmt: skip
        content = bytearray(good)
        struct.pack_into(kind, content, place, *np.atleast_1d(value).tolist())
        (tmp_path / name).write_bytes(content)
    for name, kind in {
        "empty.nii": "bad header", "negative.nii": "bad header", "huge.nii": "too large", "flat.nii": "bad header",
        "nowhere.nii": "bad header", "times.nii": "several volumes", "complex.nii": "not grayscale",
        "text.nii": "undecodable", "text.nii.gz": "undecodable",
    }.items():  # fmt: skip
        with pytest.raises(ImageError) as raised:
            NiftiReader().header(tmp_path / name)
        assert raised.value.kind == kind
    (tmp_path / "far.nii").write_bytes(good[:108] + struct.pack("<f", 1e30) + good[112:])  # where the voxels begin
    with pytest.raises(ImageError, match="its voxels cannot be read"):
        shown(tmp_path / "far.nii")
    whole = volume(tmp_path / "whole.nii.gz", np.random.default_rng(0).integers(-1000, 1000, (30, 30, 30)))
    (tmp_path / "cut.nii.gz").write_bytes(whole.read_bytes()[:20000])
    with pytest.raises(ImageError, match="its voxels cannot be read"):
        shown(tmp_path / "cut.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.full((3, 3, 3), np.nan, np.float32), np.eye(4)), tmp_path / "nan.nii")
    steep = volume(tmp_path / "steep.nii", np.full((4, 4, 1), 100) * 1e38, dtype=np.int16, slope=1e37)
    assert NiftiReader(slices="9-12").header(steep).unreadable == "no slice that data.slices takes"
    with pytest.raises(ImageError, match="it has 1 slices"):
        shown(steep, slices="9-12")
    with pytest.raises(ImageError, match="too large for a float32"):
        shown(steep)
    with pytest.raises(ImageError, match="no number"):
        shown(tmp_path / "nan.nii")
    with pytest.raises(MedxferError, match=r"unknown data\.plane 'axal': did you mean axial"):
        NiftiReader(plane="axal")
    with pytest.raises(MedxferError, match=r"data\.slices=none"):
        NiftiReader(slices="none")


@pytest.fixture
def folder(tmp_path):
    """24 volumes of 12 patients, named by stem, by path, and in another case; a mask that no row names."""
    root, rows = tmp_path / "volumes", []
    rng = np.random.default_rng(0)
    for i in range(24):
        name = f"P{i // 2:02}/scan_{i}"
        hu = rng.integers(-1000, 1000, (12, 10, 3)).astype(np.int16)
        volume(root / f"{name}{'.nii.gz' if i % 2 else '.nii'}", hu, CODES[i])
        rows.append(((name, f"{name}.nii.gz" if i % 2 else f"{name}.nii", name.upper())[i % 3], i // 2 % 2, i // 2))
    volume(root / "P00" / "scan_0_mask.nii.gz", np.zeros((12, 10, 3)))
    pd.DataFrame(rows, columns=["path", "label", "patient_id"]).to_csv(root / "labels.csv", index=False)
    return root


def test_a_row_is_a_volume_and_its_slices_stay_with_its_patient(folder, tmp_path):
    source = NiftiFolder(str(folder), str(folder / "labels.csv"))
    index = source.index()
    assert len(index.images) == 24
    assert modality_of(source.survey(list(index.images["file"]))) == "CT"
    assert any("no row of the table names 1 file" in caveat for caveat in index.caveats)
    cell = prepared(tmp_path, "data=nifti", f"data.root={folder}")
    assert cell.store.modality == "CT"
    assert len(cell.store) == 72
    assert cell.store.images["patient"].nunique() == 12
    assert sum(cell.store.images[cell.parts == part]["patient"].nunique() for part in ("train", "val", "test")) == 12
    assert len(prepared(tmp_path, "data=nifti", f"data.root={folder}", "data.slices=central:1").store) == 24


def test_without_patients_a_volume_is_one(folder, tmp_path):
    table = pd.read_csv(folder / "labels.csv").drop(columns="patient_id")
    table.to_csv(folder / "labels.csv", index=False)
    cell = prepared(tmp_path, "data=nifti", f"data.root={folder}")
    assert cell.store.images["patient"].nunique() == 24
    assert NO_PATIENTS in cell.store.caveats
