"""What the public releases share: their tables, their findings, and which of their files are there."""

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from medxfer.base.errors import unknown
from medxfer.data.sources.folder_walk import walk
from medxfer.data.sources.label_table import Labelled
from medxfer.data.sources.tables import read_table

ALL = "all"  # data.label=all: every finding of the release, as a multi-label task


class Release(Labelled):
    """A release as it is distributed, unpacked under `root`."""

    def place(self, name: str) -> Path:
        """Where the table `name` lies, or would lie."""
        return self.root / name

    def table(self, names: Sequence[str], columns: Iterable[str]) -> pd.DataFrame:
        """The first of the tables `names` that is there, as `read_table` gives it. Raises MedxferError."""
        for name in names:
            if self.place(name).is_file():
                return read_table(self.place(name), columns, "download it again")
        raise self.wrong(f"holds no {' or '.join(names)}")

    def findings(self, known: Sequence[str]) -> list[str]:
        """The findings that `label` asks for. Raises MedxferError for one that the release does not have."""
        asked = list(known) if self.label == ALL else self.names
        for name in asked:
            if name not in known:
                raise unknown("data.label", name, known, f"all, one or a list of {', '.join(known)}.")
        return asked

    def locate(self, names: pd.Series, folder: str = "") -> pd.Series:
        """The file of each name, at any depth under `root`/`folder`, relative to `root`; "" if it is not there."""
        found = {PurePosixPath(file).name: f"{folder}/{file}".lstrip("/") for file in walk(self.root / folder).files}
        return names.map(lambda name: found.get(name, ""))
