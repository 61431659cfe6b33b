"""data=covidx_ct: COVIDx CT (Gunraj et al., Front Med 8:729287, 2022), slices of chest CT in its own split."""

import re

import pandas as pd

from medxfer.base.errors import unknown
from medxfer.data.sources.label_table import OTHER
from medxfer.data.sources.picture_file import PictureReader
from medxfer.data.sources.releases.release import Release
from medxfer.data.sources.source import Index
from medxfer.data.sources.tables import read_table

METADATA, PATIENT = "metadata.csv", "patient id"
PARTS = ("train", "val", "test")
CLASSES = {"0": "Normal", "1": "Pneumonia", "2": "COVID-19"}
COLUMNS = 6  # of a list, which has no header: file, class, and the body's box (xmin, ymin, xmax, ymax)
PEOPLE = ("age", "sex")
# Of the names that the release's sources gave: CP_10_3120_0032, study_0255-0012, 137covid_patient1_SR_2_IM00013; of
# others what stands before the number of the slice.
_BY_NAME = re.compile(r"(?:N?CP|Normal|study)_\d+(?!\d)|.*?patient_?\d+(?!\d)|.+(?=[-_]\D*\d+$)", re.IGNORECASE)
FROM_SOURCES = "classes come from different hospitals and countries, which a network may tell apart instead"
WINDOWED = "its images are PNG of 8 bits, windowed by the release; its boxes around the body are not applied"
BY_NAME = f"patients by the names of files, where {METADATA} does not name them"


class CovidxCt(Release):
    """`label` is class (Normal, Pneumonia, COVID-19), or one of the three against the others.

    A patient is the id in metadata.csv with which the file's name begins; without one, what the name itself tells.
    """

    obtain = (
        f"3A_images (or 2A_images), train_, val_ and test_COVIDx_CT-3A.txt and {METADATA} from "
        "kaggle.com/datasets/hgunraj/covidxct"
    )
    reader = PictureReader()

    def index(self) -> Index:
        if self.label not in ("class", *CLASSES.values()):
            choices = ("class", *CLASSES.values())
            raise unknown("data.label", str(self.label), choices, f"choose {', '.join(choices)}.")
        rows = self._rows()
        classes = rows["class"].map(CLASSES)
        if classes.isna().any() or rows["name"].duplicated().any():
            raise self.wrong("its lists have a class other than 0, 1 and 2, or an image twice")
        labels = classes if self.label == "class" else (classes == self.label).astype(float).to_frame(str(self.label))
        patients, said = self._patients(rows["name"])
        images = rows[["name", "split"]].assign(file=self.locate(rows["name"]), patient=patients)
        images = images.join(said[[key for key in PEOPLE if key in said]]).join(said.add_prefix(OTHER))
        by_name = (BY_NAME,) if not said.shape[1] or (said[PATIENT] == "").any() else ()
        return self.assemble(images, labels, (FROM_SOURCES, WINDOWED, *by_name))

    def _rows(self) -> pd.DataFrame:
        """Of the three lists of one version: name, class and split."""
        versions = sorted(path.stem.rpartition("-")[2] for path in self.root.glob("train_COVIDx_CT-*.txt"))
        if len(versions) != 1:
            raise self.wrong(f"holds the lists of {' and '.join(versions)}" if versions else "holds no list of parts")
        found = []
        for part in PARTS:
            name = f"{part}_COVIDx_CT-{versions[0]}.txt"
            if not (self.root / name).is_file():
                raise self.wrong(f"holds no {name}, but another list of the official split")
            rows = [line.split() for line in (self.root / name).read_text().splitlines() if line.strip()]
            if not all(len(row) == COLUMNS for row in rows):
                raise self.wrong(f"a line of {name} has not file, class and four numbers")
            found += [(row[0], row[1], part) for row in rows]
        return pd.DataFrame(found, columns=["name", "class", "split"])

    def _patients(self, names: pd.Series) -> tuple[pd.Series, pd.DataFrame]:
        """The patient of each image, and its row of metadata.csv, blank where there is none."""
        path = self.root / METADATA
        table = (
            read_table(path, [PATIENT], "download it again")
            if path.is_file()
            else pd.DataFrame({PATIENT: []}, dtype=str)
        )
        table = table.drop_duplicates(PATIENT).set_index(PATIENT, drop=False)
        stems = names.str.replace(r"\.\w+$", "", regex=True)
        known = stems.map(lambda stem: _beginning(stem, table.index))
        said = table.reindex(known).fillna("").reset_index(drop=True)
        patients = known.where(
            known != "", stems.map(lambda stem: found[0] if (found := _BY_NAME.match(stem)) else stem)
        )
        return patients, said if path.is_file() else pd.DataFrame(index=names.index)


def _beginning(stem: str, ids: pd.Index) -> str:
    """The longest of `ids` with which `stem` begins, up to "-" or "_"; "" if there is none."""
    ends = [len(stem), *(found.start() for found in reversed(list(re.finditer(r"[-_]", stem))))]
    return next((stem[:end] for end in ends if stem[:end] in ids), "")
