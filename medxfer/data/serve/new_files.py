"""Files that no data set lists: found, read as the sources of training read theirs, and served for prediction."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import nn

from medxfer.base.batch import GrayBatch, RenderedBatch
from medxfer.base.errors import ImageError, MedxferError
from medxfer.data.processes import in_processes
from medxfer.data.sources.dicom_folder import DicomReader
from medxfer.data.sources.picture_folder import PictureReader
from medxfer.data.store.decode import Decoded, Decoder, deepened

_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM")  # PNG, JPEG, TIFF twice, BMP


def find_files(images: Path) -> list[Path]:
    """The file `images`, or every file in that folder and below, in the order of their names; none that is hidden.

    Raises MedxferError where there is none.
    """
    what = "give a DICOM, PNG or JPEG file, or a folder of them"
    if images.is_file():
        return [images]
    if not images.is_dir():
        raise MedxferError(f"images={images}: no such file or folder; {what}")
    found = (path for path in sorted(images.rglob("*")) if path.is_file())
    files = [path for path in found if not any(part.startswith(".") for part in path.relative_to(images).parts)]
    if not files:
        raise MedxferError(f"images={images}: the folder is empty; {what}")
    return files


class NewFiles:
    """Reads DICOM files and pictures, each recognised by its content."""

    def __init__(self, modality: str, dicom: DicomReader | None = None) -> None:
        """Read as training did.

        Args:
            modality: of the images that the network was trained on, as a data set has it ("CT", "CR+DX", "images").
            dicom: what training read DICOM files with; by default, a reader without options.
        """
        self.modality, self.dicom = modality, dicom or DicomReader()

    def pictures(self, file: str, hounsfield: bool) -> Iterator[NDArray[Any]]:
        """As `Source.pictures`. Raises ImageError also if the modality is not that of training."""
        path = Path(file)
        if _is_picture(path):
            yield from PictureReader().pictures(path, hounsfield)
            return
        modality, known = self.dicom.header(path).modality, self.modality.split("+")
        if modality not in known and (hounsfield or "images" not in known):
            reason = f"its modality is {modality}, the cell was trained on {self.modality}"
            raise ImageError(path, "another modality", reason)
        yield from self.dicom.pictures(path, hounsfield)


def _is_picture(path: Path) -> bool:
    """By content: how files begin; a DICOM file may begin as a TIFF."""
    try:
        with path.open("rb") as stream:
            start = stream.read(132)
    except OSError:
        return False  # the DICOM reader says what is wrong with it
    return start.startswith(_PICTURES) and start[128:] != b"DICM"


class Place(NamedTuple):
    """Where an image comes from."""

    file: int  # in the list of files
    frame: int  # in the file


class NewImages(pl.LightningDataModule):
    """Serves the images of `files` for prediction, in order, rendered on the device; nothing is kept.

    While it serves them, `places` gets the place of each image (a batch's `row` counts them), and `refused` gets the
    reason for each other file, by its place in `files`.
    """

    def __init__(
        self, files: Sequence[Path], decoder: Decoder, dtype: np.dtype, renderer: nn.Module, batch_size: int
    ) -> None:
        """`dtype` is the store's that the network was trained from; other settings as for a store."""
        super().__init__()
        self.files, self.decoder, self.dtype = files, decoder, dtype
        self.renderer, self.batch_size = renderer, batch_size
        self.places: list[Place] = []
        self.refused: dict[int, str] = {}

    def setup(self, stage: str) -> None:
        assert self.trainer is not None
        self.renderer.to(self.trainer.strategy.root_device)

    def predict_dataloader(self) -> Iterator[GrayBatch]:
        return self.batches()

    def on_after_batch_transfer(self, batch: GrayBatch, dataloader_idx: int) -> RenderedBatch:
        return self.renderer(batch)

    def batches(self) -> Iterator[GrayBatch]:
        """Gray as a store holds it; `row` counts the images from 0, and labels are 0."""
        self.places, self.refused = [], {}
        pictures: list[NDArray] = []
        for place, picture in self._decoded():
            self.places.append(place)
            pictures.append(picture)
            if len(pictures) == self.batch_size:
                yield self._batch(pictures)
                pictures = []
        if pictures:
            yield self._batch(pictures)

    def _decoded(self) -> Iterator[tuple[Place, NDArray]]:
        waiting: dict[int, Any] = {}  # files are done in any order
        following = 0
        for done, outcome in in_processes(self.decoder, [str(file) for file in self.files]):
            waiting[done] = outcome
            while following in waiting:
                now = waiting.pop(following)
                if isinstance(now, Decoded):
                    yield from ((Place(following, frame), picture) for frame, picture in enumerate(now.gray))
                else:
                    self.refused[following] = f"{now.kind}: {now.reason}" if isinstance(now, ImageError) else now
                following += 1

    def _batch(self, pictures: list[NDArray]) -> GrayBatch:
        dtype = np.result_type(self.dtype, *pictures)
        pictures = [deepened(picture, dtype) for picture in pictures]
        rows = torch.arange(len(self.places) - len(pictures), len(self.places))
        return GrayBatch(torch.from_numpy(np.stack(pictures)), torch.zeros_like(rows), rows)
