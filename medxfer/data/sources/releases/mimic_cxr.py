"""data=mimic_cxr: MIMIC-CXR-JPG (Johnson et al., arXiv 1901.07042, 2019), in its own split and with a stated policy for
uncertain labels."""

import pandas as pd

from medxfer.data.sources.label_table import OTHER
from medxfer.data.sources.releases.chexpert_labels import FINDINGS, CheXpertLabelled
from medxfer.data.sources.source import Index

IMAGE, STUDY, VIEW = "dicom_id", ["subject_id", "study_id"], "ViewPosition"
PARTS = {"train": "train", "validate": "val", "test": "test"}
MINED = "labels were mined from reports by a program, those of the test part too, so some are wrong"
BY_STUDY = "labels are of studies: all views of a study have the same"


class MimicCxr(CheXpertLabelled):
    """The view is the metadata's ViewPosition, so that `data.keep.view=[PA,AP]` takes frontal images."""

    obtain = (
        "mimic-cxr-2.0.0-split.csv.gz, -metadata.csv.gz and -chexpert.csv.gz (unpacked or not) and the folder files, "
        "from physionet.org/content/mimic-cxr-jpg"
    )

    def index(self) -> Index:
        chosen = self.findings(FINDINGS)
        rows, seen = self._table("split", [IMAGE, *STUDY, "split"]), self._table("metadata", [IMAGE, VIEW])
        if rows[IMAGE].duplicated().any() or seen[IMAGE].duplicated().any():
            raise self.wrong("its tables of parts and of metadata have not one row an image")
        parts = rows["split"].map(PARTS)
        if parts.isna().any():
            raise self.wrong(f"a part of its split is none of {', '.join(PARTS)}")
        seen = seen.set_index(IMAGE).reindex(rows[IMAGE]).fillna("").reset_index(drop=True)
        files = self.existing(_folder_of(rows) + rows[IMAGE] + ".jpg")
        images = pd.DataFrame({"name": rows[IMAGE], "file": files, "patient": rows["subject_id"], "split": parts})
        images = images.assign(view=seen[VIEW]).join(seen.add_prefix(OTHER))
        return self.assemble(images, self._labels(rows, chosen), (MINED, BY_STUDY, self.policy()))

    def _labels(self, rows: pd.DataFrame, chosen: list[str]) -> pd.DataFrame:
        """Those of the study of each image; NaN for a study whose report gave none."""
        table = self._table("chexpert", [*STUDY, *chosen])
        studies = pd.MultiIndex.from_frame(table[STUDY])
        if studies.has_duplicates:
            raise self.wrong("its table of labels has not one row a study")
        values = self.values(table[chosen]).set_axis(studies)
        return values.reindex(pd.MultiIndex.from_frame(rows[STUDY])).reset_index(drop=True)

    def _table(self, kind: str, columns: list[str]) -> pd.DataFrame:
        name = f"mimic-cxr-2.0.0-{kind}.csv"
        return self.table([name, f"{name}.gz"], columns)


def _folder_of(rows: pd.DataFrame) -> pd.Series:
    """Of each image: files/p10/p10000032/s50414267/."""
    subject: pd.Series = rows["subject_id"]
    return "files/p" + subject.str[:2] + "/p" + subject + "/s" + rows["study_id"] + "/"
