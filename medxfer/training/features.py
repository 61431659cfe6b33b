"""The features of a frozen network, computed once: for trainings of the head alone, on images that do not change."""

import hashlib
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.lib import format as npy
from torch import Tensor, nn

from medxfer.base.display import display
from medxfer.base.files import alone, private_folder, whole_file
from medxfer.data.serve.module import GrayDataModule, mapped
from medxfer.model.classifier import Classifier
from medxfer.model.layers import find_head, head_keys
from medxfer.training.settled_cell import Prepared

CHUNK = 128  # images at a time, whatever the batch size, so that the same network gives the same features


def frozen_features(prepared: Prepared, model: Classifier, data: GrayDataModule, trainer: pl.Trainer) -> Tensor | None:
    """The head's input for every image of the store, (N, D) float32; None where it would differ between epochs.

    It is the same in every epoch where only the head is trained (finetune=head), nothing is augmented, the colours are
    fixed and the network ends with one linear layer. The features are kept beside the store, in its owner's folder,
    under a digest of all that they depend on: the frozen tensors themselves, the renderer's tables, and the settings
    that no tensor shows. All seeds of a pretrained arm, and other studies on these images, find them there.
    """
    config = prepared.config
    augmented = config.augment is not None and any(config.augment.values())
    if config.finetune != "head" or augmented or model.color is not None or not _ends_with_head(model, data):
        return None
    settings = (config.backbone, config.image_size, config.colormap, prepared.window, trainer.precision, CHUNK)
    digest = hashlib.blake2b(repr(settings).encode(), digest_size=16)
    head = head_keys(model.backbone)
    frozen = [tensor for key, tensor in model.backbone.state_dict().items() if key not in head]
    for tensor in (*frozen, *data.renderer.buffers()):
        digest.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    name = digest.hexdigest()
    path = private_folder(Path(str(data.store.gray.filename)).parent / "features") / f"{name}.npy"
    with alone(path.parent, name, path.name):
        features = _read(path, len(data.store))
        if features is None:
            features = _compute(model, data, trainer)
            with whole_file(path) as file:
                npy.write_array_header_2_0(file, npy.header_data_from_array_1_0(features))
                file.write(features.data)  # np.save would not say why a disk refuses it
    return torch.from_numpy(features)


def _read(path: Path, images: int) -> np.ndarray | None:
    """The features kept in `path`, (images, D); None if there are none, or the file is damaged and so made anew."""
    try:
        features = np.load(path)
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return features if len(features) == images else None


def _ends_with_head(model: Classifier, data: GrayDataModule) -> bool:
    """Whether the logits are one linear layer of the head's input, as tried on an image."""
    heads = find_head(model.backbone)
    if len(heads) != 1 or not isinstance(heads[0], nn.Linear):
        return False
    batch = data.renderer.cpu()(mapped(data.store).__getitems__([0, 1]), None)
    inputs, logits = _head_input(model.eval(), heads[0], batch.pixels)
    model.train()
    return inputs.ndim == 2 and torch.equal(heads[0](inputs), logits)


@torch.no_grad()
def _head_input(model: Classifier, head: nn.Module, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """What `head` gets of `pixels`, and the logits."""
    caught: list[Tensor] = []
    hook = head.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    try:
        logits = model(pixels)
    finally:
        hook.remove()
    return caught[0], logits


def _compute(model: Classifier, data: GrayDataModule, trainer: pl.Trainer) -> np.ndarray:
    device = trainer.strategy.root_device
    model, renderer, images = model.to(device).eval(), data.renderer.to(device), mapped(data.store)
    (head,) = find_head(model.backbone)
    features = []
    for start in range(0, len(images), CHUNK):
        batch = images.__getitems__(list(range(start, min(start + CHUNK, len(images)))))
        pixels = renderer(type(batch)(*(part.to(device) for part in batch)), None).pixels
        with trainer.precision_plugin.forward_context():
            features.append(_head_input(model, head, pixels)[0].float().cpu())
        display.step("features", start, len(images), "images")
    display.drop("features")
    model.train()
    return torch.cat(features).numpy()
