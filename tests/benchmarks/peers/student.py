"""Peer (a): the script of a careful PhD student, a process a cell. PIL or pydicom in __getitem__, matplotlib's colours.

Settings after PyTorch's tuning guide: DataLoader with workers that persist, channels_last, fused AdamW, no_grad and
larger batches in evaluation. Also a module: the Lightning + Hydra peer uses the same Dataset.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pydicom
import torch
import torch.nn.functional as F
from common import COLORMAPS, MEAN, STD, WORKERS, arguments, auroc, network, positive, read_part, recipe, write_scores
from PIL import Image
from pydicom.pixels import apply_voi_lut
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms as T
from torchvision.transforms import functional as TF

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Images(Dataset[tuple[Tensor, int]]):
    """Files → augmented gray → colour → normalised tensors (3, size, size)."""

    def __init__(self, table: Path, part: str, colormap: str, size: int) -> None:
        rows = read_part(table, part)
        self.files, self.labels = list(rows["path"]), list(rows["label"])
        self.colormap = None if colormap == "none" else plt.get_cmap(colormap)
        steps: list[object] = [T.Resize((size, size))]
        if part == "train":
            steps += [
                T.RandomAffine(5, (0.03, 0.03), (0.95, 1.05), interpolation=T.InterpolationMode.BILINEAR),
                T.ColorJitter(brightness=0.1, contrast=0.1),
                T.Lambda(gamma),
            ]
        self.steps = T.Compose(steps)
        self.normalize = T.Normalize(MEAN, STD)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        gray = np.asarray(self.steps(read(self.files[i])))
        color = np.repeat(gray[..., None], 3, axis=2) / 255 if self.colormap is None else self.colormap(gray)[..., :3]
        tensor = torch.from_numpy(np.ascontiguousarray(color.transpose(2, 0, 1), dtype=np.float32))
        return self.normalize(tensor), self.labels[i]


def read(path: str) -> Image.Image:
    """8-bit gray of a DICOM file, through its window, or of a picture."""
    if not path.endswith(".dcm"):
        return Image.open(path).convert("L")
    dataset = pydicom.dcmread(path)
    shown = apply_voi_lut(dataset.pixel_array, dataset).astype(np.float32)
    shown = (shown - shown.min()) / max(shown.max() - shown.min(), 1)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shown = 1 - shown
    return Image.fromarray((shown * 255).astype(np.uint8))


def gamma(image: Image.Image) -> Image.Image:
    return TF.adjust_gamma(image, float(torch.empty(1).uniform_(0.9, 1.1)))


def loaders(options: argparse.Namespace, colormap: str) -> dict[str, DataLoader]:
    made = {}
    for part in ("train", "val", "test"):
        train = part == "train"
        made[part] = DataLoader(
            Images(options.table, part, colormap, options.size), options.batch if train else 4 * options.batch,
            shuffle=train, drop_last=train, num_workers=WORKERS, persistent_workers=True,
            pin_memory=DEVICE.type == "cuda",
        )  # fmt: skip
    return made


@torch.inference_mode()
def evaluate(model: nn.Module, loader: DataLoader) -> tuple[Tensor, Tensor]:
    model.eval()
    scores, labels = [], []
    for pixels, label in loader:
        scores.append(positive(model(moved(pixels))).cpu())
        labels.append(label)
    return torch.cat(scores), torch.cat(labels)


def moved(pixels: Tensor) -> Tensor:
    return pixels.to(DEVICE, memory_format=torch.channels_last, non_blocking=True)


def train_epoch(
    model: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer, schedule: object, bf16: bool
) -> None:
    model.train()
    for pixels, label in loader:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=bf16):
            loss = F.cross_entropy(model(moved(pixels)), label.to(DEVICE, non_blocking=True))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()  # type: ignore[attr-defined]


def main() -> None:
    parser = arguments()
    parser.add_argument("--colormap", choices=COLORMAPS, required=True)
    parser.add_argument("--pretrained", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    parts = loaders(options, options.colormap)
    model = network(options.network, options.weights if options.pretrained else None).to(DEVICE)
    optimizer, schedule = recipe(model, options.epochs * len(parts["train"]))
    best, checkpoint = -1.0, options.out / f"{options.colormap}-{options.pretrained}.pt"
    options.out.mkdir(parents=True, exist_ok=True)
    for epoch in range(options.epochs):
        train_epoch(model, parts["train"], optimizer, schedule, options.precision == "bf16-mixed")
        reached = auroc(*evaluate(model, parts["val"]))
        print(f"epoch {epoch}: validation AUROC {reached:.3f}", flush=True)
        if reached > best:
            best = reached
            torch.save(model.state_dict(), checkpoint)
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    write_scores(options.out, options.colormap, options.pretrained, *evaluate(model, parts["test"]))


if __name__ == "__main__":
    main()
