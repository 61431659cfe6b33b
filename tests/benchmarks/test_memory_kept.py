"""What it saves to keep freed memory for the next step: a network on the CPU, in two processes in turns."""

import subprocess
import sys

import pytest
import torch
from measure import compare
from scale import LONG_ONLY

pytestmark = [
    pytest.mark.benchmark,
    LONG_ONLY,
    pytest.mark.skipif(torch.cuda.is_available(), reason="a network on the GPU has memory of its own"),
]

ROUNDS = 3
STEPS = """
import statistics, sys, time
import torch
import torch.nn.functional as F
from medxfer.base.memory import keep_pages
from medxfer.model.backbone import create_backbone

network, size, kept, images = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "kept", 32
if kept:
    keep_pages()
model = create_backbone(network, 2, pretrained=False).train()
optimizer = torch.optim.AdamW(model.parameters(), fused=True)
pixels = torch.randn(4 * images, 3, size, size).contiguous(memory_format=torch.channels_last)
label = torch.arange(images) % 2

def train():
    optimizer.zero_grad()
    F.cross_entropy(model(pixels[:images]), label).backward()
    optimizer.step()

def test():
    with torch.inference_mode():
        model(pixels)

def timed(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started

steps = 4 if size > 64 else 16
print(*(statistics.median([timed(call) for _ in range(steps)][steps // 4 :]) for call in (train, test)))
"""


@pytest.mark.parametrize(
    ("network", "size"),
    [("test_efficientnet", 64), ("tf_efficientnet_lite0", 64), ("resnet18", 64), ("tf_efficientnet_lite0", 224)],
)
def test_freed_memory_that_is_kept(network: str, size: int) -> None:
    sides = ("kept", "given back")
    training: dict[str, list[float]] = {side: [] for side in sides}
    testing: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(ROUNDS):
        for side in sides if number % 2 else reversed(sides):
            command = [sys.executable, "-W", "ignore", "-c", STEPS, network, str(size), side]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            train, test = map(float, done.stdout.split())
            training[side].append(train)
            testing[side].append(test)
    compare(f"a training step, {network}, 32 × {size} px", training, "kept", {})
    compare(f"a batch in testing, {network}, 128 × {size} px", testing, "kept", {})
