"""Peer (b): MONAI, all cells in one process with Lightning's loop.

What its fast-training guide recommends for data that fits into memory: everything before the first random transform is
done once into a CacheDataset (kept for all cells, which is more than the guide does), a ThreadDataLoader instead of
worker processes; colours are a Lambda after the random transforms.
"""

import sys
import warnings
from argparse import Namespace
from functools import partial

import matplotlib.pyplot as plt
import monai.data as md
import monai.transforms as mt
import numpy as np
import pytorch_lightning as pl
import torch
from common import COLORMAPS, MEAN, STARTS, STD, WORKERS, arguments, read_part, write_scores
from lightning_loop import Lit
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor


def cached(options: Namespace, part: str) -> md.CacheDataset:
    """Gray (1, size, size) in [0, 1] in memory."""
    rows = read_part(options.table, part)
    items = [{"image": path, "label": int(label)} for path, label in zip(rows["path"], rows["label"], strict=True)]
    dicom = str(rows["path"].iloc[0]).endswith(".dcm")
    reader = md.PydicomReader(swap_ij=False) if dicom else md.PILReader(converter=_gray, reverse_indexing=False)
    steps = [
        mt.LoadImaged("image", reader=reader, image_only=True),
        mt.EnsureChannelFirstd("image", channel_dim="no_channel"),
        mt.ScaleIntensityd("image"),
        mt.Resized("image", (options.size, options.size)),
        mt.ToTensord("image"),
    ]
    return md.CacheDataset(items, mt.Compose(steps), cache_rate=1.0, num_workers=WORKERS, progress=False)


def _gray(image: object) -> object:
    return image.convert("L")  # type: ignore[attr-defined]


def random_and_color(part: str, colormap: str) -> mt.Compose:
    steps: list[object] = []
    if part == "train":
        steps += [
            mt.RandAffined(
                "image", prob=1.0, rotate_range=np.pi / 36, translate_range=2, scale_range=0.05, padding_mode="zeros"
            ),
            mt.RandScaleIntensityd("image", prob=1.0, factors=0.1),
            mt.RandShiftIntensityd("image", prob=1.0, offsets=0.1),
            mt.RandAdjustContrastd("image", prob=1.0, gamma=(0.9, 1.1)),
        ]
    steps += [
        mt.Lambdad("image", partial(colored, colormap)),
        mt.NormalizeIntensityd("image", subtrahend=MEAN, divisor=STD, channel_wise=True),
        mt.Lambda(lambda item: (item["image"], item["label"])),
    ]
    return mt.Compose(steps)


def colored(colormap: str, gray: Tensor) -> Tensor:
    """(1, H, W) in [0, 1] → (3, H, W)."""
    if colormap == "none":
        return gray.expand(3, -1, -1).contiguous()
    color = plt.get_cmap(colormap)(gray[0].clamp(0, 1).numpy())[..., :3]
    return torch.from_numpy(np.ascontiguousarray(color.transpose(2, 0, 1), dtype=np.float32))


def loader(images: md.CacheDataset, part: str, colormap: str, batch: int) -> md.ThreadDataLoader:
    train = part == "train"
    shown = md.Dataset(images, random_and_color(part, colormap))
    size = batch if train else 4 * batch
    return md.ThreadDataLoader(shown, num_workers=0, batch_size=size, shuffle=train, drop_last=train)


def train_cell(options: Namespace, images: dict[str, md.CacheDataset], colormap: str, pretrained: bool) -> None:
    pl.seed_everything(options.seed)
    parts = {part: loader(images[part], part, colormap, options.batch) for part in images}
    model = Lit(options.network, options.weights if pretrained else None)
    cell = options.out / f"{colormap}-{pretrained}"
    best = ModelCheckpoint(dirpath=cell, monitor="val/auroc", mode="max")
    trainer = pl.Trainer(
        max_epochs=options.epochs, precision=options.precision, callbacks=[best], logger=False,
        gradient_clip_val=1.0, num_sanity_val_steps=0,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, parts["train"], parts["val"])
    trainer.test(model, parts["test"], ckpt_path=best.best_model_path, verbose=False)
    write_scores(options.out, colormap, pretrained, torch.cat(model.scores), torch.cat(model.labels))


def main(given: list[str]) -> None:
    warnings.simplefilter("ignore")  # advice about affine matrices, once an image
    md.set_track_meta(False)
    options = arguments().parse_args(given)
    images = {part: cached(options, part) for part in ("train", "val", "test")}
    for colormap in COLORMAPS:
        for pretrained in STARTS:
            train_cell(options, images, colormap, pretrained)


if __name__ == "__main__":
    main(sys.argv[1:])
