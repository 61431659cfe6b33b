"""Labels as CheXpert's labeler mines them from reports, in CheXpert and in MIMIC-CXR."""

import numpy as np
import pandas as pd

from medxfer.base.errors import unknown
from medxfer.data.sources.picture_file import PictureReader
from medxfer.data.sources.releases.release import Release

FINDINGS = (
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema",
    "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture",
    "Support Devices",
)  # fmt: skip
POLICIES = {"ones": 1.0, "zeros": 0.0, "leave_out": np.nan}  # what a label of −1 becomes


class CheXpertLabelled(Release):
    """`label` is all (fourteen observations), one or a list; `uncertain` is ones, zeros or leave_out.

    What a report does not mention (blank) counts as absent.
    """

    reader = PictureReader()

    def __init__(self, root: str, label: str | list[str], uncertain: str) -> None:
        if uncertain not in POLICIES:
            raise unknown("data.uncertain", str(uncertain), POLICIES, f"choose {', '.join(POLICIES)}.")
        super().__init__(root, label)
        self.uncertain = uncertain

    def settings(self) -> dict[str, object]:
        return {**super().settings(), "uncertain": self.uncertain}

    def values(self, labels: pd.DataFrame) -> pd.DataFrame:
        """1, 0 and NaN for the text of `labels`. Raises MedxferError for what is none of 1, 0, −1 and blank."""
        numbers = labels.replace("", "0").apply(pd.to_numeric, errors="coerce")
        if not numbers.isin([0, 1, -1]).all(axis=None):
            raise self.wrong("a label is none of 1, 0, −1 and blank")
        decided: pd.DataFrame = numbers.astype(float).replace(-1, POLICIES[self.uncertain])
        return decided

    def policy(self) -> str:
        """The caveat that states it."""
        return f"labels that the reports leave uncertain: {self.uncertain.replace('_', ' ')}"
