"""data=nih: NIH ChestX-ray14 (Wang et al., CVPR 2017), in its official split."""

import pandas as pd

from medxfer.base.errors import MedxferError
from medxfer.data.sources.picture_folder import PictureFiles
from medxfer.data.sources.releases.release import Release, files_under
from medxfer.data.sources.source import Index

TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
COLUMNS = ("Image Index", "Finding Labels", "Patient ID", "View Position")
TRAIN_VAL, TEST = "train_val_list.txt", "test_list.txt"
FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia", "Pneumothorax",
    "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening", "Hernia",
)  # fmt: skip
NO_FINDING = "No Finding"
MINED = "labels were mined from reports by a program (Wang et al. 2017), so some are wrong"


class NihChestXray14(PictureFiles, Release):
    """`label` is all (fourteen findings), one finding, or a list. Validation is drawn from train_val_list.txt."""

    obtain = (
        f"images_*.tar.gz (unpacked as images or images_001 …), {TABLES[0]}, {TRAIN_VAL} and {TEST} from "
        "nihcc.app.box.com/v/ChestXray-NIHCC"
    )
    tables = (*TABLES, TRAIN_VAL, TEST)

    def index(self) -> Index:
        chosen = self.findings(FINDINGS)
        # The header's "OriginalImage[Width,Height]" has commas of its own, and some versions end in one.
        table = self.table(TABLES, COLUMNS, index_col=False, usecols=COLUMNS)
        said = table["Finding Labels"].str.split("|")
        odd = {name for names in said for name in names} - {*FINDINGS, NO_FINDING}
        if odd:
            raise MedxferError(
                f"data.root={self.root}: its table has an unknown finding '{min(odd)}'; download it again"
            )
        findings = pd.DataFrame({name: [float(name in names) for names in said] for name in chosen})
        files = files_under(self.root)
        images = pd.DataFrame(
            {"name": table["Image Index"], "patient": table["Patient ID"], "view": table["View Position"]}
        )
        images["file"] = [files.get(name, "") for name in images["name"]]
        images["split"], caveats = self._parts(images["name"])
        return self.assemble(images, findings, (MINED, *caveats))

    def _parts(self, names: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
        lists = [self.root / TRAIN_VAL, self.root / TEST]
        if not any(path.is_file() for path in lists):
            return pd.Series("", names.index), ("not the official split, whose lists are not there",)
        for path in lists:
            if not path.is_file():
                raise MedxferError(f"{path}: is not there, and the other list of the official split is; download both")
        train, test = (set(path.read_text().split()) for path in lists)
        unlisted = names[~names.isin(train | test)]
        if len(unlisted) or train & test:
            raise MedxferError(
                f"data.root={self.root}: {len(unlisted)} images are in neither of {TRAIN_VAL} and {TEST}, and "
                f"{len(train & test)} are in both; download them again"
            )
        return pd.Series(names.isin(test).map({True: "test", False: "train"}), names.index), ()
