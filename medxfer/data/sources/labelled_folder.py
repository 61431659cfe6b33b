"""A user's own folder of files, and the table that labels them."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from medxfer.base.errors import MedxferError, PrivateWarning
from medxfer.base.words import count, listing
from medxfer.data.header_facts import sex_of, years_of
from medxfer.data.sources.file_kinds import ARCHIVES
from medxfer.data.sources.folder_walk import walk
from medxfer.data.sources.label_table import OTHER, Labelled
from medxfer.data.sources.patients import patient_column
from medxfer.data.sources.source import Index
from medxfer.data.sources.tables import (
    KINDS,
    PATH,
    check_no_failures,
    check_not_rounded,
    cleaned,
    join_rows,
    key_column,
    kind_of,
    nearest,
    nearly_equal,
    read_table,
    shown_names,
    stated_once,
    words_for_missing,
)

COLUMNS = {"path": "path", "patient": "patient_id"}
# Columns that describe patients, counted by part and nothing else; and what they hold.
_READ: Mapping[str, Callable[[str], object]] = {"age": years_of, "sex": sex_of}
PEOPLE = {"age": "years, or DICOM's 045Y", "sex": "F, M, O, or the words, also in German", "scanner": "any text"}
ROWS_AS_PATIENTS = "no patient ids: the images of one row of the table count as one patient"
NO_IMAGE = (".csv", ".tsv", ".xlsx", ".xls", ".txt", ".json", ".xml", ".md", ".pdf", ".gz", ".zip", ".html", ".yaml")


@dataclass(frozen=True)
class TableRows:
    """The rows of a label table; an image may have several."""

    images: pd.DataFrame  # (N,) name (what names the images), split, and, as far as there are, patient and the others
    labels: pd.DataFrame  # (N, C) NaN where they are missing
    key: str  # the column of names
    kind: str  # what the names are: one of KINDS, or "" if the column's name does not tell
    caveats: tuple[str, ...]


class LabelledFolder(Labelled):
    """`labels` is a table with a row an image, a folder, a series or a study: what names it, its label, its patient.

    `label` names the column of labels, or, as a list, the columns of a multi-label task, which hold 0 and 1.
    `columns` names the others: `key`, which names images by path, UID or AccessionNumber (default: found by its name);
    `path` and `patient` if these are not called path and patient_id; and those of age (years), sex and scanner.
    `options` are those of the files' reader.
    """

    obtain = "your own files, and a table that names them, with labels and patients"
    reads: type[Any]  # the class of `reader`
    suffixes: tuple[str, ...] = ()  # of the files that can be images; without them, all but NO_IMAGE

    def __init__(
        self, root: str, labels: str, label: str | Sequence[str] = "label", columns: Mapping[str, str | None] = COLUMNS,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(root, label)
        self.reader = self.reads(**options)
        self.labels = Path(labels).expanduser().resolve()
        self.columns = {**COLUMNS, **{key: name for key, name in columns.items() if name}}
        self.patient = self.columns["patient"] if columns.get("patient", True) else None
        if not self.labels.is_file():
            what = "is a folder" if self.labels.is_dir() else "no such file"
            raise MedxferError(
                f"data.labels={labels}: {what}; give a CSV or XLSX with the columns "
                f"{self.columns['path']}, {', '.join(self.names)}, {self.columns['patient']}"
            )

    def settings(self) -> dict[str, object]:
        columns = {key: self.columns[key] for key in (*COLUMNS, "key") if key in self.columns}
        options: Any = self.reader
        return {**super().settings(), "columns": columns, **asdict(options)}

    def index(self) -> Index:
        return self.assemble(*self.matched())

    def matched(self) -> tuple[pd.DataFrame, pd.Series | pd.DataFrame, tuple[str, ...]]:
        """The images that the table names, their labels, and caveats, as `assemble` takes them; each image once.

        Raises MedxferError if no row names a file, if a name is ambiguous, or if rows contradict each other.
        """
        rows, offered = self.rows(), self.offered()
        found = self._files_of(rows, offered)
        files = rows.images["name"].map(lambda name: found.get(name, [""]))
        images = rows.images.assign(file=files).explode("file")
        labels = rows.labels.loc[images.index].reset_index(drop=True)
        images = images.reset_index(drop=True)
        of = images["file"].where(images["file"] != "", "\0" + images["name"])
        stated = labels.assign(patient=images["patient"].replace("", None)) if "patient" in images else labels
        stated = stated_once(stated, images["name"], of, f"{self.labels}")
        units, said = self._units(images)
        images = images.loc[stated.index].reset_index(drop=True)
        stated = stated.reset_index(drop=True)
        if "patient" in images:
            images["patient"] = stated["patient"].fillna("")
        elif said:
            images["patient"] = images["file"].map(units).fillna("")
        self._check_matched(rows, images, offered)
        unnamed = len(set(offered) - set(images["file"]))
        more = f"no row of the table names {count(unnamed, 'file')} of the folder"
        return images, stated[self.label], (*rows.caveats, *said, *([more] if unnamed else []))

    def _units(self, images: pd.DataFrame) -> tuple[dict[str, str], tuple[str, ...]]:
        """Where nobody says whose the images of a folder's row are: the largest row of each file, and the caveat."""
        sizes = images["name"].map(images["name"][images["file"] != ""].value_counts()).fillna(0)
        if "patient" in images or not self.patient or self.headers() or sizes.max() < 2:
            return {}, ()
        largest = images.loc[sizes.sort_values(ascending=False, kind="stable").index].drop_duplicates("file")
        return dict(zip(largest["file"], largest["name"], strict=True)), (ROWS_AS_PATIENTS,)

    def offered(self) -> list[str]:
        """The files under `root` that can be images, relative to it."""
        suffix_of = {file: Path(file).suffix.lower() for file in walk(self.root).files}
        if self.suffixes:
            return [file for file, suffix in suffix_of.items() if suffix in self.suffixes]
        return [file for file, suffix in suffix_of.items() if suffix not in NO_IMAGE]

    def headers(self) -> Callable[[Sequence[str]], pd.DataFrame] | None:
        """What gives the headers of files, as `survey` does; None for files whose headers name no image."""
        return None

    def rows(self) -> TableRows:
        """What the table says. Raises MedxferError if a column is missing, or holds nothing that can be read."""
        path = self.columns["path"]
        asked = self.columns.get("key") or (path if path != COLUMNS["path"] else None)
        described = {key: self.columns[key] for key in PEOPLE if key in self.columns}
        named = [self.patient] if self.patient and self.patient != COLUMNS["patient"] else []
        wanted = [*([asked] if asked else []), *self.names, *named]
        way_out = (
            "data.labels= takes another table, data.label= another column for the labels, data.columns.key= and "
            ".patient= for the others"
        )
        table = read_table(self.labels, [*wanted, *described.values()], way_out)
        key = asked or key_column(table.columns)
        if key is None:
            raise MedxferError(
                f"{self.labels}: no column path, SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID or "
                f"AccessionNumber names the images; it has {shown_names(table.columns)}; "
                "give the one that does as data.columns.key=, which may be PatientID"
            )
        names = table[key].str.strip()
        blank = "row " + (names.index.to_series() + 1).astype(str) + ", which names no image"
        images = pd.DataFrame({"name": names.where(cleaned(names) != "", blank), "split": ""})
        taken = {key, path, *self.names, *described.values()}
        patient = patient_column(self.patient, table.columns, taken, str(self.labels))
        for column in filter(None, (key, patient)):
            check_not_rounded(table[column], f"{self.labels}: the column '{column}'")
        for column in filter(None, (key, patient, *self.names)):
            check_no_failures(table[column], f"{self.labels}: the column '{column}'")
        if patient:
            images["patient"] = cleaned(table[patient])
        unread: list[str] = []
        for described_by, column in described.items():
            images[described_by] = cells = cleaned(table[column])
            unread += _unread(described_by, column, cells)
        labels = table[self.names].apply(cleaned)
        others = table.drop(columns=[key, *([patient] if patient else [])]).add_prefix(OTHER)
        kind = PATH if key == path else kind_of(key)
        doubts = (*unread, *self._doubts(table, labels))
        return TableRows(images.join(others), labels.where(labels != ""), key, kind, doubts)

    def _doubts(self, table: pd.DataFrame, labels: pd.DataFrame) -> tuple[str, ...]:
        """What a person should look at in the column of classes."""
        if not isinstance(self.label, str):
            return ()
        doubts = [
            f"the classes '{one}' and '{other}' differ in case or space alone, and count as two"
            for one, other in nearly_equal(set(labels[self.label]) - {""})
        ]
        signs = sorted(name for name in set(labels[self.label]) - {""} if not any(map(str.isalnum, name)))
        if signs and any(map(str.isalnum, "".join(labels[self.label]))):
            doubts.append(f"the class {listing([repr(sign) for sign in signs])} may stand for a missing label")
        if words := words_for_missing(table[self.label]):
            said = ", ".join(f"'{word}' ({count(number, 'row')})" for word, number in words.items())
            doubts.append(f"taken for a missing label: {said}")
        for doubt in doubts:
            warnings.warn(doubt, stacklevel=2)
        return tuple(doubts)

    def _files_of(self, rows: TableRows, offered: Sequence[str]) -> dict[str, list[str]]:
        """The files of each name of `rows` that names some."""
        names, known, headers = list(dict.fromkeys(rows.images["name"])), set(offered), self.headers()
        # A file that lies elsewhere, or that the folder does not show.
        given = {name: [self._below(name)] for name in names if name not in known and (self.root / name).is_file()}
        rest = [name for name in names if name not in given]
        survey = None if headers is None else lambda: headers(offered)
        return given | join_rows(rest, rows.kind, offered, survey)

    def _below(self, name: str) -> str:
        """The path of an existing file, relative to `root` if it lies below it."""
        path = self.root / name
        below = next((one for one in (path, path.resolve()) if one.is_relative_to(self.root)), None)
        return name if below is None or ".." in Path(name).parts else below.relative_to(self.root).as_posix()

    def _kind_found(self, images: pd.DataFrame, headers: pd.DataFrame) -> str:
        """By what header field a column that is called something else names images; "" if by none."""
        for name, file in (
            images.loc[images["file"].isin(headers.index), ["name", "file"]].head(1).itertuples(index=False)
        ):
            for kind in KINDS:
                if kind in headers and str(headers.at[file, kind]).lstrip("0") == name.lstrip("0"):
                    return kind
        return ""

    def _check_matched(self, rows: TableRows, images: pd.DataFrame, offered: Sequence[str]) -> None:
        """Raise MedxferError if no row has a file, and warn if some have none."""
        lost = images["name"][images["file"] == ""]
        if not len(lost):
            return
        if not offered:
            packed = sum(file.lower().endswith(ARCHIVES) for file in walk(self.root).files)
            but = f", but {count(packed, 'archive')} ({', '.join(ARCHIVES)}): unpack {'it' if packed == 1 else 'them'}"
            raise self.wrong(f"it has no file that can be an image{but if packed else ''}")
        name, free = lost.iloc[0], sorted(set(offered) - set(images["file"])) or list(offered)
        headers = self.headers()
        kind = rows.kind or (self._kind_found(images, headers(offered)) if headers else "")
        headers = headers if kind not in (PATH, "") else None
        stated = free if headers is None else headers(offered).loc[free, kind].tolist()
        where = "the folder has" if headers is None else "a header has"
        beside = f"the table has '{name}' in its column '{rows.key}', {where} '{nearest(name, stated)}'"
        if len(lost) == len(images):
            raise MedxferError(
                f"{self.labels}: none of its {count(len(lost), 'row')} names a file below data.root={self.root}: "
                f"{beside}; give the folder that its paths are relative to, or another column as data.columns.key="
            )
        rows_name = f"{count(len(lost), 'row')} of {self.labels.name} {'names' if len(lost) == 1 else 'name'}"
        warnings.warn(f"{rows_name} no file of the folder: {beside}", PrivateWarning, stacklevel=2)


def _unread(key: str, column: str, cells: pd.Series) -> list[str]:
    """How many `cells` of the column that describes patients by `key` cannot be read, and so count as not said.

    Raises MedxferError if none can.
    """
    read = _READ.get(key, str)
    known = cells.map({text: read(text) not in ("", None) for text in cells.unique()}).astype(bool)
    if not known.any():
        raise MedxferError(
            f"data.columns.{key}={column}: no row of it can be read; it takes {PEOPLE[key]}, so give another column or "
            "leave it out"
        )
    lost = int((~known & (cells != "")).sum())
    said = f"{count(lost, 'row')} of column '{column}' cannot be read as {key}, which is {PEOPLE[key]}"
    return [said] if lost else []
