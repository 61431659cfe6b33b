"""The LightningDataModule of files that no data set lists: decoded as a store's, served in batches, kept nowhere."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from medxfer.base.batch import GrayBatch, RenderedBatch
from medxfer.base.errors import ImageError
from medxfer.data.store.decode import Decoded, Decoder
from medxfer.data.store.gray_file import deepened
from medxfer.data.workers import in_processes


class Place(NamedTuple):
    """Where an image comes from."""

    file: int  # in the list of files
    frame: int  # in the file


class NewImages(pl.LightningDataModule):
    """Serves the images of `files` for prediction, in order, rendered on the device.

    While it serves them, `places` gets the place of each image (a batch's `row` counts them), and `refused` says of
    each other file (its place in `files`) why it is none.
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

    def predict_dataloader(self) -> DataLoader[GrayBatch]:
        return DataLoader(_Stream(self.batches), batch_size=None)

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
        if np.uint16 in (self.dtype, *(picture.dtype for picture in pictures)):
            pictures = [deepened(picture) if picture.dtype == np.uint8 else picture for picture in pictures]
        rows = torch.arange(len(self.places) - len(pictures), len(self.places))
        return GrayBatch(torch.from_numpy(np.stack(pictures)), torch.zeros_like(rows), rows)


class _Stream(IterableDataset[GrayBatch]):
    def __init__(self, batches: Callable[[], Iterator[GrayBatch]]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        return self.batches()
