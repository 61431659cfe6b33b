"""A folder of image files beside a CSV of labels: what DICOM and PNG folders share."""

from pathlib import Path

import pandas as pd

from medxfer.data.sources.base import UNLABELLED, Index, Source, encode_labels, existing_folder
from medxfer.errors import MedxferError

NO_PATIENTS = "no patient ids: every image counts as a patient of its own, so intervals may be too narrow"


class LabelledFolder(Source):
    """`labels` is a CSV with the columns path (relative to `root`), patient_id and the column named by `label`."""

    def __init__(self, root: str, labels: str, label: str = "label") -> None:
        self.root = existing_folder(root, "data.root")
        self.labels = Path(labels).expanduser().resolve()
        self.label = label
        if not self.labels.is_file():
            raise MedxferError(
                f"data.labels={labels}: no such file; give a CSV with the columns path, {label}, patient_id"
            )

    def settings(self) -> dict[str, object]:
        return {"label": self.label}

    def label_bytes(self) -> bytes:
        return self.labels.read_bytes()

    def index(self) -> Index:
        table = self._table()
        exists = table["path"].map(lambda path: (self.root / path).is_file())
        if not exists.any():
            raise MedxferError(
                f"{self.labels}: none of its {len(table)} paths is a file under {self.root} "
                f"(the first is '{table['path'].iloc[0]}'); paths are relative to data.root"
            )
        labelled = table[self.label].notna() & (table[self.label] != "")
        left_out = {
            "file missing": tuple(table["path"][~exists]),
            UNLABELLED: tuple(table["path"][exists & ~labelled]),
        }
        table = table[exists & labelled].reset_index(drop=True)
        if table.empty:
            raise MedxferError(f"{self.labels}: no row has a value in the column '{self.label}'")
        codes, classes, task = encode_labels(table[self.label])
        patients, caveats = self._patients(table)
        images = pd.DataFrame({"file": table["path"], "patient": patients, "split": ""})
        return Index(images, codes, classes, task, caveats, {k: v for k, v in left_out.items() if v})

    def _table(self) -> pd.DataFrame:
        try:
            table = pd.read_csv(self.labels, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        except (ValueError, OSError) as error:
            raise MedxferError(f"{self.labels}: not a readable CSV ({error})") from error
        table.columns = table.columns.str.strip()
        absent = [column for column in ("path", self.label) if column not in table.columns]
        if absent:
            raise MedxferError(
                f"{self.labels}: no column {' or '.join(map(repr, absent))}; it has {', '.join(table.columns)} "
                f"(data.label= takes another column for the labels)"
            )
        if table.empty:
            raise MedxferError(f"{self.labels}: has no rows")
        table = table.drop_duplicates(["path", self.label])
        twice = table["path"][table["path"].duplicated()]
        if len(twice):
            raise MedxferError(f"{self.labels}: '{twice.iloc[0]}' has two labels; give each path one row")
        return table

    def _patients(self, table: pd.DataFrame) -> tuple[pd.Series, tuple[str, ...]]:
        """Who each image is of, and what to say where that is not known."""
        if "patient_id" not in table.columns:
            return table["path"], (NO_PATIENTS,)
        unnamed = table["patient_id"].str.strip() == ""
        if unnamed.any():
            raise MedxferError(
                f"{self.labels}: {int(unnamed.sum())} rows have no patient_id; images of one patient in two splits "
                "would flatter every result, so fill the column or leave it out altogether"
            )
        return table["patient_id"].str.strip(), ()
