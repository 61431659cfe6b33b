"""data=chexpert: CheXpert (Irvin et al., AAAI 2019), in its own split and with a stated policy for uncertain labels."""

from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from medxfer.base.errors import unknown
from medxfer.data.sources.folder_walk import walk
from medxfer.data.sources.label_table import OTHER
from medxfer.data.sources.picture_file import PictureReader
from medxfer.data.sources.releases.release import Release
from medxfer.data.sources.source import Index

FINDINGS = (
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema",
    "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture",
    "Support Devices",
)  # fmt: skip
VIEW = ("Frontal/Lateral", "AP/PA")
BATCHES = "CheXpert-v1.0 batch *"  # folders as Stanford gives the full-size release: "… batch 2 (train 1)"
POLICIES = {"ones": 1.0, "zeros": 0.0, "leave_out": np.nan}  # what a label of −1 becomes
MINED = "labels of training images were mined from reports by a program (Irvin et al. 2019), so some are wrong"


class CheXpert(Release):
    """`label` is all (fourteen observations), one or a list; `uncertain` is ones, zeros or leave_out.

    What a report does not mention (blank) counts as absent. With test.csv there, valid.csv is the validation part;
    without it, valid.csv, which radiologists labelled, is the test part and validation is drawn from train.csv.
    The batches of the full-size release may lie beside each other as they were unpacked.
    """

    obtain = (
        "CheXpert-v1.0-small or CheXpert-v1.0 (train.csv, valid.csv and their folders; test.csv and test if you have "
        "them) from stanfordmlgroup.github.io/competitions/chexpert"
    )
    tables = ("train.csv", "valid.csv", "test.csv")
    reader = PictureReader()

    def __init__(self, root: str, label: str | list[str], uncertain: str) -> None:
        if uncertain not in POLICIES:
            raise unknown("data.uncertain", str(uncertain), POLICIES, f"choose {', '.join(POLICIES)}.")
        super().__init__(root, label)
        self.uncertain = uncertain

    def settings(self) -> dict[str, object]:
        return {**super().settings(), "uncertain": self.uncertain}

    def index(self) -> Index:
        chosen = self.findings(FINDINGS)
        parts = {"train.csv": "train", "valid.csv": "test"}
        if self.place("test.csv").is_file():
            parts |= {"valid.csv": "val", "test.csv": "test"}
        tables = [self.table([name], ["Path", *chosen]).assign(split=part) for name, part in parts.items()]
        table = pd.concat(tables, ignore_index=True).fillna("")  # test.csv has fewer columns
        paths = table["Path"].map(_within_release)
        patients = paths.str.extract(r"(?:^|/)(patient\d+)/", expand=False)
        if patients.isna().any():
            raise self.wrong("a Path of its tables names no patient")
        images = pd.DataFrame({"name": paths, "file": self._files(paths), "patient": patients, "split": table["split"]})
        images["view"] = (table[VIEW[0]] + " " + table[VIEW[1]]).str.strip() if set(VIEW) <= set(table) else ""
        for key in ("Age", "Sex"):
            if key in table:
                images[key.lower()] = table[key]
        labels = table[chosen].replace("", "0").apply(pd.to_numeric, errors="coerce")
        if not labels.isin([0, 1, -1]).all(axis=None):
            raise self.wrong("a label is none of 1, 0, −1 and blank")
        caveats = (MINED, f"labels that the reports leave uncertain: {self.uncertain.replace('_', ' ')}")
        images = images.join(table.drop(columns="split").add_prefix(OTHER))
        return self.assemble(images, labels.astype(float).replace(-1, POLICIES[self.uncertain]), caveats)

    def place(self, name: str) -> Path:
        return next(iter(sorted(self.root.glob(f"{BATCHES}/{name}"))), self.root / name)

    def _files(self, paths: pd.Series) -> pd.Series:
        """The file of each path. The batches hold a patient's folder with or without train or valid above it."""
        if not any(self.root.glob(BATCHES)):
            return self.existing(paths)
        found = {"/".join(PurePosixPath(file).parts[-3:]): file for file in walk(self.root).files}
        return paths.map(lambda path: found.get("/".join(PurePosixPath(path).parts[-3:]), ""))


def _within_release(path: str) -> str:
    """`CheXpert-v1.0-small/train/patient00001/…` as it lies under data.root: without the release's own folder."""
    parts = PurePosixPath(path.strip()).parts
    return "/".join(parts[1:] if parts and parts[0].lower().startswith("chexpert") else parts)
