"""The LightningDataModule of an external set: its images in order, rendered on the device, for prediction."""

from collections.abc import Iterator

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import nn

from medxfer.base.batch import GrayBatch
from medxfer.data.external import ExternalSet
from medxfer.data.serve.module import Rendered
from medxfer.data.store.decode import deepened


class ExternalImages(Rendered):
    """Serves the images of `external` that are scored."""

    def __init__(self, external: ExternalSet, dtype: np.dtype, renderer: nn.Module, batch_size: int) -> None:
        """`dtype` is that of the store which the network was trained from; gray is made as deep as it is."""
        super().__init__(renderer, batch_size)
        self.external, self.dtype = external, np.result_type(dtype, external.store.gray.dtype)

    def predict_dataloader(self) -> Iterator[GrayBatch]:
        gray, rows = self.external.store.gray, self.external.rows
        for start in range(0, len(rows), self.batch_size):
            batch = rows[start : start + self.batch_size]
            pictures = torch.from_numpy(deepened(gray[batch], self.dtype))
            yield GrayBatch(pictures, torch.zeros(len(batch), dtype=torch.int64), torch.from_numpy(batch))


def external_scores(trainer: pl.Trainer, model: pl.LightningModule, images: ExternalImages) -> NDArray[np.float32]:
    """The scores of the model as it is, (M, C), in the order of the set's rows."""
    found = trainer.predict(model, images)
    assert found is not None
    rows, scores = (torch.cat([batch[part] for batch in found]).cpu().numpy() for part in (0, 1))
    assert np.array_equal(rows, images.external.rows)
    return np.asarray(scores)
