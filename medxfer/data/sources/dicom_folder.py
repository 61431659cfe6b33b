"""data=dicom: a folder of DICOM files beside a table of labels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from medxfer.data.sources.dicom_file import DicomReader
from medxfer.data.sources.labelled_folder import COLUMNS, LabelledFolder
from medxfer.data.sources.source import HeaderIndexed


class DicomFolder(HeaderIndexed, LabelledFolder):
    """DICOM files under `root`, and the table `labels`; `options` are those of `DicomReader`. CT is read in Hounsfield
    units, or, like any other modality, as its own display window shows it."""

    reads = DicomReader

    def __init__(
        self, root: str, labels: str, label: str | Sequence[str] = "label", columns: Mapping[str, str | None] = COLUMNS,
        cache: str | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(root=root, labels=labels, label=label, columns=columns, cache=cache, **options)

    def headers(self) -> Callable[[Sequence[str]], pd.DataFrame]:
        return self.survey
