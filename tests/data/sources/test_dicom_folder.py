"""data=dicom: the reader's options reach the store, each with a store of its own, and what was decided is counted."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dicom_files import dicom_dataset, save, write_dicom

from medxfer.base.errors import ImageError, MedxferError
from medxfer.data.dicom.read import read_gray
from medxfer.data.sources.dicom_file import DicomReader
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.store.dataset import DatasetInfo, open_dataset
from medxfer.data.store.gray_store import GrayStore
from medxfer.data.store.open import open_store

FRAMES = np.random.default_rng(0).integers(0, 3000, (3, 12, 12)).astype(np.uint16)
CT: dict[str, Any] = {"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def opened(root: Path, **options: Any) -> DatasetInfo:
    files = sorted(file.name for file in root.glob("*.dcm"))
    rows = [(file, "ab"[i % 2], f"P{i}") for i, file in enumerate(files)]
    pd.DataFrame(rows, columns=["path", "label", "patient_id"]).to_csv(root / "labels.csv", index=False)
    return open_dataset(DicomFolder(str(root), str(root / "labels.csv"), **options), root.parent / "cache")


def stored(root: Path, hounsfield: bool = False, **options: Any) -> GrayStore:
    return open_store(opened(root, **options), 12, hounsfield, max_rejected=0.9)


def test_one_frame_or_all(root: Path) -> None:
    write_dicom(root / "a.dcm", FRAMES, **CT)
    write_dicom(root / "b.dcm", FRAMES[0].T, **CT)
    first, third, every = (stored(root, hounsfield=True, frame=frame) for frame in (0, 2, "all"))
    assert (first.gray[0] == FRAMES[0].astype(int) - 1024).all()
    assert first.caveats == ("several frames, of which one is used: 1 of 2 files",)
    assert (third.gray[0] == FRAMES[2].astype(int) - 1024).all()
    assert third.rejected == {"no such frame": 1}
    assert (every.gray[:3] == FRAMES.astype(int) - 1024).all()
    assert every.labels.tolist() == [0, 0, 0, 1]
    assert every.images["patient"].nunique() == 2
    assert every.images["image"].is_unique
    assert every.caveats == ()


def test_a_file_of_several_frames_is_refused_until_one_is_chosen(root: Path) -> None:
    write_dicom(root / "a.dcm", FRAMES, **CT)
    write_dicom(root / "b.dcm", FRAMES[0].T, **CT)
    write_dicom(root / "c.dcm", FRAMES[0], **CT)
    store = stored(root, hounsfield=True)
    assert store.rejected == {"several frames, and no data.frame": 1}
    assert len(store) == 2
    with pytest.raises(ImageError, match=r"data\.frame=<number> takes one, data\.frame=all takes each"):
        list(DicomReader().pictures(root / "a.dcm", True))
    refused = r"1 of 3 files cannot be used \(1 several frames, and no data\.frame\); .*: choose a frame, or all"
    with pytest.raises(MedxferError, match=refused):
        open_store(opened(root), 12, True, max_rejected=0.2)


def test_a_file_whose_last_frame_is_missing_is_left_out_whole(root: Path) -> None:
    from pydicom import dcmread, uid

    dataset = dcmread(write_dicom(root / "a.dcm", FRAMES, uid.RLELossless, **CT))
    last = dataset.PixelData.rindex(b"\xfe\xff\x00\xe0", 0, -8) + 8  # the item of the last frame
    dataset.PixelData = dataset.PixelData[:last] + bytes(len(dataset.PixelData) - last - 8) + dataset.PixelData[-8:]
    dataset.save_as(root / "a.dcm")
    write_dicom(root / "b.dcm", FRAMES, uid.RLELossless, **CT)
    store = stored(root, hounsfield=True, frame="all")
    assert (store.gray == FRAMES.astype(int) - 1024).all()
    assert store.rejected == {"undecodable": 1}


@pytest.mark.parametrize("options", [{"voi": 1}, {"voi": "LUNG"}, {"luminance": True}, {"for_processing": True}])
def test_each_option_is_read_gray_s_and_has_its_own_store(root: Path, options: dict[str, Any]) -> None:
    windows = {"WindowCenter": [2000, 900], "WindowWidth": [400, 1500], "WindowCenterWidthExplanation": ["A", "LUNG"]}
    write_dicom(root / "a.dcm", FRAMES[0], **windows)
    write_dicom(root / "b.dcm", FRAMES[1], **windows, PresentationIntentType="FOR PROCESSING")
    rgb = dicom_dataset(FRAMES[2].astype(np.uint8), SamplesPerPixel=3, PhotometricInterpretation="RGB")
    rgb.PlanarConfiguration, rgb.PixelData = 0, bytes(3 * 144)
    save(root / "c.dcm", rgb)
    store = stored(root, **options)
    plain = opened(root)
    assert store.fingerprint != plain.fingerprint
    expected = read_gray(root / "a.dcm", **options)
    assert (store.gray[0] == np.rint(expected.astype(np.float64) * 65535)).all()
    refused = {"for processing": "for_processing", "not grayscale": "luminance"}
    assert store.rejected == {kind: 1 for kind, option in refused.items() if option not in options}


@pytest.mark.parametrize("options", [{"frame": -1}, {"frame": "last"}])
def test_an_option_that_is_none(root: Path, options: dict[str, Any]) -> None:
    write_dicom(root / "a.dcm", FRAMES[0])
    with pytest.raises(MedxferError, match=r"data\."):
        opened(root, **options)


@pytest.mark.parametrize(
    ("elements", "kept"),
    [
        (CT, True),
        ({**CT, "RescaleType": "HU"}, True),
        ({**CT, "RescaleType": "US"}, False),
        ({"Modality": "CT"}, False),
    ],
)
def test_hounsfield_units_are_stated(root: Path, elements: dict[str, Any], kept: bool) -> None:
    write_dicom(root / "a.dcm", FRAMES[0], **CT)
    write_dicom(root / "b.dcm", FRAMES[1], **elements)
    store = stored(root, hounsfield=True)
    assert store.rejected == ({} if kept else {"not in HU": 1})


def test_contradictions_are_counted(root: Path) -> None:
    for i, shape in enumerate(("INVERSE", "INVERSE", "IDENTITY")):
        write_dicom(root / f"{i}.dcm", FRAMES[i], PresentationLUTShape=shape)
    expected = ("Presentation LUT Shape contradicts Photometric Interpretation: 2 of 3 files",)
    assert stored(root).caveats == expected
