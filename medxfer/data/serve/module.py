"""The LightningDataModule: batches of gray from the store, rendered on the device."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler

from medxfer.base.batch import FeatureBatch, GrayBatch, RenderedBatch
from medxfer.data.serve.balance import image_chances
from medxfer.data.serve.resident import resident
from medxfer.data.store.build import GrayStore

Batch = TypeVar("Batch", GrayBatch, RenderedBatch, FeatureBatch)


class GrayDataModule(pl.LightningDataModule):
    """Serves the parts "train", "val" and "test" of a store; `parts` (N,) names each image's.

    Every draw depends on (`seed`, epoch, batch) alone, so that arms with the same seed see the same images in the same
    order with the same augmentation (common random numbers), and a resumed training sees what it would have seen.
    Where several processes train one network, each takes its part of every batch, so that their number changes nothing.
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
        super().__init__()
        self.store, self.parts, self.renderer = store, parts, renderer
        self.batch_size, self.seed, self.balanced = batch_size, seed, balanced
        self.images: Dataset[Any] = GrayImages(store)
        self.served = 0  # batches of the running epoch that a resumed training has seen

    def use_features(self, features: Tensor) -> None:
        """From now on serve the store's images as what a frozen network makes of them: (N, D), a row an image."""
        self.images = FeatureRows(features, torch.from_numpy(self.store.labels))

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
        """Put on `device` what makes its batches: the renderer, and the images where they fit."""
        self.renderer.to(device)
        if isinstance(self.images, GrayImages) and (gray := resident(self.store, device)) is not None:
            self.images = ResidentImages(gray, torch.from_numpy(self.store.labels))

    def train_dataloader(self) -> DataLoader[GrayBatch]:
        rows = np.flatnonzero(self.parts == "train")
        chances = image_chances(self.store.labels[rows]) if self.balanced else None
        order = SeededOrder(rows, self.seed, chances)
        # A last batch of one image would break batch norm; it is left out where there are others.
        drop_last = len(rows) % self.batch_size == 1 and len(rows) > 1
        return self._loader(ResumedBatches(order, self.batch_size, drop_last, self.served))

    def val_dataloader(self) -> DataLoader[GrayBatch]:
        return self._in_order("val")

    def test_dataloader(self) -> DataLoader[GrayBatch]:
        return self._in_order("test")

    def on_after_batch_transfer(
        self, batch: GrayBatch | FeatureBatch, dataloader_idx: int
    ) -> RenderedBatch | FeatureBatch:
        """Gray becomes what the network sees, on the device; augmented in training only."""
        if isinstance(batch, FeatureBatch):
            return self._own_part(batch)
        trainer = self.trainer
        if trainer is None or not trainer.training:
            return self.renderer(self._own_part(batch), None)
        number = trainer.fit_loop.batch_idx + 1  # Lightning counts a batch once it has been transferred
        # The draws are the whole batch's, so each process renders all of it.
        return self._own_part(self.renderer(batch, (self.seed, trainer.current_epoch, number)))

    def _own_part(self, batch: Batch) -> Batch:
        """This process's images of a batch; all of them where there are fewer than processes."""
        processes, rank = (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        if processes == 1 or len(batch.label) < processes:
            return batch
        return type(batch)(*(column.tensor_split(processes)[rank] for column in batch))

    def _in_order(self, part: str) -> DataLoader[GrayBatch]:
        rows = np.flatnonzero(self.parts == part).tolist()
        return self._loader(BatchSampler(rows, 4 * self.batch_size, drop_last=False))

    def _loader(self, batches: BatchSampler) -> DataLoader[GrayBatch]:
        # __getitems__ returns whole batches, so there is nothing to collate and no process to start.
        return DataLoader(self.images, batch_sampler=batches, collate_fn=_as_is)


class GrayImages(Dataset[GrayBatch]):
    """The store as batches: one indexed read of the memory map each."""

    def __init__(self, store: GrayStore) -> None:
        self.gray, self.labels = store.gray, torch.from_numpy(store.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> GrayBatch:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> GrayBatch:
        index = torch.tensor(rows)
        return GrayBatch(torch.from_numpy(self.gray[rows]), self.labels[index], index)


class ResidentImages(Dataset[GrayBatch]):
    """Images on a device as batches that are there."""

    def __init__(self, gray: Tensor, labels: Tensor) -> None:
        self.gray, self.labels = gray, labels.to(gray.device)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> GrayBatch:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> GrayBatch:
        index = torch.tensor(rows, device=self.gray.device)
        if self.gray.dtype == torch.uint16:  # CUDA has no gather of these
            return GrayBatch(self.gray.view(torch.int16)[index].view(torch.uint16), self.labels[index], index)
        return GrayBatch(self.gray[index], self.labels[index], index)


class FeatureRows(Dataset[FeatureBatch]):
    """Features in memory as batches."""

    def __init__(self, features: Tensor, labels: Tensor) -> None:
        self.features, self.labels = features, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> FeatureBatch:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> FeatureBatch:
        index = torch.tensor(rows)
        return FeatureBatch(self.features[index], self.labels[index], index)


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


def _as_is(batch: Any) -> Any:
    return batch


def part_sizes(parts: NDArray[np.str_], patients: NDArray) -> dict[str, dict[str, int]]:
    """Images and patients in each part, for the record."""
    names = ("train", "val", "test")
    return {
        "images": {name: int((parts == name).sum()) for name in names},
        "patients": {name: len(set(patients[parts == name])) for name in names},
    }
