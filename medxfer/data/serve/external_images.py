"""The LightningDataModule of an external set: its images in order, rendered on the device, for prediction."""

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader

from medxfer.base.batch import GrayBatch, RenderedBatch
from medxfer.data.external import ExternalSet
from medxfer.data.serve.module import StoredBatches
from medxfer.data.store.decode import deepened


class ExternalImages(pl.LightningDataModule):
    """Serves the images of `external` that are scored; nothing is augmented."""

    def __init__(self, external: ExternalSet, dtype: np.dtype, renderer: nn.Module, batch_size: int) -> None:
        """`dtype` is that of the store which the network was trained from; gray is made as deep as it is."""
        super().__init__()
        self.external, self.renderer, self.batch_size = external, renderer, batch_size
        self.images = _Deepened(external, np.result_type(dtype, external.store.gray.dtype))

    def setup(self, stage: str) -> None:
        assert self.trainer is not None
        self.renderer.to(self.trainer.strategy.root_device)

    def predict_dataloader(self) -> DataLoader[GrayBatch]:
        # By `sampler`: of a batch sampler Lightning makes a new one, over all images of the store.
        rows = self.external.rows.tolist()
        return DataLoader(self.images, batch_size=self.batch_size, sampler=rows, collate_fn=lambda batch: batch)

    def on_after_batch_transfer(self, batch: GrayBatch, dataloader_idx: int) -> RenderedBatch:
        rendered: RenderedBatch = self.renderer(batch)
        return rendered


def external_scores(trainer: pl.Trainer, model: pl.LightningModule, images: ExternalImages) -> NDArray[np.float32]:
    """The scores of the model as it is, (M, C), in the order of the set's rows."""
    found = trainer.predict(model, images)
    assert found is not None
    rows, scores = (torch.cat([batch[part] for batch in found]).cpu().numpy() for part in (0, 1))
    assert np.array_equal(rows, images.external.rows)
    return np.asarray(scores)


class _Deepened(StoredBatches[GrayBatch]):
    """The images of an external set's store, in the dtype that the network takes."""

    def __init__(self, external: ExternalSet, dtype: np.dtype) -> None:
        super().__init__(external.store.gray, np.zeros(len(external.store), np.int64), GrayBatch)
        self.gray, self.dtype = external.store.gray, dtype

    def __getitems__(self, rows: list[int]) -> GrayBatch:
        index = torch.tensor(rows)
        return GrayBatch(torch.from_numpy(deepened(self.gray[rows], self.dtype)), self.labels[index], index)
