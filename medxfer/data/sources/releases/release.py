"""What the adapters of public releases share: their tables, their findings, and which of their files are there."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from medxfer.base.errors import MedxferError, unknown
from medxfer.data.sources.source import UNLABELLED, Index, Source, encode_findings, encode_labels, existing_folder

ALL = "all"  # data.label=all: every finding of the release, as a multi-label task


class Release(Source):
    """A release as it is distributed, under `root`; `label` chooses among what it is labelled with."""

    tables: ClassVar[tuple[str, ...]]  # of labels, patients and official parts; those that are there

    def __init__(self, root: str, label: str | Sequence[str]) -> None:
        self.root = existing_folder(root, "data.root")
        self.label = label if isinstance(label, str) else list(label)

    def settings(self) -> dict[str, object]:
        return {"label": self.label}

    def label_bytes(self) -> bytes:
        return b"".join((self.root / name).read_bytes() for name in self.tables if (self.root / name).is_file())

    def table(self, names: Sequence[str], columns: Iterable[str], **options: Any) -> pd.DataFrame:
        """The first of the tables `names` that is there, as text. Raises MedxferError where there is none, or where
        it lacks one of `columns`."""
        path = next((self.root / name for name in names if (self.root / name).is_file()), None)
        if path is None:
            raise MedxferError(
                f"data.root={self.root}: holds no {' or '.join(names)}; give the folder that the release was unpacked "
                f"into ({self.obtain})"
            )
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False, **options)
        except (ValueError, OSError) as error:
            raise MedxferError(f"{path}: not a readable CSV ({error}); download it again") from error
        table.columns = table.columns.str.strip()
        absent = [column for column in columns if column not in table.columns]
        if absent:
            raise MedxferError(f"{path}: no column {' or '.join(map(repr, absent))}; download it again")
        return table

    def findings(self, known: Sequence[str]) -> list[str]:
        """The findings that `label` asks for. Raises MedxferError for one that the release does not have."""
        asked = list(known) if self.label == ALL else [self.label] if isinstance(self.label, str) else self.label
        for name in asked:
            if name not in known:
                raise unknown("data.label", name, known, f"all, one or a list of {', '.join(known)}.")
        return asked

    def assemble(self, images: pd.DataFrame, labels: pd.Series | pd.DataFrame, caveats: tuple[str, ...] = ()) -> Index:
        """The index of `images`, with the columns name, file ("" where it is not there), patient, split and, where
        the release has a table of it, view.

        `labels` has a row an image: names of classes, or findings, (N, C) of 0 and 1; NaN where there is none.
        """
        there = images["file"] != ""
        if not there.any():
            raise MedxferError(
                f"data.root={self.root}: none of the release's {len(images)} images is there "
                f"(the first is '{images['name'].iloc[0]}'); {self.obtain}"
            )
        labelled = labels.notna() if isinstance(labels, pd.Series) else labels.notna().all(axis=1)
        left_out = {
            "file missing": tuple(images["name"][~there]),
            UNLABELLED: tuple(images["name"][there & ~labelled]),
        }
        keep = there & labelled
        if not keep.any():
            raise MedxferError(f"data.root={self.root}: no image has a label; choose another by data.label=")
        kept = labels[keep]
        codes, classes, task = encode_labels(kept) if isinstance(kept, pd.Series) else encode_findings(kept)
        table = images.loc[keep].drop(columns="name").reset_index(drop=True)
        return Index(
            table, codes, classes, task, caveats, {reason: names for reason, names in left_out.items() if names}
        )


def files_under(root: Path, folder: str = "") -> dict[str, str]:
    """Every file under `root`/`folder`, at any depth: its name, and its path relative to `root`."""
    found: dict[str, str] = {}
    for place, folders, names in os.walk(root / folder):
        folders.sort()
        below = os.path.relpath(place, root)
        found.update((name, os.path.normpath(os.path.join(below, name))) for name in sorted(names))  # noqa: PTH118
    return found
