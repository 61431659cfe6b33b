"""data=rsna_pneumonia: the RSNA Pneumonia Detection Challenge (Shih et al., Radiol Artif Intell 1:e180041, 2019)."""

import json

import pandas as pd

from medxfer.base.errors import unknown
from medxfer.data.sources.dicom_file import DicomReader
from medxfer.data.sources.patients import NO_PATIENTS
from medxfer.data.sources.releases.release import Release
from medxfer.data.sources.source import Index

BOXES, CLASSES = "stage_2_train_labels.csv", "stage_2_detailed_class_info.csv"
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
OVERLAP = "its images are of NIH ChestX-ray14: results on the two are not independent"


class RsnaPneumonia(Release):
    """`label` is Target (pneumonia or not) or class (Normal, Lung Opacity, No Lung Opacity / Not Normal).

    The release's patientId, which is also its headers' PatientID, is an image's, not a patient's. Only the mapping to
    NIH's names, which RSNA publishes separately, tells the patient of an image. Without it every image counts as a
    patient of its own, and the record says so.
    """

    obtain = (
        f"stage_2_train_images, {BOXES} and {CLASSES} from "
        f"kaggle.com/c/rsna-pneumonia-detection-challenge, and beside them, for the patients, {MAPPING} from rsna.org"
    )
    reader = DicomReader()

    def index(self) -> Index:
        labels = self._labels()
        names = labels.index.to_series()
        files = self.locate(names + ".dcm", "stage_2_train_images")
        images = pd.DataFrame({"name": names, "file": files, "split": ""})
        if (self.root / MAPPING).is_file():
            return self.assemble(images.assign(patient=self._patients(names)), labels, (OVERLAP,))
        return self.assemble(images.assign(patient=names), labels, (NO_PATIENTS, OVERLAP))

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
            raise self.wrong(f"an image has two values of '{self.label}'")
        return by_image.first()

    def _patients(self, names: pd.Series) -> pd.Series:
        try:
            rows = json.loads((self.root / MAPPING).read_text())
            patient = {row["subset_img_id"]: row["img_id"].split("_")[0] for row in rows}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self.wrong(f"{MAPPING} is not the mapping to NIH's names") from error
        unmapped = int((~names.isin(patient)).sum())
        if unmapped:
            raise self.wrong(f"{unmapped} images are not in {MAPPING}, so their patients are not known")
        return names.map(patient)
