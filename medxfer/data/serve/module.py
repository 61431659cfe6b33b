"""The LightningDataModules: batches of gray from a store, or from new files, rendered on the device."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler

from medxfer.base.batch import FeatureBatch, GrayBatch, RenderedBatch
from medxfer.base.errors import ImageError
from medxfer.data.processes import in_processes
from medxfer.data.serve.balance import image_chances
from medxfer.data.serve.usual import Tone, tone
from medxfer.data.store.decode import Decoded, Decoder, deepened
from medxfer.data.store.gray_store import GrayStore

SHARE = 0.25  # of a device's free memory that images may take; several cells can share a device
CHUNK = 1024  # images copied at once
EVALUATED = 4  # times as many images are in a batch that is not trained on
Batch = TypeVar("Batch", GrayBatch, FeatureBatch)


def batches_of(part: str, images: int, batch_size: int) -> int:
    """How many batches the `images` of a part are served in."""
    if part != "train":
        return -(-images // (EVALUATED * batch_size))
    return -(-images // batch_size) - _drops_last(images, batch_size)


def _drops_last(images: int, batch_size: int) -> bool:
    """Whether training leaves the last batch out: of one image it would break batch norm; not where it is the only."""
    return images % batch_size == 1 and images > 1


class Rendered(pl.LightningDataModule):
    """Batches of gray that `renderer` renders on the device, once they are there; nothing is augmented."""

    def __init__(self, renderer: nn.Module, batch_size: int) -> None:
        super().__init__()
        self.renderer, self.batch_size = renderer, batch_size

    def setup(self, stage: str) -> None:
        assert self.trainer is not None
        self.renderer.to(self.trainer.strategy.root_device)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return self.renderer(batch)


class GrayDataModule(Rendered):
    """Serves the parts "train", "val" and "test" of a store; `parts` (N,) names each image's.

    Every draw depends on (`seed`, epoch, batch) alone, so that arms with the same seed see the same images in the same
    order with the same augmentation (common random numbers), and a resumed training sees what it would have seen.
    """

    def __init__(
        self,
        store: GrayStore,
        parts: NDArray[np.str_],
        renderer: nn.Module,
        batch_size: int,
        seed: int,
        balanced: bool = False,
    ) -> None:
        """Serve `store`; `balanced` draws training images with replacement, every class as often as any other."""
        super().__init__(renderer, batch_size)
        self.store, self.parts, self.seed, self.balanced = store, parts, seed, balanced
        self.images: StoredBatches[Any] = mapped(store)
        self.served = 0  # batches of the running epoch that a resumed training has seen

    def use_features(self, features: Tensor) -> None:
        """From now on serve `features` (N, D), what a frozen network makes of the images, instead of the images."""
        self.images = StoredBatches(features, self.store.labels, FeatureBatch)

    def state_dict(self) -> dict[str, int]:
        """How many batches of the running epoch are behind; 0 at its end."""
        assert self.trainer is not None
        return {"served": (self.trainer.fit_loop.batch_idx + 1) % int(self.trainer.num_training_batches)}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self.served = state_dict["served"]

    def setup(self, stage: str) -> None:
        assert self.trainer is not None
        self.place(self.trainer.strategy.root_device)

    def place(self, device: torch.device) -> None:
        """Put on `device` what makes its batches: the renderer, and the images if they fit."""
        self.renderer.to(device)
        if self.images.kind is GrayBatch and (gray := resident(self.store, device)) is not None:
            self.images = StoredBatches(gray, self.store.labels, GrayBatch)

    def train_dataloader(self) -> DataLoader[GrayBatch]:
        rows = np.flatnonzero(self.parts == "train")
        chances = image_chances(self.store.labels[rows]) if self.balanced else None
        order = SeededOrder(rows, self.seed, chances)
        drop_last = _drops_last(len(rows), self.batch_size)
        return self._loader(ResumedBatches(order, self.batch_size, drop_last, self.served))

    def val_dataloader(self) -> DataLoader[GrayBatch]:
        return self._in_order("val")

    def test_dataloader(self) -> DataLoader[GrayBatch]:
        return self._in_order("test")

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> RenderedBatch | FeatureBatch:
        """Gray becomes what the network sees, on the device; augmented in training only."""
        trainer = self.trainer
        if isinstance(batch, FeatureBatch):
            return batch
        key = None
        if trainer is not None and trainer.training:  # Lightning counts a batch once it has been transferred
            key = (self.seed, trainer.current_epoch, trainer.fit_loop.batch_idx + 1)
        rendered: RenderedBatch = self.renderer(batch, key)
        return rendered

    def _in_order(self, part: str) -> DataLoader[GrayBatch]:
        rows = np.flatnonzero(self.parts == part).tolist()
        return self._loader(BatchSampler(rows, EVALUATED * self.batch_size, drop_last=False))

    def _loader(self, batches: BatchSampler) -> DataLoader[GrayBatch]:
        # __getitems__ returns whole batches, so there is nothing to collate and no process to start.
        return DataLoader(self.images, batch_sampler=batches, collate_fn=lambda batch: batch)


class Place(NamedTuple):
    """Where an image comes from."""

    file: int  # in the list of files
    frame: int  # in the file
    tone: Tone


class NewImages(Rendered):
    """Serves the images of `files` for prediction, in order, rendered on the device; nothing is kept.

    While it serves them, `places` gets the place of each image (a batch's `row` counts them), and `refused` gets the
    reason for each other file, by its place in `files`.
    """

    def __init__(
        self, files: Sequence[Path], decoder: Decoder, dtype: np.dtype, renderer: nn.Module, batch_size: int
    ) -> None:
        """`dtype` is the store's that the network was trained from; other settings as for a store."""
        super().__init__(renderer, batch_size)
        self.files, self.decoder, self.dtype = files, decoder, dtype
        self.places: list[Place] = []
        self.refused: dict[int, str] = {}

    def predict_dataloader(self) -> Iterator[GrayBatch]:
        return self.batches()

    def batches(self) -> Iterator[GrayBatch]:
        """Gray as a store holds it; `row` counts the images from 0, and labels are 0."""
        self.places, self.refused = [], {}
        pictures: list[NDArray[Any]] = []
        for place, picture in self._decoded():
            self.places.append(place)
            pictures.append(picture)
            if len(pictures) == self.batch_size:
                yield self._batch(pictures)
                pictures = []
        if pictures:
            yield self._batch(pictures)

    def _decoded(self) -> Iterator[tuple[Place, NDArray[Any]]]:
        waiting: dict[int, Any] = {}  # files are done in any order
        following = 0
        for done, outcome in in_processes(self.decoder, [str(file) for file in self.files]):
            waiting[done] = outcome
            while following in waiting:
                now = waiting.pop(following)
                if isinstance(now, Decoded):
                    for frame, picture in enumerate(now.gray):
                        yield Place(following, frame, tone(picture)), picture
                else:
                    self.refused[following] = f"{now.kind}: {now.reason}" if isinstance(now, ImageError) else now
                following += 1

    def _batch(self, pictures: list[NDArray[Any]]) -> GrayBatch:
        dtype = np.result_type(self.dtype, *pictures)
        pictures = [deepened(picture, dtype) for picture in pictures]
        rows = torch.arange(len(self.places) - len(pictures), len(self.places))
        return GrayBatch(torch.from_numpy(np.stack(pictures)), torch.zeros_like(rows), rows)


class StoredBatches(Dataset[Batch]):
    """Batches of a store's images: gray in the memory map or on a device, or what a network makes of it."""

    def __init__(self, values: NDArray[Any] | Tensor, labels: NDArray[Any], kind: type[Batch]) -> None:
        """Serve `values`, (N, H, W) gray or (N, D) features, as batches of `kind`."""
        self.values = values
        self.kind: type[Batch] = kind
        self.labels = torch.as_tensor(labels, device=values.device if isinstance(values, Tensor) else None)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, rows: list[int]) -> Batch:
        index = torch.tensor(rows).to(self.labels.device, non_blocking=True)  # else every step waits for the last one
        if not isinstance(self.values, Tensor):
            values = torch.from_numpy(self.values[rows])  # one indexed read of the memory map
        elif self.values.dtype == torch.uint16:  # CUDA has no gather of these
            values = self.values.view(torch.int16)[index].view(torch.uint16)
        else:
            values = self.values[index]
        return self.kind(values, self.labels[index], index)


def mapped(store: GrayStore) -> StoredBatches[GrayBatch]:
    """The store's images as they lie in its memory map."""
    return StoredBatches(store.gray, store.labels, GrayBatch)


@lru_cache(maxsize=1)
def resident(store: GrayStore, device: torch.device) -> Tensor | None:
    """The store's images on `device`, (N, H, W) of its dtype; kept for the next cells until another store is asked
    for, so that a sweep of image_size does not fill the device.

    None if they stay in the memory map: for a CPU, which reads it as fast, and if they would take more than a quarter
    of the device's free memory.
    """
    if device.type != "cuda" or store.gray.nbytes > SHARE * torch.cuda.mem_get_info(device)[0]:
        return None
    return moved(store, device)


def moved(store: GrayStore, device: torch.device) -> Tensor:
    """A copy of the store's images on `device`."""
    first = torch.from_numpy(store.gray[:1].copy())
    images = torch.empty(store.gray.shape, dtype=first.dtype, device=device)
    for start in range(0, len(images), CHUNK):
        images[start : start + CHUNK] = torch.from_numpy(store.gray[start : start + CHUNK].copy()).to(device)
    return images


class SeededOrder(Sampler[int]):
    """A new order of `rows` in every epoch, by (`seed`, epoch) alone; Lightning calls `set_epoch`.

    With `chances`, one a row, as many are drawn with replacement.
    """

    def __init__(self, rows: NDArray[np.int64], seed: int, chances: NDArray[np.float64] | None = None) -> None:
        self.rows, self.seed, self.chances, self.epoch = rows, seed, chances, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng([self.seed, self.epoch])
        if self.chances is None:
            return iter(random.permutation(self.rows).tolist())
        return iter(random.choice(self.rows, len(self.rows), p=self.chances).tolist())


class ResumedBatches(BatchSampler):
    """Batches whose first pass leaves out the first `served`; later ones are whole."""

    def __init__(self, order: Sampler[int], batch_size: int, drop_last: bool, served: int) -> None:
        super().__init__(order, batch_size, drop_last)
        self.served = served

    def __iter__(self) -> Iterator[list[int]]:
        served, self.served = self.served, 0  # at the first batch: Lightning also makes iterators that it never uses
        yield from islice(super().__iter__(), served, None)
