"""Our input pipeline as the Trainer runs it, and a plain training loop to feed."""

from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from medxfer.base.batch import RenderedBatch
from medxfer.color import Augment, ColorTransform, Renderer
from medxfer.data.serve.module import GrayDataModule
from medxfer.data.sources.dicom_folder import DicomFolder
from medxfer.data.sources.picture_folder import ImageFolder
from medxfer.data.store.dataset import open_dataset
from medxfer.data.store.gray_store import GrayStore
from medxfer.data.store.open import open_store
from medxfer.model.backbone import create_backbone
from medxfer.model.recipe import create_optimizer, parameter_groups

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH = 32


def store_of(folder: Path, size: int, root: Path) -> GrayStore:
    kind = ImageFolder if next(folder.glob("*.png"), None) else DicomFolder
    return open_store(open_dataset(kind(str(folder), str(folder / "labels.csv")), root), size, hounsfield=False)


def batches(store: GrayStore, batch: int = BATCH, augmented: bool = True) -> Callable[[], Iterator[RenderedBatch]]:
    """Epochs of coloured batches on the device, as the Trainer gets them."""
    renderer = Renderer(ColorTransform("viridis", MEAN, STD), None, Augment() if augmented else None)
    data = GrayDataModule(store, np.full(len(store), "train"), renderer, batch, seed=0)
    data.place(DEVICE)
    epochs = count()

    def epoch() -> Iterator[RenderedBatch]:
        number = next(epochs)
        for i, gray in enumerate(data.train_dataloader()):
            on_device = type(gray)(*(part.to(DEVICE) for part in gray))
            yield renderer(on_device, (0, number, i))

    return epoch


def forever(store: GrayStore, batch: int = BATCH, augmented: bool = True) -> Iterator[RenderedBatch]:
    epoch = batches(store, batch, augmented)
    while True:
        yield from epoch()


class Loop:
    """A plain training loop, without a Trainer."""

    def __init__(self, network: str, bf16: bool = False) -> None:
        self.model = create_backbone(network, 2, pretrained=False).to(DEVICE).train()
        self.optimizer = create_optimizer("adamw", parameter_groups(self.model, None, lr=1e-3, weight_decay=0.05))
        self.bf16 = bf16

    def run(self, rendered: Iterator[RenderedBatch]) -> None:
        for pixels, label, _ in rendered:
            self.optimizer.zero_grad()
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=self.bf16):
                loss = F.cross_entropy(self.model(pixels), label)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()

    def beside_synthetic(self, sources: dict[str, Iterator[RenderedBatch]], steps: int) -> dict[str, Callable]:
        """Calls of `steps` steps on each source, and on one batch of the first again and again."""
        synthetic = next(next(iter(sources.values())))
        calls: dict[str, Callable] = {"synthetic": lambda: self.run(iter([synthetic] * steps))}
        return calls | {side: lambda s=source: self.run(islice(s, steps)) for side, source in sources.items()}
