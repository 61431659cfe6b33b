"""data=ct_series: CT slices as a scanner leaves them, labelled by slice or by series."""

from dataclasses import asdict, replace
from typing import Any

import pandas as pd

from medxfer.base.errors import MedxferError
from medxfer.base.words import count
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.sources.folder_walk import walk
from medxfer.data.sources.keep import is_localizer
from medxfer.data.sources.slices import ORDER, parse_slices, series_names, stacks_caveat, unchosen_slices
from medxfer.data.sources.source import Index


class CtSeries(DicomFolder):
    """A row of the table names a slice, a series (its folder or SeriesInstanceUID) or a study; its label is that of all
    its slices. Slices are in the order of their position along the normal, series by series and plane by plane.
    `slices` chooses those of each series, as `parse_slices` takes it."""

    obtain = "your own CT slices, and a table with a row a slice or a row a series"

    def __init__(self, *, slices: str = "all", **source: Any) -> None:
        super().__init__(**source)
        self.slices = parse_slices(str(slices))

    def settings(self) -> dict[str, object]:
        return {**super().settings(), "slices": asdict(self.slices)}

    def unchosen(self, headers: pd.DataFrame) -> pd.Series:
        """What data.slices leaves out of each series. Raises MedxferError where it cannot choose."""
        read = headers[headers["unreadable"] == ""] if self.slices.kind != "all" else headers.iloc[:0]
        of = count(len(read), "file")
        if lost := int((read["series"] == "").sum()):
            raise MedxferError(
                f"data.slices: {lost} of {of} {'states' if lost == 1 else 'state'} no SeriesInstanceUID, so that their "
                "place in a series is not known: leave them out, or use data.slices=all"
            )
        if lost := int(read["position"].isna().sum()):
            raise MedxferError(
                f"data.slices: {lost} of {of} {'states' if lost == 1 else 'state'} no ImagePositionPatient and "
                "-Orientation, so that the order of slices is not known: leave them out, or use data.slices=all"
            )
        if several := int((read["frames"] > 1).sum()):
            raise MedxferError(
                f"data.slices: {several} of {of} {'has' if several == 1 else 'have'} several frames, among which it "
                "does not choose: use data.slices=all, or one frame by data.frame="
            )
        return unchosen_slices(headers, self.slices)

    def index(self) -> Index:
        images, labels, caveats = self.matched()
        headers = self.survey(self.offered())
        places = headers[ORDER].assign(series=series_names(headers))
        images = images.join(places, on="file").sort_values([*ORDER, "file"], kind="stable")
        caveats = (*caveats, *stacks_caveat(headers[headers.index.isin(images["file"]) & ~is_localizer(headers)]))
        labels = labels.loc[images.index].reset_index(drop=True)
        index = self.assemble(images.drop(columns=["plane", "position"]).reset_index(drop=True), labels, caveats)
        return replace(index, headers=headers, left_out={**walk(self.root).left_out, **index.left_out})
