"""What the peers share with each other and with us: the images and their parts, the network, the recipe, the scores."""

import argparse
import os
from pathlib import Path

import pandas as pd
import timm
import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from torchmetrics.functional.classification import binary_auroc

os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count()))
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
COLORMAPS, STARTS = ("none", "viridis", "inferno"), (True, False)
WORKERS = min(os.cpu_count() or 2, 8)


def arguments() -> argparse.ArgumentParser:
    """The command line of every peer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", type=Path, required=True, help="CSV: path (absolute), label (0 or 1), part")
    parser.add_argument("--network", required=True)
    parser.add_argument("--weights", type=Path, required=True, help="state dict that stands for pretraining")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--precision", choices=("32-true", "bf16-mixed"), default="32-true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder of the scores, a file a cell")
    return parser


def read_part(table: Path, part: str) -> pd.DataFrame:
    rows = pd.read_csv(table)
    return rows[rows["part"] == part].reset_index(drop=True)


def network(name: str, weights: Path | None) -> nn.Module:
    """Two classes, in the memory format that PyTorch's tuning guide recommends for convolutions."""
    model = timm.create_model(name, num_classes=2)
    if weights is not None:
        model.load_state_dict(torch.load(weights, weights_only=True))
    return model.to(memory_format=torch.channels_last)


def recipe(model: nn.Module, steps: int) -> tuple[AdamW, OneCycleLR]:
    """AdamW in one fused kernel, warm-up and cosine."""
    optimizer = AdamW(model.parameters(), lr=1e-3, weight_decay=0.05, fused=True)
    return optimizer, OneCycleLR(optimizer, max_lr=1e-3, total_steps=max(steps, 2), pct_start=0.1)


def positive(logits: Tensor) -> Tensor:
    """(B, 2) logits → (B,) probability of class 1."""
    return logits.float().softmax(dim=1)[:, 1]


def auroc(scores: Tensor, labels: Tensor) -> float:
    return float(binary_auroc(scores, labels.long()))


def write_scores(folder: Path, colormap: str, pretrained: bool, scores: Tensor, labels: Tensor) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame({"label": labels.numpy(), "score": scores.numpy()})
    table.to_csv(folder / f"{colormap}-{pretrained}.csv", index=False)
