"""python arithmetic.py NETWORK SIZE BATCH EPOCHS TRAIN VAL TEST: seconds of nothing but a cell's passes.

Forward, backward and optimiser for every training batch, forward for validation after each epoch and for the test, all
on one synthetic batch that is there already, with the memory kept that a cell keeps.
"""

import sys
import time
from itertools import repeat

import torch
from pipeline import DEVICE, Loop

from medxfer.base.batch import RenderedBatch
from medxfer.base.memory import keep_pages


def main(network: str, size: int, batch: int, epochs: int, train: int, val: int, test: int) -> None:
    keep_pages()
    loop = Loop(network)
    pixels = torch.randn(4 * batch, 3, size, size, device=DEVICE).contiguous(memory_format=torch.channels_last)
    label = torch.arange(batch, device=DEVICE) % 2
    step = RenderedBatch(pixels[:batch], label, label)

    def train_on(steps: int) -> None:
        loop.model.train()
        loop.run(repeat(step, steps))

    def score(images: int) -> None:
        loop.model.eval()
        with torch.inference_mode():
            for start in range(0, images, 4 * batch):
                loop.model(pixels[: min(4 * batch, images - start)]).cpu()

    started = time.perf_counter()
    for _ in range(epochs):
        train_on(train // batch)
        score(val)
    score(test)
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
