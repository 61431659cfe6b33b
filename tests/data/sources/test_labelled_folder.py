"""A user's folder and table, as a hospital gives them: joined by what the table has, or refused in one sentence."""

import re
import unicodedata
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pictures import make_pictures
from pydicom import uid
from releases import dicom, prepared
from rich.console import Console

from medxfer.base.errors import MedxferError, PrivateWarning
from medxfer.data.inspect.check import check
from medxfer.data.sources.ct_series import CtSeries
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.sources.labelled_folder import ROWS_AS_PATIENTS
from medxfer.data.sources.patients import with_patients
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.sources.positive_class import with_positive
from medxfer.data.sources.source import Index
from medxfer.data.split import check_classes
from medxfer.training.settings.composed import compose_config


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_pictures(tmp_path / "in", n=12)


def index_of(root: Path, table: pd.DataFrame, **settings: Any) -> Index:
    table.to_csv(root / "labels.csv", index=False)
    return ImageFolder(str(root), str(root / "labels.csv"), **settings).index()


def labels_of(root: Path) -> pd.DataFrame:
    return pd.read_csv(root / "labels.csv", dtype=str, keep_default_na=False)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Sixteen patients with two studies of two images each, in files whose names say nothing."""
    root = tmp_path / "export"
    for n in range(64):
        patient, study = n // 4, n // 2
        dicom(
            root / f"{n % 7}" / f"IM{n:04}", Modality="CT", PatientID=f"P{patient}", SOPInstanceUID=f"1.2.3.{n}",
            SeriesInstanceUID=f"1.2.4.{study}", StudyInstanceUID=f"1.2.5.{study}", AccessionNumber=f"00{study + 100}",
            SOPClassUID=uid.CTImageStorage, RescaleIntercept=-1024, RescaleSlope=1,
            ImagePositionPatient=[0, 0, n], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        )  # fmt: skip
    return root


def by_study(column: str, values: list[str]) -> pd.DataFrame:
    rows = [(value, "ab"[n // 2 % 2], f"P{n // 2}") for n, value in enumerate(values)]
    return pd.DataFrame(rows, columns=[column, "label", "patient_id"])


BY = {
    "SeriesInstanceUID": [f"1.2.4.{study}" for study in range(32)],
    "Study Instance UID": [f"1.2.5.{study}" for study in range(32)],
    "AccessionNumber": [f"00{study + 100}" for study in range(32)],
    "accession_no": [f"{study + 100}.0" for study in range(32)],  # as a spreadsheet leaves it
}


@pytest.mark.parametrize("column", BY)
@pytest.mark.parametrize("source", [DicomFolder, CtSeries])
def test_a_table_may_name_series_and_studies(export: Path, source: type[DicomFolder], column: str) -> None:
    by_study(column, BY[column]).to_csv(export / "labels.csv", index=False)
    index = source(root=str(export), labels=str(export / "labels.csv")).index()
    assert len(index.images) == 64
    assert index.images.groupby("patient")["file"].count().eq(4).all()
    of = {file: "ab"[label] for file, label in zip(index.images["file"], index.labels, strict=True)}
    assert all(label == "ab"[int(file[-4:]) // 4 % 2] for file, label in of.items())
    assert index.caveats == ()


def test_a_table_may_name_instances_in_a_column_of_any_name(export: Path) -> None:
    table = pd.DataFrame({"Bild": [f" 1.2.3.{n} " for n in range(60)], "label": ["a", "b"] * 30})
    table.to_csv(export / "labels.csv", index=False, sep=";", encoding="utf-16")
    index = DicomFolder(str(export), str(export / "labels.csv"), columns={"key": "Bild"}).index()
    assert index.images["file"].tolist() == [f"{n % 7}/IM{n:04}" for n in range(60)]
    assert "no row of the table names 4 files of the folder" in index.caveats


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("AccessionNumber", ["X1", "X2"], r"has 'X1' in its column 'AccessionNumber', a header has '00\d+'"),
        ("SOPInstanceUID", ["9.9", "9.8"], r"has '9.9' in its column 'SOPInstanceUID', a header has '1.2.3.\d+'"),
        ("path", ["a/x.dcm", "b/x.dcm"], r"has 'a/x.dcm' in its column 'path', the folder has '\d/IM\d+'"),
        ("image_nr", ["1", "2"], "no column path, SOPInstanceUID, .* it has image_nr, label; .* data.columns.key="),
    ],
)
def test_what_does_not_match_stands_side_by_side(export: Path, column: str, values: list[str], said: str) -> None:
    pd.DataFrame({column: values, "label": ["a", "b"]}).to_csv(export / "labels.csv", index=False)
    with pytest.raises(MedxferError, match=said):
        DicomFolder(str(export), str(export / "labels.csv")).index()


def test_a_row_that_names_none_stands_beside_a_header_whatever_the_column_is_called(export: Path) -> None:
    table = pd.DataFrame({"Bild": ["9.9", *(f"1.2.3.{n}" for n in range(8))], "label": list("abababaab")})
    table.to_csv(export / "labels.csv", index=False)
    source = DicomFolder(str(export), str(export / "labels.csv"), columns={"key": "Bild"})
    with pytest.warns(PrivateWarning, match=r"has '9\.9' in its column 'Bild', a header has '1\.2\.3\.\d+'"):
        source.index()


def test_some_rows_that_do_not_match_are_left_out_and_shown(root: Path) -> None:
    table = labels_of(root)
    table.loc[0, "path"] = "gone.png"
    with pytest.warns(
        PrivateWarning, match=r"1 row of labels\.csv names .* has 'gone\.png' .* the folder has '0\.png'"
    ):
        index = index_of(root, table)
    assert index.left_out == {"file missing": ("gone.png",)}
    assert "no row of the table names 1 file of the folder" in index.caveats


def test_missing_labels_are_counted_and_no_class(root: Path) -> None:
    table = labels_of(root)
    table.loc[:3, "label"] = ["NA", "nan", "None", ""]
    with pytest.warns(UserWarning, match="taken for a missing label"):
        index = index_of(root, table)
    assert index.classes == ("a", "b")
    assert len(index.left_out["no label"]) == 4
    assert any("'NA' (1 row)" in caveat for caveat in index.caveats)


@pytest.mark.parametrize("word", ["NA", " nan", "None", ""])
def test_a_missing_patient_is_no_patient(root: Path, word: str) -> None:
    index = index_of(root, labels_of(root).assign(patient_id=[word, word, *(f"P{n}" for n in range(10))]))
    headers = ImageFolder(str(root), str(root / "labels.csv")).survey(list(index.images["file"]))
    with pytest.raises(MedxferError, match=r"blank for 2 of 12 images, .* fill the column, or leave it out"):
        with_patients(index, headers)


def in_folders(root: Path) -> pd.DataFrame:
    """The pictures in six folders of two, one of which holds another; and a table with a row a folder."""
    for n in range(12):
        folder = root / f"case {n // 2}" / ("deeper" if n == 1 else "")
        folder.mkdir(parents=True, exist_ok=True)
        (root / f"{n}.png").rename(folder / f"{n}.png")
    return pd.DataFrame({"path": [f"D:\\export\\CASE {n}\\" for n in range(6)], "label": list("ababab")})


def test_a_row_may_name_a_folder_and_its_images_stay_together(root: Path) -> None:
    table = in_folders(root)
    index = index_of(root, table)
    assert len(index.images) == 12
    assert index.images.groupby("patient")["file"].nunique().tolist() == [2] * 6
    assert ROWS_AS_PATIENTS in index.caveats
    assert "deeper" in " ".join(index.images["file"])
    more = pd.DataFrame({"path": ["case 0/0.png"], "label": ["a"]})  # an image of a folder that another row names
    again = index_of(root, pd.concat([more, table]))
    assert again.images["patient"].nunique() == 6
    with pytest.raises(MedxferError, match="name one file with two labels"):
        index_of(root, pd.concat([table, more.assign(label="b")]))
    assert "patient" not in index_of(root, table, columns={"patient": None}).images
    known = index_of(root, table.assign(patient_id=list("xxyyzz")))
    assert known.images["patient"].nunique() == 3


def test_a_name_of_a_file_and_of_a_folder_is_refused(root: Path) -> None:
    table = in_folders(root)
    (root / "case 0" / "0.png").rename(root / "case 3.png")
    table["path"] = [f"case {n}" for n in range(6)]
    with pytest.raises(MedxferError, match=r"'case 3' .* the file 'case 3\.png' or the folder 'case 3'"):
        index_of(root, table)


def test_a_folders_whole_path_is_no_name_of_files_in_other_folders(root: Path) -> None:
    """Patients and their files are both numbered, as in patient/0.png."""
    table = in_folders(root)
    for number in range(6):
        (root / f"case {number}").rename(root / f"{number}")
    index = index_of(root, table.assign(path=list("012345")))
    assert len(index.images) == 12
    assert index.images.groupby("patient")["file"].agg(lambda files: files.str[0].nunique()).tolist() == [1] * 6


def test_equal_numbers_are_one_class_and_names_that_nearly_agree_are_named(root: Path) -> None:
    assert index_of(root, labels_of(root).assign(label=["1", "1.0", "0", " 0.0"] * 3)).classes == ("0", "1")
    with pytest.warns(UserWarning, match="'Normal' and 'normal' differ in case"):
        index = index_of(root, labels_of(root).assign(label=["Normal", "normal", "sick"] * 4))
    assert index.classes == ("Normal", "normal", "sick")
    assert any("'Normal' and 'normal'" in caveat for caveat in index.caveats)
    with pytest.warns(UserWarning, match=r"the class '-' and '\?' may stand for a missing label"):
        index_of(root, labels_of(root).assign(label=["sick", "normal", "?", "-"] * 3))
    assert (
        index_of(root, labels_of(root).assign(label=["+", "-"] * 6)).caveats == index_of(root, labels_of(root)).caveats
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": "b"}, r"'0\.png' has two labels, 'a' and 'b'; rows about one image must agree"),
        ({"patient_id": "P9"}, r"'0\.png' has two patients, 'P0' and 'P9'"),
        ({"path": ".\\0.PNG", "label": "b"}, r"'0\.png' and '\.\\0\.PNG' name one file with two labels"),
    ],
)
def test_rows_that_contradict_each_other_are_named(root: Path, change: dict[str, str], said: str) -> None:
    table = labels_of(root)
    with pytest.raises(MedxferError, match=said):
        index_of(root, pd.concat([table, table.head(1).assign(**change)]))


def test_rows_that_agree_are_one_and_what_one_leaves_out_another_may_say(root: Path) -> None:
    table = labels_of(root)
    more = pd.concat([table.head(1).assign(label="", path="0"), table, table.head(3).assign(patient_id="NA")])
    index = index_of(root, more)
    assert index.images["file"].tolist() == [f"{n}.png" for n in range(12)]
    assert index.labels.tolist() == [0, 1] * 6
    assert index.images["patient"].tolist()[:3] == ["P0", "P0", "P1"]


def test_a_column_of_ids_is_no_column_of_classes(root: Path) -> None:
    with pytest.raises(MedxferError, match="12 images have 12 different labels, as ids or measured values have"):
        index_of(root, labels_of(root), label="path")


def test_files_that_lie_elsewhere_or_are_hidden_are_found_by_their_path(root: Path, tmp_path: Path) -> None:
    (root / "0.png").rename(tmp_path / "x.png")
    (root / "1.png").rename(root / ".y.png")
    table = labels_of(root)
    table["path"] = [str(tmp_path / "x.png"), ".y.png", str(root / "2.png"), *table["path"][3:]]
    index = index_of(root, table)
    assert index.images["file"].tolist()[:3] == [str(tmp_path / "x.png"), ".y.png", "2.png"]


def shown(*overrides: str) -> str:
    console = Console(record=True, width=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        check(compose_config(overrides), console)
    return console.export_text()


@pytest.mark.parametrize("kind", ["images", "dicom", "ct_series"])
def test_a_hospitals_table_goes_through_check(export: Path, tmp_path: Path, kind: str) -> None:
    """Semicolons, cp1252, CRLF, classes of which the alphabet has the wrong one second."""
    root = make_pictures(tmp_path / "in", n=40) if kind == "images" else export
    names = [f"C:\\pacs\\{n}" for n in range(40)] if kind == "images" else [f"{n + 100}" for n in range(32)]
    column = "Datei" if kind == "images" else "AccessionNumber"
    rows = [f"{name};{'abnormal' if n // 2 % 2 else 'normal'};Müller {n // 2}" for n, name in enumerate(names)]
    text = "\r\n".join([f"{column};Befund;Patient", *rows, ""])
    (tmp_path / "Befunde.csv").write_bytes(text.encode("cp1252"))
    said = shown(
        f"data={kind}", f"data.root={root}", f"data.labels={tmp_path}/Befunde.csv", "data.label=Befund",
        "data.columns.patient=Patient", f"data.columns.key={column}", "data.positive=abnormal",
        f"store.root={tmp_path}/cache", "image_size=16", "window=file",
    )  # fmt: skip
    assert "binary: normal | abnormal" in said
    assert re.search(rf"images +{40 if kind == 'images' else 64}\b", said)
    assert "Müller" not in said


def test_the_positive_class_is_chosen_and_part_of_what_the_data_are(tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", n=40)
    cell = ["data=images", f"data.root={tmp_path}/in"]
    plain, chosen, same = (prepared(tmp_path, *cell, *more) for more in ([], ["data.positive=a"], ["data.positive=b"]))
    assert (plain.store.classes, chosen.store.classes) == (("a", "b"), ("b", "a"))
    assert (chosen.store.labels == 1 - plain.store.labels).all()
    assert chosen.store.fingerprint != plain.store.fingerprint == same.store.fingerprint
    with pytest.raises(MedxferError, match=r"unknown data\.positive 'c': .*the classes are a and b"):
        prepared(tmp_path, *cell, "data.positive=c")


def test_a_positive_class_of_several_is_refused_and_folders_have_one_too(tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", n=12)
    for n in range(12):
        place = tmp_path / "tree" / "xyz"[n % 3] / f"{n}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / f"{n}.png").rename(place)
    cell = ["data=tree", f"data.root={tmp_path}/tree", "data.positive=x"]
    with pytest.raises(MedxferError, match="names one of two classes, and this is a multiclass task with x, y and z"):
        prepared(tmp_path, *cell)
    for path in (tmp_path / "tree" / "z").iterdir():
        path.unlink()
    assert prepared(tmp_path, *cell).store.classes == ("y", "x")


def test_a_class_written_in_two_ways_is_named_where_it_is_why(root: Path) -> None:
    index = index_of(root, labels_of(root).assign(label=["Normal", "normal", "x"] * 4))
    with pytest.raises(
        MedxferError, match=r"there are Normal, normal and x; write 'Normal' and 'normal' alike if one class"
    ):
        with_positive(index, "x")
    with pytest.raises(MedxferError, match=r"'Normal' has 1; .*merge rare classes; write 'Normal' and 'normal' alike"):
        check_classes(pd.Series(list("abcdefg")), np.array([0, 1, 1, 1, 2, 2, 2]), ("Normal", "normal", "x"))


def test_cells_that_are_no_sex_are_counted(root: Path) -> None:
    table = labels_of(root).assign(Geschlecht=["h", "w", ""] * 4, alter=["45", "alt", "60"] * 4)
    table.to_csv(root / "labels.csv", index=False)
    index = ImageFolder(str(root), str(root / "labels.csv"), columns={"sex": "Geschlecht", "age": "alter"}).index()
    said = "4 rows of column 'Geschlecht' cannot be read as sex, which is F, M, O, or the words, also in German"
    assert said in index.caveats
    assert "4 rows of column 'alter' cannot be read as age, which is years, or DICOM's 045Y" in index.caveats


def test_unicode_forms_and_positions_of_a_table_keep_an_indexs_order(root: Path) -> None:
    (root / "0.png").rename(root / unicodedata.normalize("NFD", "Äö.png"))
    table = labels_of(root)
    table.loc[0, "path"] = "Äö.png"
    index = index_of(root, table.iloc[::-1])
    assert index.images["file"].tolist()[:-1] == [f"{n}.png" for n in range(11, 0, -1)]
    assert unicodedata.normalize("NFC", index.images["file"].iloc[-1]) == "Äö.png"


def test_doubtful_classes_are_noted_before_what_they_lead_to(root: Path, tmp_path: Path) -> None:
    """One patient with 'A' beside five with 'a' stops the check; the note says why."""
    labels_of(root).assign(label=["A", "A", *"bababababa"]).to_csv(root / "labels.csv", index=False)
    console = Console(record=True, width=200)
    overrides = ["data=images", f"data.root={root}", f"store.root={tmp_path}/cache", "image_size=16"]
    with pytest.warns(UserWarning, match="'A' and 'a'"), pytest.raises(MedxferError, match="'A' has 1"):
        check(compose_config(overrides), console)
    assert "Note: the classes 'A' and 'a' differ in case or space alone, and count as two." in console.export_text()


def test_a_row_may_be_a_patient_where_that_is_asked_for(export: Path) -> None:
    rows = pd.DataFrame({"PatientID": [f"P{n}" for n in range(16)], "label": list("ab") * 8})
    rows.to_csv(export / "labels.csv", index=False)
    with pytest.raises(MedxferError, match=r"data\.columns\.key=, which may be PatientID"):
        DicomFolder(str(export), str(export / "labels.csv")).index()
    source = DicomFolder(str(export), str(export / "labels.csv"), columns={"key": "PatientID"})
    index = source.index()
    assert len(index.images) == 64
    patients = source.survey(list(index.images["file"]))["patient"]
    assert [int(patient[1:]) % 2 for patient in patients] == index.labels.tolist()


@pytest.mark.parametrize("first", ["1.23E+09", "1E+12"])
def test_numbers_that_a_spreadsheet_has_rounded_are_refused(export: Path, first: str) -> None:
    rows = pd.DataFrame({"AccessionNumber": [first, "4,5E+11"], "label": ["a", "b"]})
    rows.to_csv(export / "labels.csv", index=False)
    with pytest.raises(
        MedxferError, match=rf"column 'AccessionNumber': a spreadsheet has rounded .* \('{re.escape(first)}'\)"
    ):
        DicomFolder(str(export), str(export / "labels.csv")).index()
