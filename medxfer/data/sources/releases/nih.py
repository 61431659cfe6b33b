"""data=nih: NIH ChestX-ray14 (Wang et al., CVPR 2017)."""

import pandas as pd

from medxfer.data.sources.label_table import OTHER
from medxfer.data.sources.picture_file import PictureReader
from medxfer.data.sources.releases.release import Release
from medxfer.data.sources.source import Index

TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
COLUMNS = ("Image Index", "Finding Labels", "Patient ID", "View Position")
PEOPLE = {"age": "Patient Age", "sex": "Patient Gender"}  # not in every version
TRAIN_VAL, TEST = "train_val_list.txt", "test_list.txt"
FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia", "Pneumothorax",
    "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening", "Hernia",
)  # fmt: skip
NO_FINDING = "No Finding"
MINED = "labels were mined from reports by a program (Wang et al. 2017), so some are wrong"


class NihChestXray14(Release):
    """`label` is all (fourteen findings), one finding, or a list. Validation is drawn from train_val_list.txt."""

    obtain = (
        f"images_*.tar.gz (unpacked as images or images_001 …), {TABLES[0]}, {TRAIN_VAL} and {TEST} from "
        "nihcc.app.box.com/v/ChestXray-NIHCC"
    )
    reader = PictureReader()

    def index(self) -> Index:
        chosen = self.findings(FINDINGS)
        table = self.table(TABLES, COLUMNS)
        table = table[[column for column in table if column in (*COLUMNS, *PEOPLE.values())]]
        said = table["Finding Labels"].str.split("|")
        odd = {name for names in said for name in names} - {*FINDINGS, NO_FINDING}
        if odd:
            raise self.wrong(f"its table has an unknown finding '{min(odd)}'")
        findings = pd.DataFrame({name: [float(name in names) for names in said] for name in chosen})
        names = table["Image Index"]
        parts, caveats = self._parts(names)
        images = pd.DataFrame({"name": names, "file": self.locate(names), "patient": table["Patient ID"]})
        for key, column in PEOPLE.items():
            if column in table:
                images[key] = table[column]
        images = images.assign(split=parts, view=table["View Position"]).join(table.add_prefix(OTHER))
        return self.assemble(images, findings, (MINED, *caveats))

    def _parts(self, names: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
        """The official part of each image, and what to say if the lists of the parts are missing."""
        paths = [self.root / TRAIN_VAL, self.root / TEST]
        missing = [path.name for path in paths if not path.is_file()]
        if len(missing) == 1:
            raise self.wrong(f"holds no {missing[0]}, but the other list of the official split")
        if missing:
            return pd.Series("", names.index), ("not the official split, whose lists are missing",)
        train, test = (set(path.read_text().split()) for path in paths)
        unlisted = int((~names.isin(train | test)).sum())
        if unlisted or train & test:
            raise self.wrong(
                f"{unlisted} images are in neither of {TRAIN_VAL} and {TEST}, and {len(train & test)} are in both"
            )
        return names.isin(test).map({True: "test", False: "train"}), ()
