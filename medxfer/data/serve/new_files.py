"""Files that no data set lists: found, and read as the sources of training read theirs. Free of torch: it is imported
by the processes that decode."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import ImageError, MedxferError
from medxfer.data.header_facts import HeaderFacts, no_image
from medxfer.data.sources.dicom_file import DicomReader
from medxfer.data.sources.file_kinds import is_picture
from medxfer.data.sources.folder_walk import walk
from medxfer.data.sources.keep import Keep, left_out_by_rule
from medxfer.data.sources.nifti_file import NiftiReader, is_volume
from medxfer.data.sources.picture_file import PictureReader
from medxfer.data.sources.reading_files import FileReader
from medxfer.data.sources.slices import ORDER, parse_slices, unchosen_slices
from medxfer.data.sources.source import survey_of
from medxfer.data.store.rejected import LIFTED_BY


class Found(NamedTuple):
    """What a user named: `files`, and for each reason how many links, files and folders give none."""

    files: list[Path]
    left_out: dict[str, int]


def find_files(images: Path) -> Found:
    """The file `images`, or every file in that folder and below that `walk` finds, in the order of their names.

    Raises MedxferError where there is none.
    """
    what = "give a DICOM, PNG, JPEG or NIfTI file, or a folder of them"
    if images.is_file():
        return Found([images], {})
    if not images.is_dir():
        link = "a link that leads nowhere" if images.is_symlink() else "no such file or folder"
        raise MedxferError(f"images={images}: {link}; {what}")
    names, links = walk(images)
    left_out = {reason: len(of_reason) for reason, of_reason in links.items()}
    if not names:
        why = ", ".join(f"{number} {reason}" for reason, number in left_out.items())
        raise MedxferError(f"images={images}: the folder {f'holds no file ({why})' if why else 'is empty'}; {what}")
    return Found([images / name for name in names], left_out)


@dataclass(frozen=True)
class NewFiles:
    """Reads DICOM files and pictures, each recognised by its content, and NIfTI volumes, as training did."""

    modality: str  # of the images that the network was trained on, as a data set has it ("CT", "CR+DX", "images")
    dicom: DicomReader = field(default_factory=DicomReader)  # what training read DICOM files with
    nifti: NiftiReader = field(default_factory=NiftiReader)  # the same of NIfTI volumes; each slice is an image
    keep: Keep = field(default_factory=dict)  # data.keep of the training
    slices: str = "all"  # data.slices of the training

    def header(self, path: Path) -> HeaderFacts:
        """What is known of a file without its pixels. Raises ImageError if it cannot be an image."""
        return self._reader(path).header(path)

    def survey(self, files: Sequence[Path]) -> pd.DataFrame:
        """As `Source.survey`, of `files` in the same order."""
        return survey_of([str(file) for file in files], self._facts)

    def left_out(self, headers: pd.DataFrame) -> pd.Series:
        """Why each file of a folder is left out by rule, as the training's data set would leave it out; "" for the
        others. `headers` are those of all files, as `survey` gives them."""
        reasons = left_out_by_rule(headers, self.keep)
        kept = headers[reasons == ""].rename_axis("file").sort_values([*ORDER, "file"], kind="stable")
        unchosen = unchosen_slices(kept, parse_slices(self.slices))
        return reasons.mask(reasons == "", unchosen.reindex(reasons.index))

    def _facts(self, file: str) -> HeaderFacts:
        try:
            return self.header(Path(file))
        except (ImageError, OSError) as error:
            return no_image(error.kind if isinstance(error, ImageError) else "unreadable")

    def other_kind(self, modality: str) -> str:
        """What cannot be compared of a file of this `modality`, because it or the training said none; or ""."""
        known = self.modality.split("+")
        if modality in known:
            return ""
        if modality == "images":
            return f"it says no modality, the cell was trained on {self.modality}"
        return f"its modality is {modality}, the cell was trained on pictures that say none"

    def pictures(self, file: str, hounsfield: bool) -> Iterator[NDArray[Any]]:
        """As `Reading.pictures`. Raises ImageError also if the modality is not that of training."""
        path = Path(file)
        reader, known = self._reader(path), self.modality.split("+")
        if not isinstance(reader, PictureReader):
            facts = reader.header(path)
            if not facts.unreadable and facts.modality not in known and (hounsfield or "images" not in known):
                reason = f"its modality is {facts.modality}, the cell was trained on {self.modality}"
                raise ImageError(path, "another modality", reason)
        try:
            yield from reader.pictures(path, hounsfield)
        except ImageError as error:
            setting, _ = LIFTED_BY.get(error.kind, ("", ""))
            what, _, way_out = error.reason.partition("; ")
            if not (way_out and hasattr(reader, setting)):
                raise
            reason = f"{what}; a cell that was trained with data.{setting}= takes it"  # there is no such setting here
            raise ImageError(path, error.kind, reason) from error

    def _reader(self, path: Path) -> FileReader:
        if is_volume(path):
            return self.nifti
        return PictureReader(self.dicom.frame) if is_picture(path) else self.dicom
