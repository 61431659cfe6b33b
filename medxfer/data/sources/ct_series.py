"""data=ct_series: CT slices as a scanner leaves them, labelled by slice or by series."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from medxfer.base.errors import MedxferError
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.sources.folder_walk import walk
from medxfer.data.sources.source import HeaderIndexed, Index

NOT_DICOM = (".csv", ".txt", ".json", ".xml", ".md", ".pdf")


class CtSeries(HeaderIndexed, DicomFolder):
    """The CSV's path is a slice's file, a series' folder or a SeriesInstanceUID; a series' label is that of all its
    slices. Slices are in the order of their position along the normal, series by series. If the CSV has no column
    of patients, they are the headers' PatientID."""

    obtain = "your own CT slices, and a CSV with a row a slice or a row a series"

    def index(self) -> Index:
        images, labels = self.rows()
        files, links = walk(self.root)
        names = [file for file in files if Path(file).suffix.lower() not in NOT_DICOM]
        headers = self.survey(names)
        slices: dict[str, list[str]] = {}  # what a path of the CSV may be -> its slices
        for file, series in headers["series"].items():
            for name in (file, *Path(str(file)).parents, series):
                slices.setdefault(str(name), []).append(str(file))
        images["file"] = [slices.get(str(Path(path)), []) for path in images["name"]]
        images = images.explode("file").fillna({"file": ""})
        twice = images["name"][images["file"].duplicated(keep=False) & (images["file"] != "")]
        if len(twice):
            raise MedxferError(
                f"{self.labels}: '{twice.iloc[0]}' and '{twice.iloc[-1]}' name the same slice; "
                "label it by slice or by series, once"
            )
        # A file without a readable header is refused later; until then it is a patient of its own.
        patient = headers["patient"].where(headers["unreadable"] == "", headers.index.to_series())
        known = pd.DataFrame({"known": patient, "series": headers["series"], "position": headers["position"]})
        images = images.join(known, on="file").sort_values(["series", "position", "file"], kind="stable")
        if "patient" not in images and images["known"].fillna("").any():
            images["patient"] = images["known"]
        labels = labels.loc[images.index].reset_index(drop=True)
        index = self.assemble(images.drop(columns=known.columns).reset_index(drop=True), labels)
        return replace(index, headers=headers, left_out={**links, **index.left_out})
