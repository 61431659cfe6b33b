"""Who is a patient: by the table or the path, else by PatientID, else by the study or the series of an image."""

import re
from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from medxfer.base.errors import MedxferError
from medxfer.base.words import count
from medxfer.data.sources.source import Index

NO_PATIENTS = "no patient ids: every image counts as a patient of its own, so intervals may be too narrow"
_LOOKS = re.compile(
    r"(patient|subject|participant|case|person|pat|pt|patienten?|pazient[ei]|paciente|proband(en)?|fall|dossier)"
    r"(id|ids|no|nr|num|number|nummer|n?umero|key|code|uid|name|kennung|schluessel|schlssel)?"
    r"|mrn|pid|nip|nhc|medicalrecord(no|nr|number)?|(anon|anonymi[sz]ed|pseudonymi[sz]ed)(patient|subject)?id|pseudonym"
)


def patient_column(asked: str | None, columns: Iterable[str], taken: Iterable[str], table: str) -> str | None:
    """The one of a table's `columns` that names patients, or None where the headers shall.

    `asked` is data.columns.patient; `taken` are columns that hold something else. Raises MedxferError if the column is
    not there and another one looks like patients.
    """
    if not asked or asked in columns:
        return asked or None
    for column in columns:
        if column not in taken and looks_like_patients(column):
            raise MedxferError(
                f"{table}: the column '{column}' looks like patients, and images of one patient in two parts would "
                f"flatter every result: give it as data.columns.patient={column}, or data.columns.patient=null if it "
                "names no patients"
            )
    return None


def looks_like_patients(column: str) -> bool:
    """Whether a column of this name holds patients."""
    return bool(_LOOKS.fullmatch(re.sub(r"[^a-z]", "", column.lower())))


def with_patients(index: Index, headers: pd.DataFrame) -> Index:
    """`index` with the column patient, and what has to be said of it.

    `headers` are those of its files. Patients that the index names stay, and are compared with the headers'; where it
    leaves one blank, the header's PatientID counts. Raises MedxferError if an image then has no patient.
    """
    of_files = headers.loc[index.images["file"]].reset_index(drop=True)
    facts = of_files[["patient", "study", "series"]].map(str.strip)
    read = of_files["unreadable"] == ""  # others are refused
    if "patient" in index.images:
        named, said = _filled(index.images["patient"], facts["patient"], index.images["file"].where(~read, ""))
        said += (*_nearly_one(named), *_disagreement(named, facts["patient"]))
        return replace(index, images=index.images.assign(patient=named), caveats=(*index.caveats, *said))
    patients, files = "image " + index.images["file"], index.images["file"]
    patients[read], caveats = _by_headers(facts[read], files[read]) if read.any() else (files[read], ())
    return replace(index, images=index.images.assign(patient=patients), caveats=(*caveats, *index.caveats))


def with_named(headers: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """`headers`, by file, with the patients of `images` in place of their own where these have some."""
    if "patient" not in images:
        return headers
    named = images[images["patient"] != ""].drop_duplicates("file").set_index("file")["patient"]
    return headers.assign(patient=named.reindex(headers.index).fillna(headers["patient"]))


def _filled(named: pd.Series, stated: pd.Series, refused: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
    """`named` without blanks: these are the patient whom the table gives to the same PatientID (`stated`, "" where
    unknown), else that PatientID. `refused` has the names of files without a header, each a patient of its own.

    Raises MedxferError where neither tells the patient, or where that PatientID is several patients of the table.
    """
    blank = named == ""
    if not blank.any():
        return named, ()
    ids = stated.where(stated == "", "") if _one_for_all(stated) else stated
    of_id = named[~blank & (ids != "")].groupby(ids)
    several = ids.isin(of_id.nunique()[lambda number: number > 1].index)
    found = ids.map(of_id.first()).astype(object).fillna(ids).mask(several, "")
    found = found.where(refused == "", "image " + refused)
    if lost := int((blank & (found == "")).sum()):
        raise MedxferError(
            f"the column of patients is blank for {lost} of {count(len(named), 'image')}, and no header tells whose "
            "they are; images of one patient in two parts would flatter every result: fill the column, or leave it out "
            "altogether"
        )
    counted = int((blank & (refused == "")).sum())
    said = f"no patient in the table: {counted} of {count(len(named), 'image')} count by their header's PatientID"
    return named.where(~blank, found), (said,) if counted else ()


def _by_headers(facts: pd.DataFrame, files: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
    """The patient of each image, and caveats; `facts` has the headers' patient, study and series, "" where unknown."""
    said = []
    patient = facts["patient"]
    if _one_for_all(patient):
        said.append(f"one PatientID for all {count(len(patient), 'image')}, so that it names no patient")
        patient = patient.where(patient == "", "")
    found = _spread(patient, facts)
    nameless = {"study": 0, "series": 0, "image": 0}
    for unit, names in (("study", facts["study"]), ("series", facts["series"]), ("image", files)):
        new = (found == "") & (names != "")
        found = _spread(found.where(~new, f"{unit} " + names), facts)
        nameless[unit] = int(new.sum())
    if nameless["image"] == len(files):
        return files.copy(), (NO_PATIENTS, *said)
    words = {"study": "their study", "series": "their series", "image": "themselves"}
    said += [
        f"no PatientID: {number} of {count(len(files), 'image')} count by {words[unit]}, so a patient may count twice"
        for unit, number in nameless.items()
        if number
    ]
    return found, tuple(said)


def _spread(found: pd.Series, facts: pd.DataFrame) -> pd.Series:
    """`found` (a patient, or "") with the patient of its study or series for each image that has none."""
    while True:
        before = found
        for unit in ("study", "series"):
            known = found[(found != "") & (facts[unit] != "")].groupby(facts[unit]).first()
            found = found.where(found != "", facts[unit].map(known).astype(object).fillna(""))
        if (found == before).all():
            return found


def _one_for_all(patient: pd.Series) -> bool:
    return len(patient) > 1 and patient.nunique() == 1 and patient.iloc[0] != ""


def _nearly_one(named: pd.Series) -> tuple[str, ...]:
    """What to say where names of patients differ as two ways to write one do."""
    names = pd.Series(named.unique())
    bare = names.str.casefold().str.replace(r"\s+", "", regex=True).str.replace(r"^0+(?=.)", "", regex=True)
    alike = int((bare.value_counts() > 1).sum())
    said = "names of patients that differ in case, spaces or leading zeros alone, and count as different patients"
    return (f"{said}: {count(alike, 'name')} in several ways",) if alike else ()


def _disagreement(named: pd.Series, stated: pd.Series) -> tuple[str, ...]:
    """What to say where the headers' PatientID (`stated`, "" where unknown) divides images otherwise than `named`."""
    if _one_for_all(stated):
        return ()
    pairs = pd.DataFrame({"named": named.reset_index(drop=True), "stated": stated})[stated != ""].drop_duplicates()
    divided = int((pairs.groupby("stated")["named"].nunique() > 1).sum())
    joined = int((pairs.groupby("named")["stated"].nunique() > 1).sum())
    disagree, said = "patients of the table and of the headers disagree", []
    if divided:
        are = "is" if divided == 1 else "are"
        said.append(f"{disagree}: {count(divided, 'PatientID')} of headers {are} several patients of it")
    if joined:
        have = "has" if joined == 1 else "have"
        said.append(f"{disagree}: {count(joined, 'patient')} of it {have} several PatientIDs in headers")
    return tuple(said)
