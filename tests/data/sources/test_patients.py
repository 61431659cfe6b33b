"""Who is a patient: one mechanism for every source, by table, PatientID, study or series; never a slice by itself."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dicom_files import write_dicom
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pictures import make_pictures
from PIL import Image

from medxfer.base.errors import MedxferError
from medxfer.data.header_facts import HeaderFacts
from medxfer.data.sources.ct_series import CtSeries
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.sources.patients import NO_PATIENTS, patient_column, with_patients
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.sources.source import Index, Source
from medxfer.data.sources.tree import ClassFolders
from medxfer.data.store.dataset import DatasetInfo, open_dataset

PIXELS = np.random.default_rng(0).integers(0, 4096, (8, 6), np.uint16)
SLICES = 3


def scans(root: Path, **elements: list[str]) -> Path:
    """Eight series of three slices, in a folder for each of two classes; `elements` has one value a series."""
    rows = []
    for number in range(8):
        label = "ab"[number % 2]
        folder = root / label / f"series{number}"
        folder.mkdir(parents=True)
        stated = {keyword: values[number] for keyword, values in elements.items() if values[number]}
        for place in range(SLICES):
            write_dicom(folder / f"{place}.dcm", PIXELS + 8 * number + place, Modality="CT", **stated)
            rows.append((f"{label}/series{number}/{place}.dcm", label))
    pd.DataFrame(rows, columns=["path", "label"]).to_csv(root / "labels.csv", index=False)
    return root


def sources(root: Path) -> list[Source]:
    table = {"root": str(root), "labels": str(root / "labels.csv")}
    series = CtSeries(**table, cache=str(root.parent / "cache" / "headers"))
    return [DicomFolder(**table), series, ClassFolders(str(root))]


def studies(prefix: str, of: list[int]) -> list[str]:
    return [f"{prefix}.{number}" for number in of]


EIGHT = list(range(8))
PAIRS = [0, 1, 0, 1, 2, 3, 2, 3]  # two series each, of one class


@pytest.mark.parametrize(
    ("elements", "patients", "said"),
    [
        ({"PatientID": studies("P", PAIRS)}, PAIRS, ""),
        ({"StudyInstanceUID": studies("1.2", PAIRS)}, PAIRS, "24 of 24 images count by their study"),
        ({"SeriesInstanceUID": studies("1.3", EIGHT)}, EIGHT, "24 of 24 images count by their series"),
        (
            {"PatientID": ["ANON"] * 8, "StudyInstanceUID": studies("1.2", PAIRS)},
            PAIRS,
            "one PatientID for all 24 images, so that it names no patient",
        ),
        (  # of a study that has a PatientID in some files, the others are of that patient
            {
                "PatientID": ["P0", "P1", "", "", "P2", "P3", "", ""],
                "StudyInstanceUID": studies("1.2", [0, 1, 0, 1, 2, 3, 7, 8]),
                "SeriesInstanceUID": studies("1.3", EIGHT),
            },
            [0, 1, 0, 1, 2, 3, 7, 8],
            "6 of 24 images count by their study",
        ),
    ],
)
def test_headers_tell_the_patients_where_the_table_does_not(tmp_path, elements, patients, said):
    root = scans(tmp_path / "in", **elements)
    for source in sources(root):
        index = open_dataset(source, tmp_path / "cache").index
        names = index.images.set_index("file")["patient"]
        assert len(names) == 24
        found = [names[f"{'ab'[number % 2]}/series{number}/{place}.dcm"] for number in EIGHT for place in range(SLICES)]
        expected = pd.factorize(np.repeat(patients, SLICES))[0]
        assert (pd.factorize(np.array(found))[0] == expected).all(), type(source)
        assert NO_PATIENTS not in index.caveats
        assert any(said in caveat for caveat in index.caveats) or not said


def test_what_says_nothing_of_patients_is_said_as_such(tmp_path):
    for source in sources(scans(tmp_path / "in")):
        index = open_dataset(source, tmp_path / "cache").index
        assert index.images["patient"].is_unique
        assert NO_PATIENTS in index.caveats


def test_a_table_that_names_patients_is_believed_and_its_disagreement_with_headers_is_counted(tmp_path):
    root = scans(tmp_path / "in", PatientID=studies("P", PAIRS))
    table = pd.read_csv(root / "labels.csv")
    table["patient_id"] = np.repeat(["A", "B", "C", "B", "D", "E", "D", "A"], SLICES)
    table.to_csv(root / "labels.csv", index=False)
    for source in sources(root)[:2]:
        index = open_dataset(source, tmp_path / "cache").index
        assert set(index.images["patient"]) == set("ABCDE")
        assert [caveat for caveat in index.caveats if "disagree" in caveat] == [
            "patients of the table and of the headers disagree: 2 PatientIDs of headers are several patients of it",
            "patients of the table and of the headers disagree: 1 patient of it has several PatientIDs in headers",
        ]


def test_pseudonyms_of_the_headers_patients_do_not_disagree(tmp_path):
    root = scans(tmp_path / "in", PatientID=studies("P", PAIRS))
    table = pd.read_csv(root / "labels.csv")
    table["patient_id"] = np.repeat([f"pseudonym {number}" for number in PAIRS], SLICES)
    table.to_csv(root / "labels.csv", index=False)
    assert open_dataset(sources(root)[0], tmp_path / "cache").index.caveats == ()


@pytest.mark.parametrize("column", ["PatientID", "Patient ID", "subject_id", "mrn", "MRN", "case", "anon_id_patient"])
def test_a_column_that_looks_like_patients_is_asked_about(tmp_path, column):
    root = make_pictures(tmp_path / "in")
    table = pd.read_csv(root / "labels.csv").rename(columns={"patient_id": column})
    table.to_csv(root / "labels.csv", index=False)
    labels = str(root / "labels.csv")
    if column == "anon_id_patient":  # does not look like one
        assert "patient" not in ImageFolder(str(root), labels).index().images
        return
    with pytest.raises(MedxferError, match=rf"'{column}' looks like patients.*data\.columns\.patient={column}"):
        ImageFolder(str(root), labels).index()
    named = ImageFolder(str(root), labels, columns={"patient": column}).index().images
    assert named["patient"].nunique() == 5
    assert "patient" not in ImageFolder(str(root), labels, columns={"patient": None}).index().images


def test_columns_with_another_meaning_are_not_asked_about():
    assert patient_column("patient_id", ["path", "case", "age"], ["path", "case"], "labels.csv") is None
    assert patient_column("patient_id", ["path", "pattern", "study", "cases_seen"], ["path"], "labels.csv") is None
    assert patient_column(None, ["path", "mrn"], ["path"], "labels.csv") is None
    assert patient_column("id", ["path", "id", "mrn"], ["path"], "labels.csv") == "id"


def test_in_a_tree_pictures_stand_for_themselves_beside_dicom_files(tmp_path):
    root = scans(tmp_path / "in", PatientID=studies("P", PAIRS))
    Image.fromarray(PIXELS.astype(np.uint8)).save(root / "a" / "picture.png")
    index = open_dataset(ClassFolders(str(root)), tmp_path / "cache").index
    assert index.images["patient"].nunique() == 5
    assert any("1 of 25 images count by themselves" in caveat for caveat in index.caveats)


@st.composite
def header_sets(draw: st.DrawFn) -> pd.DataFrame:
    """Headers with PatientIDs, studies and series, some blank; a study is of one patient, a series of one study."""
    rows = []
    for number in range(draw(st.integers(2, 30))):
        patient, study, series = draw(st.tuples(*[st.integers(0, 2)] * 3))
        ids = (f"P{patient}", f"S{patient}.{study}", f"E{patient}.{study}.{series}")
        blank = draw(st.tuples(*[st.booleans()] * 3))
        stated = dict(
            zip(("patient", "study", "series"), (a * (not b) for a, b in zip(ids, blank, strict=True)), strict=True)
        )
        rows.append({**HeaderFacts("CT", burned_in="unsaid")._asdict(), **stated, "file": f"{number}.dcm"})
    return pd.DataFrame(rows).set_index("file")


@settings(max_examples=40, phases=[Phase.generate])
@given(header_sets())
def test_no_study_and_no_series_is_several_patients(headers):
    n = len(headers)
    images = pd.DataFrame({"file": headers.index, "split": ""})
    index = Index(images, np.arange(n) % 2, ("a", "b"), "binary")
    found = with_patients(index, headers).images["patient"]
    one_for_all = headers["patient"].nunique() == 1 and (headers["patient"] != "").all()
    for unit in ("study", "series") if one_for_all else ("patient", "study", "series"):
        stated = headers[unit].reset_index(drop=True)
        assert (found[stated != ""].groupby(stated[stated != ""]).nunique() <= 1).all(), unit


def blank_in_a_table(root: Path, patients: list[str], **elements: list[str]) -> DatasetInfo:
    """Eight series whose table says `patients`, a series each."""
    scans(root, **elements)
    table = pd.read_csv(root / "labels.csv")
    table.assign(patient_id=np.repeat(patients, SLICES)).to_csv(root / "labels.csv", index=False)
    return open_dataset(DicomFolder(str(root), str(root / "labels.csv")), root.parent / "stores")


def test_blank_patients_of_a_table_are_the_headers(tmp_path: Path) -> None:
    stated = studies("H", [0, 1, 0, 1, 4, 5, 6, 7])
    found = blank_in_a_table(tmp_path / "in", ["A", "B", "", "", "C", "D", "", ""], PatientID=stated)
    patients = found.index.images["patient"][::SLICES]
    assert patients.tolist() == ["A", "B", "A", "B", "C", "D", "H.6", "H.7"]  # who has a name in the table keeps it
    said = "no patient in the table: 12 of 24 images count by their header's PatientID"
    assert said in found.index.caveats


@pytest.mark.parametrize(
    "stated", [[""] * 8, ["ANON"] * 8, ["H0", "H0", "H0", *studies("H", [3, 4, 5, 6, 7])]],
    ids=["none", "one for all", "of two patients of the table"],
)  # fmt: skip
def test_blank_patients_that_no_header_tells_are_refused(tmp_path: Path, stated: list[str]) -> None:
    with pytest.raises(MedxferError, match=r"blank for 3 of 24 images, .* fill the column"):
        blank_in_a_table(tmp_path / "in", ["A", "B", "", "D", "E", "F", "G", "H"], PatientID=stated)


@pytest.mark.parametrize(
    "column", ["Patientennummer", "Patienten-ID", "Pat.-Nr.", "Fallnummer", "Probanden_Nr", "paziente", "numero", "NHC"]
)
def test_columns_of_other_languages_that_look_like_patients_are_asked_about(column: str) -> None:
    if column == "numero":
        assert patient_column("patient_id", ["path", column], ["path"], "t.csv") is None
        return
    with pytest.raises(MedxferError, match=re.escape(f"data.columns.patient={column}")):
        patient_column("patient_id", ["path", column], ["path"], "t.csv")


def test_patients_that_differ_in_writing_alone_are_counted(tmp_path: Path) -> None:
    table = pd.read_csv(make_pictures(tmp_path / "in", n=24) / "labels.csv")
    table["patient_id"] = [name.lower() if n % 8 == 1 else f"0{n}" if n == 2 else name for n, name in
                           enumerate(table["patient_id"])]  # fmt: skip
    table.loc[3, "patient_id"] = "2"
    table.loc[2, "patient_id"] = "02"
    table.to_csv(tmp_path / "in" / "labels.csv", index=False)
    found = open_dataset(ImageFolder(str(tmp_path / "in"), str(tmp_path / "in" / "labels.csv")), tmp_path / "stores")
    (said,) = [caveat for caveat in found.index.caveats if "leading zeros alone" in caveat]
    assert said.endswith(": 4 names in several ways")
