"""data=kermany: chest X-rays of children with and without pneumonia (Kermany et al., Cell 172:1122, 2018)."""

import pandas as pd

from medxfer.base.errors import MedxferError
from medxfer.data.sources.source import existing_folder
from medxfer.data.sources.tree import ClassFolders

CLASSES = {"NORMAL", "PNEUMONIA"}
NAME = r"(?:^|/)(?:NORMAL2-)?(person\d+|IM-\d+)"
CAVEAT = (
    "patients are read from file names, whose numbers begin anew in the test part: that nobody is in both parts is "
    "the publishers' word"
)


class Kermany(ClassFolders):
    """The test part is the release's. Its val has sixteen images, which say nothing: they join train, from which
    validation is drawn. Within a part, equal numbers are taken for one patient."""

    obtain = (
        "chest_xray (train, val, test) from kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia or "
        "ChestXRay2017.zip from data.mendeley.com/datasets/rscbjbr9sj"
    )

    def __init__(self, root: str) -> None:
        folder = existing_folder(root, "data.root")
        if not (folder / "train").is_dir() and (folder / "chest_xray" / "train").is_dir():
            folder = folder / "chest_xray"
        super().__init__(str(folder))
        if not all((folder / part / name).is_dir() for part in ("train", "test") for name in CLASSES):
            raise MedxferError(
                f"data.root={root}: not the release's layout, chest_xray/train/NORMAL and so on; {self.obtain}"
            )

    def rows(self) -> pd.DataFrame:
        table = super().rows()
        # Kaggle's archive holds a second copy of all of it, chest_xray/chest_xray.
        table = table[(table["split"] != "") & table["label"].isin(CLASSES)].reset_index(drop=True)
        return table.assign(split=table["split"].replace("val", "train"))

    def _patients(self, table: pd.DataFrame) -> tuple[pd.Series, tuple[str, ...]]:
        number = table["file"].str.extract(NAME).iloc[:, 0]
        if number.isna().any():
            odd = table["file"][number.isna()].iloc[0]
            raise MedxferError(f"data.root={self.root}: '{odd}' is no name of the release's; download it again")
        return table["split"] + "/" + number, (CAVEAT,)
