"""CT series: slices in the order of their position, labelled by slice, by folder or by SeriesInstanceUID."""

import numpy as np
import pandas as pd
import pytest
from dicom_files import write_dicom
from pydicom import dcmread, uid
from releases import dicom, prepared

from medxfer.base.errors import MedxferError
from medxfer.data.sources.ct_series import CtSeries
from medxfer.data.store.dataset import dataset_of, open_dataset

AXIAL = [1, 0, 0, 0, 1, 0]

FRAMES = np.random.default_rng(0).integers(0, 3000, (3, 12, 12)).astype(np.uint16)


@pytest.fixture
def scans(tmp_path):
    """Twelve patients with a series of three slices each, stored against the order of their positions."""
    root = tmp_path / "scans"
    for patient in range(12):
        series = f"1.2.3.{patient}"
        for i in range(3):
            dicom(
                root / f"scan{patient:02}" / f"{i}.dcm", Modality="CT", PatientID=f"P{patient}", RescaleIntercept=-1024,
                SeriesInstanceUID=series, ImagePositionPatient=[0, 0, 100 - 5 * i], ImageOrientationPatient=AXIAL,
                SOPClassUID=uid.CTImageStorage, RescaleSlope=1,
            )  # fmt: skip
    return root


def write(scans, paths: list[str], **columns) -> CtSeries:
    labels = ["bleed" if i % 2 else "none" for i in range(len(paths))]
    pd.DataFrame({"path": paths, "label": labels, **columns}).to_csv(scans / "labels.csv", index=False)
    return CtSeries(root=str(scans), labels=str(scans / "labels.csv"), cache=str(scans.parent / "cache"))


@pytest.mark.parametrize("by", ["folder", "uid"])
def test_a_series_label_is_that_of_its_slices_in_order(scans, by):
    source = write(scans, [f"scan{i:02}" if by == "folder" else f"1.2.3.{i}" for i in range(12)])
    index = open_dataset(source, scans.parent / "cache").index
    assert len(index.images) == 36
    assert index.images["file"][:3].tolist() == ["scan00/2.dcm", "scan00/1.dcm", "scan00/0.dcm"]
    assert index.images["patient"].nunique() == 12
    label = dict(zip(index.images["file"], index.labels, strict=True))
    assert [label[f"scan{i:02}/1.dcm"] for i in range(12)] == [1, 0] * 6


def test_slices_may_have_labels_of_their_own(scans, tmp_path):
    paths = [f"scan{patient:02}/{i}.dcm" for patient in range(12) for i in range(3)]
    index = write(scans, paths, patient_id=[path[:6] for path in paths]).index()
    assert index.images["file"][:3].tolist() == ["scan00/2.dcm", "scan00/1.dcm", "scan00/0.dcm"]
    assert index.labels[:3].tolist() == [1, 0, 1]
    assert index.images["patient"][0] == "scan00"
    cell = prepared(tmp_path, "data=ct_series", f"data.root={scans}")
    assert cell.store.gray.dtype == np.int16
    assert cell.store.images.assign(part=cell.parts).groupby("patient")["part"].nunique().max() == 1


def test_a_file_that_cannot_be_read_is_refused_later_and_one_that_is_not_there_is_named(scans, tmp_path):
    (scans / "scan00" / "0.dcm").write_bytes(b"no")
    source = write(scans, [*(f"scan{i:02}" for i in range(12)), "scan99"])
    assert source.index().left_out == {"file missing": ("scan99",)}
    cell = prepared(tmp_path, "data=ct_series", f"data.root={scans}")
    assert len(cell.store) == 35
    assert sum(cell.store.rejected.values()) == 2


def test_without_patients_in_table_and_headers_the_record_says_so(scans):
    for path in scans.rglob("*.dcm"):
        dicom(path, Modality="CT")
    index = open_dataset(write(scans, [f"scan{i:02}" for i in range(12)]), scans.parent / "cache").index
    assert "no patient ids" in index.caveats[0]


def test_a_slice_that_is_labelled_twice_and_paths_of_nothing_are_refused(scans):
    with pytest.raises(MedxferError, match=r"'scan00' and 'scan00/1\.dcm' name one file with two labels"):
        write(scans, ["scan00", "scan00/1.dcm", "scan01"]).index()
    with pytest.raises(MedxferError, match="none of its 2 rows names a file"):
        write(scans, ["a", "b"]).index()


def test_slices_are_read_as_data_dicom_reads_them(scans, tmp_path):
    ct = {"Modality": "CT", "RescaleIntercept": -1024, "RescaleSlope": 1}
    windows = {"WindowCenter": [40, 1000], "WindowWidth": [400, 3000]}
    for patient in range(12):
        write_dicom(
            scans / f"scan{patient:02}" / "2.dcm", np.roll(FRAMES, patient), PatientID=f"P{patient}", **ct, **windows
        )
    write(scans, [f"scan{i:02}/2.dcm" for i in range(12)])
    cell = ["data=ct_series", f"data.root={scans}"]
    with pytest.raises(MedxferError, match=r"12 several frames, and no data\.frame"):
        prepared(tmp_path, *cell)
    first = prepared(tmp_path, *cell, "data.frame=0").store
    every = prepared(tmp_path, *cell, "data.frame=all").store  # headers that were kept for the first know one frame
    assert (len(first), len(every)) == (12, 36)
    assert every.gray.dtype == np.int16
    shown = [
        prepared(tmp_path, *cell, "data.frame=0", "window=file", f"data.voi={voi}").store.gray[:1] for voi in (0, 1)
    ]
    assert not np.array_equal(*shown)


@pytest.mark.parametrize(
    ("slices", "kept"),
    [("central:1", ["1"]), ("every:2", ["2", "0"]), ("2-3", ["1", "0"]), ("central:9", ["2", "1", "0"])],
)
def test_slices_of_each_series_are_chosen_by_their_place(scans, tmp_path, slices, kept):
    write(scans, [f"scan{i:02}" for i in range(12)])
    cell = prepared(tmp_path, "data=ct_series", f"data.root={scans}", f"data.slices={slices}")
    files = dataset_of(cell.config).index.images["file"]
    assert [file.split("/")[1].removesuffix(".dcm") for file in files[: len(kept)]] == kept
    assert len(cell.store) == 12 * len(kept)
    left_out = 12 * (3 - len(kept))
    assert cell.store.rejected == ({"by rule: data.slices": left_out} if left_out else {})


def test_slices_of_a_series_in_two_planes_are_two_stacks_and_it_is_said(scans, tmp_path):
    for patient in range(12):
        for i in range(3):
            dicom(
                scans / f"scan{patient:02}" / f"coronal{i}.dcm", Modality="CT", PatientID=f"P{patient}",
                SeriesInstanceUID=f"1.2.3.{patient}", SOPClassUID=uid.CTImageStorage, RescaleIntercept=-1024,
                RescaleSlope=1, ImagePositionPatient=[0, 98 - 5 * i, 0], ImageOrientationPatient=[1, 0.01, 0, 0, 0, -1],
            )  # fmt: skip
    write(scans, [f"scan{i:02}" for i in range(12)])
    cell = prepared(tmp_path, "data=ct_series", f"data.root={scans}", "data.slices=central:1")
    index = dataset_of(cell.config).index
    assert index.images["file"][:2].tolist() == ["scan00/1.dcm", "scan00/coronal1.dcm"]
    assert "slices in several planes, each a stack of its own for data.slices: 12 series" in index.caveats


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"SeriesInstanceUID": ""}, "data.slices: 1 of 36 files states no SeriesInstanceUID"),
        ({"ImagePositionPatient": ""}, "data.slices: 1 of 36 files states no ImagePositionPatient"),
        ({"NumberOfFrames": 2}, "data.slices: 1 of 36 files has several frames, among which it does not choose"),
    ],
)
def test_slices_that_cannot_be_chosen_among_are_refused(scans, tmp_path, change, said):
    dataset = dcmread(scans / "scan00" / "1.dcm")
    for keyword, value in change.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = dataset.PixelData * int(change.get("NumberOfFrames", 1))
    dataset.save_as(scans / "scan00" / "1.dcm")
    write(scans, [f"scan{i:02}" for i in range(12)])
    own = ["data=ct_series", f"data.root={scans}", "data.frame=all"]
    with pytest.raises(MedxferError, match=said):
        prepared(tmp_path, *own, "data.slices=central:1")
    assert len(prepared(tmp_path, *own).store) == 36 + len(change.keys() & {"NumberOfFrames"})


def test_one_series_uid_for_all_patients_is_a_stack_for_each(scans, tmp_path):
    for path in scans.rglob("*.dcm"):
        dataset = dcmread(path)
        dataset.SeriesInstanceUID = "1.2.3"
        dataset.save_as(path)
    write(scans, [f"scan{i:02}" for i in range(12)])
    cell = prepared(tmp_path, "data=ct_series", f"data.root={scans}", "data.slices=central:1")
    assert sorted(dataset_of(cell.config).index.images["file"]) == [f"scan{i:02}/1.dcm" for i in range(12)]
    for path in scans.rglob("*.dcm"):
        dataset = dcmread(path)
        dataset.PatientID = "ANON"
        dataset.save_as(path)
    write(scans, [f"scan{i:02}" for i in range(12)], patient_id=[f"P{i}" for i in range(12)])  # then the table tells
    cell = prepared(tmp_path, "data=ct_series", f"data.root={scans}", "data.slices=central:1")
    assert sorted(dataset_of(cell.config).index.images["file"]) == [f"scan{i:02}/1.dcm" for i in range(12)]


@pytest.mark.parametrize("slices", ["central:0", "every", "3-2", "0-4", "most"])
def test_a_choice_of_slices_that_there_is_not_is_one_sentence(scans, slices):
    write(scans, [f"scan{i:02}" for i in range(12)])
    with pytest.raises(MedxferError, match=r"data\.slices=.*central:5"):
        CtSeries(root=str(scans), labels=str(scans / "labels.csv"), cache="-", slices=slices)


def test_a_series_folder_directly_under_the_root_may_have_its_uid_for_a_name(scans):
    for i in range(12):
        (scans / f"scan{i:02}").rename(scans / f"1.2.3.{i}")
    index = write(scans, [f"1.2.3.{i}" for i in range(12)]).index()
    assert len(index.images) == index.images["file"].nunique() == 36
