"""data=siim_acr: the SIIM-ACR Pneumothorax Segmentation challenge (2019), as pneumothorax or not."""

from pathlib import PurePosixPath

import pandas as pd

from medxfer.data.sources.dicom_file import DicomReader
from medxfer.data.sources.folder_walk import walk
from medxfer.data.sources.releases.release import Release
from medxfer.data.sources.releases.rsna_pneumonia import OVERLAP
from medxfer.data.sources.source import Index, Source

TABLES = ("train-rle.csv", "stage_2_train.csv")  # as Google's Healthcare API and as Kaggle gave it
IMAGE, MASK, NO_MASK = "ImageId", "EncodedPixels", "-1"
FINDINGS = ("pneumothorax",)
PATIENTS = "its headers do not tell who is a patient of ChestX-ray14, so a patient may count several times"


class SiimAcr(Release):
    """An image is positive if it has a mask; it may have several, a row each. `label` is pneumothorax.

    Files are found at any depth by their stem, which is the ImageId; dicom-images-test has no labels.
    """

    remedy = Source.remedy  # it has one label
    obtain = f"dicom-images-train and {TABLES[0]} (or {TABLES[1]}) from kaggle.com/c/siim-acr-pneumothorax-segmentation"
    reader = DicomReader()

    def index(self) -> Index:
        (finding,) = self.findings(FINDINGS)
        rows = self.table(TABLES, [IMAGE, MASK])
        masks = rows[MASK].str.strip()
        has_mask = (masks != NO_MASK).astype(float).where(masks != "")
        of_image = has_mask.groupby(rows[IMAGE].str.strip(), sort=False)
        if (of_image.nunique() > 1).any():
            raise self.wrong("an image of its table has a mask, and a row that says it has none")
        labels = of_image.first()
        found = {PurePosixPath(file).stem: file for file in walk(self.root).files if file.endswith(".dcm")}
        names = labels.index.to_series().reset_index(drop=True)
        files = names.map(lambda name: found.get(name, ""))
        images = pd.DataFrame({"name": names, "file": files, "split": ""})
        return self.assemble(images, labels.reset_index(drop=True).to_frame(finding), (PATIENTS, OVERLAP))
