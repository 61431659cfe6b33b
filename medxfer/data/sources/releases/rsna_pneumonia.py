"""data=rsna_pneumonia: the RSNA Pneumonia Detection Challenge (Shih et al., Radiol Artif Intell 1:e180041, 2019)."""

import json

import pandas as pd

from medxfer.base.errors import MedxferError, unknown
from medxfer.data.sources.dicom_folder import DicomFiles
from medxfer.data.sources.releases.release import Release, files_under
from medxfer.data.sources.source import Index
from medxfer.data.sources.table import NO_PATIENTS

BOXES, CLASSES = "stage_2_train_labels.csv", "stage_2_detailed_class_info.csv"
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
OVERLAP = "its images are of NIH ChestX-ray14: results on the two are not independent"


class RsnaPneumonia(DicomFiles, Release):
    """`label` is Target (pneumonia or not) or class (Normal, Lung Opacity, No Lung Opacity / Not Normal).

    The release's patientId is an image's, not a patient's: who each image is of says only the mapping to NIH's names,
    which RSNA publishes apart. Without it every image counts as a patient of its own, and the record says so.
    """

    obtain = (
        f"stage_2_train_images, {BOXES} and {CLASSES} from "
        f"kaggle.com/c/rsna-pneumonia-detection-challenge, and beside them, for the patients, {MAPPING} from rsna.org"
    )
    tables = (BOXES, CLASSES, MAPPING)

    def index(self) -> Index:
        labels = self._labels()
        files = files_under(self.root, "stage_2_train_images")
        names = labels.index.to_series().reset_index(drop=True)
        patients, caveats = self._patients(names)
        images = pd.DataFrame({"name": names, "patient": patients, "split": ""})
        images["file"] = [files.get(f"{name}.dcm", "") for name in names]
        return self.assemble(images, labels.reset_index(drop=True), (*caveats, OVERLAP))

    def _labels(self) -> pd.Series:
        """By image; both tables have a row a box, and so repeat images."""
        if self.label == "Target":
            rows = self.table([BOXES], ["patientId", "Target"])
            classes = rows["Target"].map({"0": "no pneumonia", "1": "pneumonia"})
        elif self.label == "class":
            rows = self.table([CLASSES], ["patientId", "class"])
            classes = rows["class"].where(rows["class"] != "")
        else:
            raise unknown("data.label", str(self.label), ("Target", "class"), "choose Target or class.")
        by_image = classes.groupby(rows["patientId"], sort=False)
        if (by_image.nunique() > 1).any():
            raise MedxferError(f"data.root={self.root}: an image has two values of '{self.label}'; download it again")
        return by_image.first()

    def _patients(self, names: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
        path = self.root / MAPPING
        if not path.is_file():
            return names, (NO_PATIENTS,)
        try:
            rows = json.loads(path.read_text())
            patient = {row["subset_img_id"]: row["img_id"].split("_")[0] for row in rows}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MedxferError(f"{path}: not the mapping to NIH's names; download it again from rsna.org") from error
        unmapped = names[~names.isin(patient)]
        if len(unmapped):
            raise MedxferError(f"{path}: {len(unmapped)} images are not in it, so their patients are not known")
        return names.map(patient), ()
