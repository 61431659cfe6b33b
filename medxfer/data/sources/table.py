"""A folder of image files beside a CSV of labels: what DICOM and PNG folders share."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from medxfer.base.errors import MedxferError
from medxfer.data.sources.source import UNLABELLED, Index, Source, encode_findings, encode_labels, existing_folder

NO_PATIENTS = "no patient ids: every image counts as a patient of its own, so intervals may be too narrow"
COLUMNS = {"path": "path", "patient": "patient_id"}


class LabelledFolder(Source):
    """`labels` is a CSV with a row an image: its path, relative to `root`, its label and its patient.

    `label` names the column of labels, or, as a list, the columns of a multi-label task, which hold 0 and 1;
    `columns` names the others where they are not called path and patient_id.
    """

    def __init__(
        self, root: str, labels: str, label: str | Sequence[str] = "label", columns: Mapping[str, str] = COLUMNS
    ) -> None:
        self.root = existing_folder(root, "data.root")
        self.labels = Path(labels).expanduser().resolve()
        self.label = label if isinstance(label, str) else list(label)
        self.columns = {**COLUMNS, **columns}
        if not self.labels.is_file():
            raise MedxferError(
                f"data.labels={labels}: no such file; give a CSV with the columns "
                f"{self.columns['path']}, {', '.join(self._label_columns)}, {self.columns['patient']}"
            )

    @property
    def _label_columns(self) -> list[str]:
        return [self.label] if isinstance(self.label, str) else self.label

    def settings(self) -> dict[str, object]:
        return {"label": self.label, "columns": self.columns}

    def label_bytes(self) -> bytes:
        return self.labels.read_bytes()

    def index(self) -> Index:
        table = self.table()
        exists = table["path"].map(lambda path: (self.root / path).is_file())
        if not exists.any():
            raise self.nothing_there(table)
        return self.assemble(table[exists], {"file missing": tuple(table["path"][~exists])})

    def table(self) -> pd.DataFrame:
        """The CSV's rows, each once: path, patient (absent where the CSV has none) and the columns of labels."""
        try:
            table = pd.read_csv(self.labels, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        except (ValueError, OSError) as error:
            raise MedxferError(f"{self.labels}: not a readable CSV ({error})") from error
        table.columns = table.columns.str.strip()
        wanted = [self.columns["path"], *self._label_columns]
        if self.columns["patient"] != COLUMNS["patient"]:
            wanted.append(self.columns["patient"])
        absent = [column for column in wanted if column not in table.columns]
        if absent:
            raise MedxferError(
                f"{self.labels}: no column {' or '.join(map(repr, absent))}; it has {', '.join(table.columns)} "
                f"(data.label= takes another column for the labels, data.columns.path= and .patient= for the others)"
            )
        if table.empty:
            raise MedxferError(f"{self.labels}: has no rows")
        named = {"path": table[self.columns["path"]]}
        if self.columns["patient"] in table.columns:
            named["patient"] = table[self.columns["patient"]].str.strip()
        table = pd.DataFrame(named).join(table[self._label_columns].add_prefix("label:"))
        table = table.drop_duplicates([column for column in table.columns if column != "patient"])
        twice = table["path"][table["path"].duplicated()]
        if len(twice):
            raise MedxferError(f"{self.labels}: '{twice.iloc[0]}' has two labels; give each path one row")
        return table

    def assemble(self, table: pd.DataFrame, left_out: Mapping[str, Sequence[str]]) -> Index:
        """The index of `table`'s rows, as `table` gives them; those without a label are left out too."""
        columns = [f"label:{name}" for name in self._label_columns]
        labelled = (table[columns] != "").all(axis=1)
        left_out = {**left_out, UNLABELLED: tuple(table["path"][~labelled])}
        table = table[labelled].reset_index(drop=True)
        if table.empty:
            raise MedxferError(f"{self.labels}: no row has a value in the column '{', '.join(self._label_columns)}'")
        if isinstance(self.label, str):
            encoded = encode_labels(table[columns[0]])
        else:
            encoded = encode_findings(self._findings(table[columns].set_axis(self.label, axis=1)))
        patients, caveats = self._patients(table)
        images = pd.DataFrame({"file": table["path"], "patient": patients, "split": ""})
        return Index(images, *encoded, caveats, {why: tuple(names) for why, names in left_out.items() if names})

    def nothing_there(self, table: pd.DataFrame) -> MedxferError:
        return MedxferError(
            f"{self.labels}: none of its {len(table)} paths is a file under {self.root} "
            f"(the first is '{table['path'].iloc[0]}'); paths are relative to data.root"
        )

    def _findings(self, table: pd.DataFrame) -> pd.DataFrame:
        numbers = table.apply(pd.to_numeric, errors="coerce")
        odd = [name for name in table.columns if not numbers[name].isin([0, 1]).all()]
        if odd:
            raise MedxferError(
                f"{self.labels}: the column '{odd[0]}' has values other than 0 and 1, which findings of a "
                "multi-label task have; for classes give one column as data.label="
            )
        return numbers

    def _patients(self, table: pd.DataFrame) -> tuple[pd.Series, tuple[str, ...]]:
        """Who each image is of, and what to say where that is not known."""
        if "patient" not in table.columns:
            return table["path"], (NO_PATIENTS,)
        unnamed = table["patient"] == ""
        if unnamed.any():
            raise MedxferError(
                f"{self.labels}: {int(unnamed.sum())} rows have no {self.columns['patient']}; images of one patient in "
                "two splits would flatter every result, so fill the column or leave it out altogether"
            )
        return table["patient"], ()
