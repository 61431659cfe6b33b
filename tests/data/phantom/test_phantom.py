"""The embedded phantoms: exact geometry, valid DICOM, and a folder that is there whole or not at all."""

import csv
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medxfer.base.errors import MedxferError
from medxfer.data.phantom import projections as images
from medxfer.data.phantom import write, write_phantoms
from medxfer.data.phantom.anatomy import virtual_patient
from medxfer.data.phantom.ellipsoids import Ellipsoid, Plane, remaining
from medxfer.data.phantom.projections import PADDING, draw_ct, draw_dx, frontal_plane

SMALL = {"patients": 8, "images": 2, "size": 48, "workers": 1}


@pytest.fixture(scope="module", params=["DX", "CT"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_phantoms(tmp_path_factory.mktemp("phantoms") / request.param, request.param, **SMALL)


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "labels.csv").open()))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# Geometry


def plane(size: int = 41, spacing: float = 0.25, along: tuple[float, ...] = (0.1, -0.2, 1)) -> Plane:
    """An image plane that looks `along` a direction, through the origin."""
    third = np.array(along) / np.linalg.norm(along)
    first = np.cross((0, 1, 0), third)
    first /= np.linalg.norm(first)
    return Plane(np.zeros(3), np.stack([first, np.cross(third, first), third]), spacing, size)


ELLIPSOIDS = st.builds(
    Ellipsoid.of,
    center=arrays(float, 3, elements=st.floats(-2, 2)),
    half=arrays(float, 3, elements=st.floats(0.6, 3)),
    hu=st.just(0.0),
    inside=st.just(0.0),
    along=st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.2, 1)),
)


@given(ELLIPSOIDS)
def test_a_chord_begins_and_ends_on_the_surface(solid: Ellipsoid) -> None:
    view = plane()
    start, end = view.chord(solid)
    hit = end - start > 0.1
    positions = np.stack([view.linear(axis) for axis in np.eye(3)])
    for t in (start, end):
        points = positions + view.axes[2][:, None, None] * t
        q = np.einsum("ij,jhw->ihw", solid.shape, points - solid.center[:, None, None])
        np.testing.assert_allclose(np.linalg.norm(q, axis=0)[hit], 1, atol=2e-3)
    np.testing.assert_allclose(view.length(solid), end - start, atol=1e-3)


@given(ELLIPSOIDS)
def test_chords_add_up_to_the_volume(solid: Ellipsoid) -> None:
    view = plane(size=121, spacing=0.1)
    volume = 4 / 3 * np.pi / np.linalg.det(solid.shape)
    assert view.length(solid).sum() * view.spacing**2 == pytest.approx(volume, rel=0.02)


@given(ELLIPSOIDS)
@example(Ellipsoid.of(center=np.full(3, 0.6875), half=np.full(3, 0.6015625), hu=0.0, inside=0.0))
def test_nothing_of_a_solid_lies_outside_of_its_crop(solid: Ellipsoid) -> None:
    view = plane()
    for whole, part in (
        (view.length(solid), view.length(solid, view.around(solid))),
        (view.coverage(solid), view.coverage(solid, view.around(solid))),
    ):
        assert part.sum() == pytest.approx(whole.sum(), rel=1e-4, abs=1e-3)
    # Just beyond a solid, coverage to first order still sees it: by less than half a pixel in the flattest direction.
    beyond = (view.axes[2] @ (solid.center - view.center) / solid.reach) ** 2 - 1
    thinnest = 1 / np.linalg.norm(solid.shape, 2)
    if thinnest * np.sqrt(max(beyond, 0)) > 0.51 * view.spacing:
        assert not view.meets(solid)
        assert view.coverage(solid).sum() == 0


def test_coverage_is_the_area_of_the_cut() -> None:
    ball = Ellipsoid.of((0.3, -0.2, 1), (2, 2, 2), 0, 0)
    area = plane(along=(0, 0, 1)).coverage(ball).sum() * 0.25**2
    assert area == pytest.approx(np.pi * (2**2 - 1**2), rel=0.005)


@given(
    arrays(np.float32, 2, elements=st.floats(-5, 5, width=32)),
    arrays(np.float32, (4, 2), elements=st.floats(-6, 6, width=32)),
)
def test_remaining_is_what_no_interval_covers(whole: np.ndarray, removed: np.ndarray) -> None:
    whole, removed = np.sort(whole), np.sort(removed)
    edges = np.unique(np.clip(np.concatenate([whole, removed.ravel()]), *whole))
    middles = (edges[1:] + edges[:-1]) / 2
    free = ~((removed[:, :1] <= middles) & (middles <= removed[:, 1:])).any(axis=0)
    pixels = [tuple(np.full((1, 1), value) for value in interval) for interval in (whole, *removed)]
    assert remaining(pixels[0], pixels[1:]).item() == pytest.approx(np.diff(edges)[free].sum(), abs=1e-4)


def test_ribs_are_integrated_exactly() -> None:
    ribs = virtual_patient(np.random.default_rng(0)).ribs
    view = frontal_plane(np.random.default_rng(1), 24)
    analytic = images._ribs(ribs, view, view.chord(ribs.outer), view.chord(ribs.inner))
    steps, step = np.linspace(-16, 16, 8001, retstep=True)
    for row, column in ((4, 6), (10, 4), (12, 17), (18, 8)):
        start = np.array([view.linear(axis)[row, column] for axis in np.eye(3)])
        points = start[:, None] + view.axes[2][:, None] * steps
        q_out, q_in = (np.linalg.norm(e.shape @ (points - e.center[:, None]), axis=0) for e in (ribs.outer, ribs.inner))
        bone = (q_out <= 1) & (q_in > 1) & ((ribs.slope @ points) % 1 < ribs.width)
        ossified = np.where(points[1] < 0, np.clip(abs(start[0]) - ribs.cartilage, 0.15, 1), 1)
        assert analytic[row, column] == pytest.approx((bone * ossified).sum() * step, abs=0.03)


# Files


def test_labels_name_every_file_and_half_of_the_patients_have_lesions(folder: Path) -> None:
    table = rows(folder)
    assert {row["path"] for row in table} == {path.name for path in folder.glob("*.dcm")}
    assert len(table) == 16
    by_patient = {row["patient_id"]: row["label"] for row in table}
    assert sorted(by_patient) == [f"P{n:04d}" for n in range(1, 9)]
    assert sorted(by_patient.values()) == ["lesion"] * 4 + ["no_lesion"] * 4
    assert len({(row["patient_id"], row["label"]) for row in table}) == 8


def test_files_are_dicom_of_the_right_kind(folder: Path) -> None:
    sets = [pydicom.dcmread(folder / row["path"]) for row in rows(folder)]
    for ds, row in zip(sets, rows(folder), strict=True):
        stored = ds.pixel_array
        assert ds.PatientID == row["patient_id"]
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert ds.SOPClassUID.name.startswith({"DX": "Digital X-Ray", "CT": "CT Image"}[ds.Modality])
        assert all(uid.is_valid for uid in (ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.StudyInstanceUID))
        assert stored.shape == (48, 48)
        if ds.Modality == "DX":
            assert (ds.BitsStored, ds.PixelRepresentation) == (12, 0)
            assert stored.max() <= 4095
        else:
            assert ds.PixelRepresentation == 1
            assert stored[0, 0] == ds.PixelPaddingValue
    assert len({ds.SOPInstanceUID for ds in sets}) == len(sets)
    assert len({ds.StudyInstanceUID for ds in sets}) == 8


def test_radiographs_show_air_black_in_both_photometric_interpretations(tmp_path: Path) -> None:
    folder = write_phantoms(tmp_path / "dx", "DX", **SMALL)
    kinds = set()
    for path in folder.glob("*.dcm"):
        ds = pydicom.dcmread(path)
        center, width = float(ds.WindowCenter), float(ds.WindowWidth)
        shown = np.clip((ds.pixel_array - center + 0.5) / (width - 1) + 0.5, 0, 1)
        if ds.PhotometricInterpretation == "MONOCHROME1":
            shown = 1 - shown
        spine, right_lung, left_lung = shown[18:30, 22:26], shown[14:22, 9:14], shown[14:22, 34:39]
        assert spine.mean() > max(right_lung.mean(), left_lung.mean()) + 0.3
        kinds.add(ds.PhotometricInterpretation)
    assert kinds == {"MONOCHROME1", "MONOCHROME2"}


def test_slices_are_in_hounsfield_units(tmp_path: Path) -> None:
    folder = write_phantoms(tmp_path / "ct", "CT", **SMALL)
    for path in folder.glob("*.dcm"):
        ds = pydicom.dcmread(path)
        hu = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        assert hu[0, 0] == PADDING
        assert hu[2, 22:26].mean() == pytest.approx(-1000, abs=60)  # air before the chest
        assert 50 < np.median(hu[18:26, 12:18]) < 150  # liver


def test_a_lesion_changes_pixels_and_nothing_that_a_header_tells() -> None:
    for modality in ("DX", "CT"):
        plan = write._Plan(modality, patients=10, images=1, seed=3, size=48)
        means, changes = [], []
        for patient in range(10):
            well, ill = (next(write._images(plan, patient, diseased)) for diseased in (False, True))
            shown = [ds.pixel_array.astype(float) for ds in (well, ill)]
            assert (shown[0] != shown[1]).any()
            means.append(shown[0].mean())
            changes.append(shown[1].mean() - shown[0].mean())
            assert abs(well.WindowCenter - ill.WindowCenter) < 0.05 * well.WindowWidth
            for ds in (well, ill):
                del ds.PixelData, ds.WindowCenter, ds.WindowWidth
            assert well == ill
        assert abs(np.mean(changes)) < 0.75 * np.std(means)  # brightness alone tells little


def test_what_is_drawn_is_physical() -> None:
    body = virtual_patient(np.random.default_rng(5))
    attenuation = draw_dx(np.random.default_rng(1), body, frontal_plane(np.random.default_rng(2), 64), [])
    assert attenuation.dtype == np.float32
    assert attenuation.min() > -0.2
    assert attenuation.max() < 9
    hu = draw_ct(np.random.default_rng(1), body, plane(64, 0.55, (0, 0, 1)), [])
    assert set(np.unique(hu[hu < -1100])) == {np.float32(PADDING)}


# The folder


def test_the_seed_decides_and_the_number_of_processes_does_not(folder: Path, tmp_path: Path) -> None:
    modality = folder.name
    assert contents(write_phantoms(tmp_path / "a", modality, **SMALL | {"workers": 2})) == contents(folder)
    other = contents(write_phantoms(tmp_path / "b", modality, **SMALL | {"seed": 1}))
    assert not other.keys() & contents(folder).keys() - {"labels.csv"}


def test_a_complete_folder_is_left_alone_and_a_foreign_one_is_refused(tmp_path: Path) -> None:
    settings = SMALL | {"patients": 2, "images": 1}
    folder = write_phantoms(tmp_path / "p", "CT", **settings)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert write_phantoms(folder, "CT", **settings) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    for changed in ({"seed": 1}, {"size": 32}, {"patients": 3}):
        with pytest.raises(MedxferError, match="not the phantoms"):
            write_phantoms(folder, "CT", **settings | changed)
    next(folder.glob("*.dcm")).unlink()
    with pytest.raises(MedxferError, match="not the phantoms"):
        write_phantoms(folder, "CT", **settings)


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pydicom.Dataset, "save_as", full_disk)
    with pytest.raises(MedxferError, match="No space left"):
        write_phantoms(tmp_path / "p", "CT", **SMALL)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_killed_half_way_and_asked_again(tmp_path: Path) -> None:
    endless = SMALL | {"patients": 4000, "workers": 2}
    code = "import sys; from pathlib import Path; from medxfer.data.phantom import write_phantoms as w\n"
    code += f"if __name__ == '__main__': w(Path(sys.argv[1]), 'CT', **{endless})"
    script = tmp_path / "script.py"
    script.write_text(code)
    root = tmp_path / "p"
    process = subprocess.Popen([sys.executable, script, root])
    deadline = time.monotonic() + 120
    while not (begun := list(tmp_path.glob(".p.partial-*/*.dcm"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert begun
    assert not root.exists()
    write_phantoms(root, "CT", **SMALL)
    assert len(rows(root)) == 16
    assert not list(tmp_path.glob(".p.partial-*"))


def test_two_at_once_write_one_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(write_phantoms, tmp_path / "p", "CT", **SMALL) for _ in range(2)]
    assert [future.result() for future in asked] == [tmp_path / "p"] * 2
    assert len(rows(tmp_path / "p")) == 16


@pytest.mark.parametrize(
    ("modality", "changed", "message"),
    [("MR", {}, "DX or CT"), ("CT", {"patients": 0}, "at least 1 patient"), ("CT", {"seed": -1}, "seed of 0")],
)
def test_wrong_settings_are_named(tmp_path: Path, modality: str, changed: dict, message: str) -> None:
    with pytest.raises(MedxferError, match=message):
        write_phantoms(tmp_path / "p", modality, **SMALL | changed)
