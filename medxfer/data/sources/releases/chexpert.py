"""data=chexpert: CheXpert (Irvin et al., AAAI 2019), in its own split and with a stated policy for uncertain labels."""

from pathlib import Path, PurePosixPath

import pandas as pd

from medxfer.data.sources.folder_walk import walk
from medxfer.data.sources.label_table import OTHER
from medxfer.data.sources.releases.chexpert_labels import FINDINGS, CheXpertLabelled
from medxfer.data.sources.source import Index

VIEW = ("Frontal/Lateral", "AP/PA")
BATCHES = "CheXpert-v1.0 batch *"  # folders as Stanford gives the full-size release: "… batch 2 (train 1)"
MINED = "labels of training images were mined from reports by a program (Irvin et al. 2019), so some are wrong"


class CheXpert(CheXpertLabelled):
    """With test.csv there, valid.csv is the validation part; without it, valid.csv, which radiologists labelled, is the
    test part and validation is drawn from train.csv.

    The batches of the full-size release may lie beside each other as they were unpacked.
    """

    obtain = (
        "CheXpert-v1.0-small or CheXpert-v1.0 (train.csv, valid.csv and their folders; test.csv and test if you have "
        "them) from stanfordmlgroup.github.io/competitions/chexpert"
    )

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
        named = paths.str.extract(r"_(frontal|lateral)\.\w+$", expand=False).str.capitalize().fillna("")
        views = (table[VIEW[0]] + " " + table[VIEW[1]]).str.strip() if set(VIEW) <= set(table) else named
        images["view"] = views.where(views != "", named)  # test.csv has no columns of it
        for key in ("Age", "Sex"):
            if key in table:
                images[key.lower()] = table[key]
        images = images.join(table.drop(columns="split").add_prefix(OTHER))
        return self.assemble(images, self.values(table[chosen]), (MINED, self.policy()))

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
