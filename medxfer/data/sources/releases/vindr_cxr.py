"""data=vindr_cxr: VinDr-CXR (Nguyen et al., Sci Data 9:429, 2022), in its own split; its readers' labels by a vote."""

from pathlib import Path

import pandas as pd

from medxfer.base.errors import unknown
from medxfer.data.sources.dicom_file import DicomReader
from medxfer.data.sources.label_table import OTHER
from medxfer.data.sources.releases.release import Release
from medxfer.data.sources.source import Index

TABLES, FOLDER = {"train": "image_labels_train.csv", "test": "image_labels_test.csv"}, "annotations"
IMAGE, READER = "image_id", "rad_id"
FINDINGS = (
    "Aortic enlargement", "Atelectasis", "Calcification", "Cardiomegaly", "Clavicle fracture", "Consolidation",
    "Edema", "Emphysema", "Enlarged PA", "ILD", "Infiltration", "Lung Opacity", "Lung cavity", "Lung cyst",
    "Mediastinal shift", "Nodule/Mass", "Pleural effusion", "Pleural thickening", "Pneumothorax", "Pulmonary fibrosis",
    "Rib fracture", "Other lesion", "COPD", "Lung tumor", "Pneumonia", "Tuberculosis", "Other diseases", "No finding",
)  # fmt: skip
IN_TEST = {"Other disease": "Other diseases"}  # the two tables name it differently
READERS = 3  # of each training image
VOTES = {"any": 1, "majority": 2, "all": READERS}  # how many of them must have seen a finding
CONSENSUS = "labels of test images are the consensus of five readers"


class VinDrCxr(Release):
    """`label` is all (27 findings and diagnoses, and No finding), one or a list. `vote` is majority, any or all: how
    many of the three readers of a training image must have seen a finding; three cannot tie.

    Validation is drawn from the training part. The release names no patients: what its headers say decides.
    """

    obtain = (
        "the folders train and test (<image_id>.dicom) and annotations (image_labels_train.csv, image_labels_test.csv) "
        "from physionet.org/content/vindr-cxr"
    )
    reader = DicomReader()

    def __init__(self, root: str, label: str | list[str], vote: str) -> None:
        if vote not in VOTES:
            raise unknown("data.vote", str(vote), VOTES, f"choose {', '.join(VOTES)}.")
        super().__init__(root, label)
        self.vote = vote

    def settings(self) -> dict[str, object]:
        return {**super().settings(), "vote": self.vote}

    def place(self, name: str) -> Path:
        return self.root / FOLDER / name if (self.root / FOLDER).is_dir() else self.root / name

    def index(self) -> Index:
        chosen = self.findings(FINDINGS)
        train, test = self._labels("train", [IMAGE, READER], chosen), self._labels("test", [IMAGE], chosen)
        votes = train.groupby(IMAGE, sort=False)
        odd = int(((votes.size() != READERS) | (votes[READER].nunique() != READERS)).sum())
        if odd:
            raise self.wrong(f"{odd} images of {TABLES['train']} have not one row of each of {READERS} readers")
        if test[IMAGE].duplicated().any() or test[IMAGE].isin(train[IMAGE]).any():
            raise self.wrong(f"an image of {TABLES['test']} has two rows, or is in {TABLES['train']} too")
        voted = (votes[chosen].sum() >= VOTES[self.vote]).astype(float)
        labels = pd.concat([voted, test.set_index(IMAGE)[chosen].astype(float)])
        names = labels.index.to_series().reset_index(drop=True)
        parts = pd.Series(["train"] * len(voted) + ["test"] * len(test))
        files = self.existing(parts + "/" + names + ".dicom")
        images = pd.DataFrame({"name": names, "file": files, "split": parts})
        labels = labels.reset_index(drop=True)
        stated = f"labels of training images are the vote of three readers: {self.vote}"
        return self.assemble(images.join(labels.add_prefix(OTHER)), labels, (stated, CONSENSUS))

    def _labels(self, part: str, keys: list[str], chosen: list[str]) -> pd.DataFrame:
        """The rows of the table of `part`, with 0 and 1 for the findings `chosen`."""
        named = {ours: theirs for theirs, ours in IN_TEST.items()} if part == "test" else {}
        table = self.table([TABLES[part]], [*keys, *(named.get(name, name) for name in chosen)])
        table = table.rename(columns=IN_TEST)[[*keys, *chosen]]
        table[chosen] = table[chosen].apply(pd.to_numeric, errors="coerce")
        if not table[chosen].isin([0, 1]).all(axis=None):
            raise self.wrong(f"a label of {TABLES[part]} is neither 0 nor 1")
        return table
