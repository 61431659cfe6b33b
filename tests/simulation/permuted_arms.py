"""Real networks whose arms are permuted.

    python tests/simulation/permuted_arms.py --data breastmnist.npz --out docs/permuted_arms.csv

Many networks of one recipe are trained on real images, each from its own seed. Trainings drawn from them at random
make two arms that differ by nothing but chance: what is found between them is false. Patients stay the same, so
that this checks the trainings' side, on real scores.
"""

import argparse
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from medxfer.analysis import NotComparable, compare

NETWORKS, EPOCHS, SPLITS = 60, 8, 2_000


def train(images: torch.Tensor, labels: torch.Tensor, test: torch.Tensor, seed: int) -> NDArray[np.float64]:
    """A small network from this seed; probabilities of class 1 on the test images."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(16 * 49, 32), nn.ReLU(), nn.Linear(32, 1)),
    )
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(32):
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(network(images[batch])[:, 0], labels[batch])
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return network(test)[:, 0].sigmoid().double().numpy()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="breastmnist.npz of MedMNIST")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with np.load(options.data) as file:
        images, test = (torch.from_numpy(file[f"{s}_images"])[:, None] / 255 - 0.5 for s in ("train", "test"))
        labels, truth = torch.from_numpy(file["train_labels"][:, 0]).float(), file["test_labels"][:, 0]
    scores = np.stack([train(images, labels, test, seed) for seed in range(NETWORKS)])
    rng, rows = np.random.default_rng(0), []
    for metric in ("auroc", "accuracy", "balanced_accuracy"):
        for trainings in (2, 3, 5, 10):
            wrong = []
            for _ in range(SPLITS):
                arms = scores[rng.permutation(NETWORKS)[: 2 * trainings]].reshape(2, trainings, -1)
                with suppress(NotComparable):  # two trainings each that agree to the last rank
                    wrong.append(compare(arms, truth, [1, -1], metric).p < 0.05)
            rows.append([metric, trainings, np.mean(wrong), SPLITS - len(wrong), SPLITS, NETWORKS])
            print(*rows[-1], flush=True)
    columns = ["metric", "trainings", "wrongly found", "refused", "splits", "networks"]
    pd.DataFrame(rows, columns=columns).to_csv(options.out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main(sys.argv[1:])
