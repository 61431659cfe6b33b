"""data=ct_series: CT slices as a scanner leaves them, labelled by slice or by series."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from medxfer.base.errors import MedxferError
from medxfer.data.sources.dicom_folder import DicomOptions
from medxfer.data.sources.headers import HeaderIndexed
from medxfer.data.sources.source import Index
from medxfer.data.sources.table import COLUMNS, LabelledFolder

NOT_DICOM = (".csv", ".txt", ".json", ".xml", ".md", ".pdf")


class CtSeries(HeaderIndexed, LabelledFolder):
    """The CSV's path is a slice's file, a series' folder or a SeriesInstanceUID; a series' label is that of all its
    slices. Slices are in the order of their position along the normal, series by series. Where the CSV has no column
    of patients, they are the headers' PatientID. `options` are those of `DicomOptions`."""

    obtain = "nothing: your own files, and a CSV with a row a slice or a row a series"

    def __init__(
        self,
        root: str,
        labels: str,
        label: str | Sequence[str],
        columns: Mapping[str, str] = COLUMNS,
        *,
        cache: str,
        **options: Any,
    ) -> None:
        super().__init__(root, labels, label, columns)
        self.cache = Path(cache)
        self.options = DicomOptions(**options)

    def settings(self) -> dict[str, object]:
        return {**super().settings(), **asdict(self.options)}

    def index(self) -> Index:
        table = self.table()
        headers = self.survey(self._files())
        named: dict[str, list[str]] = {}  # what a path of the CSV may be -> its slices
        for file, series in headers["series"].items():
            for name in (file, *map(str, Path(str(file)).parents), series):
                named.setdefault(str(name), []).append(str(file))
        slices = pd.Series([named.get(str(Path(path)), []) for path in table["path"]], table.index)
        missing = tuple(path for path, files in zip(table["path"], slices, strict=True) if not files)
        if len(missing) == len(table):
            raise self.nothing_there(table)
        rows = table.assign(path=slices, entry=table["path"]).explode("path").dropna(subset="path")
        twice = rows[rows["path"].duplicated(keep=False)]
        if len(twice):
            raise MedxferError(
                f"{self.labels}: '{twice['entry'].iloc[0]}' and '{twice['entry'].iloc[-1]}' name the same slice; "
                "label it by slice or by series, once"
            )
        # What has no readable header is refused later, and until then is of nobody.
        patient = headers["patient"].where(headers["unreadable"] == "", headers.index.to_series())
        known = headers[["series", "position"]].assign(patient=patient).add_prefix("header:")
        rows = rows.join(known, on="path")
        rows = rows.sort_values(["header:series", "header:position", "path"], kind="stable")
        if "patient" not in rows:
            rows["patient"] = rows["header:patient"]
            if (rows["patient"] == "").all():
                rows = rows.drop(columns="patient")
        return self.assemble(rows, {"file missing": missing})

    def _files(self) -> list[str]:
        files = (path for path in sorted(self.root.rglob("*")) if path.is_file() and path != self.labels)
        names = (path.relative_to(self.root) for path in files if path.suffix.lower() not in NOT_DICOM)
        return [str(name) for name in names if not any(part.startswith(".") for part in name.parts)]
