"""RSNA ICH in its own layout: a row a subtype, rows twice, a truncated file, HU modulo 4096."""

import numpy as np
import pandas as pd
import pytest
from dicom_files import write_dicom
from releases import compose_cell, prepared, split_of

from medxfer.base.errors import ImageError, MedxferError
from medxfer.data.sources import kept_files
from medxfer.data.sources.releases.rsna_ich import SUBTYPES, IchReader, RsnaIch
from medxfer.training.run import train

CORRUPT = "ID_6431af929"
HU = np.arange(-1000, 200, 10, dtype=np.int16).reshape(12, 10)


def ct(path, patient: str, wrapped: bool = False, shift: int = 0, **elements) -> None:
    """`HU` + shift as most of the release stores it, or modulo 4096 in unsigned 12 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    common = {"Modality": "CT", "PatientID": patient, "RescaleSlope": 1, "WindowCenter": 40, "WindowWidth": 80}
    if wrapped:
        kind = {"BitsStored": 12, "HighBit": 11, "RescaleIntercept": 0}
        write_dicom(path, ((HU + shift) % 4096).astype(np.uint16), **common, **kind, **elements)
    else:
        write_dicom(path, (HU + shift + 1024).astype(np.uint16), **common, RescaleIntercept=-1024, **elements)


@pytest.fixture
def release(tmp_path):
    """Thirty patients with two slices each, and the corrupt one."""
    root = tmp_path / "ich"
    rng = np.random.default_rng(0)
    rows = []
    names = [f"ID_{i:08x}" for i in range(60)] + [CORRUPT]
    for i, name in enumerate(names):
        ct(root / "stage_2_train" / f"{name}.dcm", f"ID_{i // 2:02}", wrapped=i % 5 == 0, shift=i // 2)
        subtypes = rng.random(5) < 0.3
        rows += [
            (f"{name}_{subtype}", int(on)) for subtype, on in zip(SUBTYPES, [*subtypes, subtypes.any()], strict=True)
        ]
    rows += rows[:6]  # the release has some images twice
    pd.DataFrame(rows, columns=["ID", "Label"]).to_csv(root / "stage_2_train.csv", index=False)
    corrupt = root / "stage_2_train" / f"{CORRUPT}.dcm"
    corrupt.write_bytes(corrupt.read_bytes()[:-50])
    return root


def source(root, label="all") -> RsnaIch:
    return RsnaIch(root=str(root), label=label, cache=str(root.parent / "cache"))


def read(root, image: str, hounsfield: bool) -> np.ndarray:
    return next(source(root).reading.pictures(f"stage_2_train/{image}.dcm", hounsfield))


def test_subtypes_are_labels_and_headers_say_who_it_is(release):
    index = source(release).index()
    assert index.classes == SUBTYPES
    assert (index.task, index.labels.shape) == ("multilabel", (61, 6))
    assert (index.labels[:, :5].max(1) == index.labels[:, 5]).all()
    assert index.images["patient"].nunique() == 31
    one = source(release, "any").index()
    assert (one.classes, one.task) == (("no any", "any"), "binary")


def test_headers_are_read_once_by_each_version_of_the_reader(release, monkeypatch):
    monkeypatch.setattr(kept_files, "SETTLED", 0)  # as if the files had been written long ago
    first = source(release).index()

    def header(*_):
        raise RuntimeError("read again")

    monkeypatch.setattr(IchReader, "header", header)
    assert source(release).index().images.equals(first.images)
    monkeypatch.setattr(RsnaIch, "reader_version", 3)
    with pytest.raises(RuntimeError, match="read again"):
        source(release).index()


def test_wrapped_files_give_the_same_hounsfield_units(release):
    for i in (0, 1):
        assert (read(release, f"ID_{i:08x}", hounsfield=True) == HU).all()
    shown = [read(release, f"ID_{i:08x}", hounsfield=False) for i in (0, 1)]
    assert np.abs(shown[0] - shown[1]).max() < 1e-6


def test_padding_of_a_wrapped_file_is_no_bright_border(tmp_path):
    ct(tmp_path / "stage_2_train" / "ID_0.dcm", "P", wrapped=True, PixelPaddingValue=int(HU[0, 0]) % 4096)
    assert read(tmp_path, "ID_0", hounsfield=True)[0, 0] == HU[0, 1]
    assert read(tmp_path, "ID_0", hounsfield=False)[0, 0] == 0


def test_through_to_a_split_the_truncated_file_is_refused_and_counted(release, tmp_path):
    with pytest.raises(ImageError):
        read(release, CORRUPT, hounsfield=True)
    cell = prepared(tmp_path, "data=rsna_ich", f"data.root={release}")
    assert cell.store.rejected == {"truncated": 1}
    assert cell.window is not None
    assert cell.store.modality == "CT"
    parts = split_of(cell, source(release))
    patients = [{int(file[-6:-4], 16) // 2 for file in files} for files in parts.values()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 30


def test_a_cell_trains_on_it_and_leaves_a_score_for_each_subtype(release, tmp_path):
    metrics, _ = train(compose_cell(tmp_path, "data=rsna_ich", f"data.root={release}", "data.label=[subdural,any]"))
    assert 0 <= metrics["test/auroc/subdural"] <= 1
    (cell,) = (tmp_path / "studies").glob("*/cells/*")
    table = pd.read_parquet(cell / "predictions.parquet")
    assert {"label_0", "label_1", "score_0", "score_1"} <= set(table)
    assert "truncated" in (cell / "metrics.json").read_text()


def test_a_table_with_two_values_for_one_label_is_refused(release):
    table = release / "stage_2_train.csv"
    table.write_text(table.read_text() + "ID_00000001_any,0\nID_00000001_any,1\n")
    with pytest.raises(MedxferError, match="has not one label for each image and subtype"):
        source(release).index()


def test_an_unknown_subtype_is_refused(release):
    with pytest.raises(MedxferError, match=r"unknown data\.label 'epidurel': did you mean epidural"):
        source(release, "epidurel").index()


@pytest.mark.parametrize("score", ["mean", "max"])
def test_its_labels_are_of_slices_so_that_no_series_has_a_score(release, tmp_path, score):
    with pytest.raises(MedxferError, match=r"data\.score=m.*: all images are slices of no series .* data\.score=image"):
        prepared(tmp_path, "data=rsna_ich", f"data.root={release}", f"+data.score={score}")
