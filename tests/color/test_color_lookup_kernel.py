"""The kernel for CUDA devices, run by Triton's interpreter: the same colours as torch's gather, bit by bit."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton")

CODE = """
import torch
import torch.nn.functional as F
from medxfer.color.lookup_kernel import look_up

random = torch.Generator().manual_seed(0)
for dtype, levels, shift, channels in (
    (torch.uint8, 256, 0, 3), (torch.uint8, 256, 0, 1), (torch.uint16, 65536, 0, 3),
    (torch.uint16, 256, 8, 3), (torch.uint16, 4096, 4, 3), (torch.int32, 1024, 0, 3),
):
    gray = torch.randint(0, levels << shift, (3, 17, 41), generator=random).to(dtype)
    table = torch.randn(levels, channels, generator=random)
    found = look_up(gray, table, shift)
    assert torch.equal(found, F.embedding(gray.int() >> shift, table).permute(0, 3, 1, 2)), (dtype, levels)
    assert found.is_contiguous(memory_format=torch.channels_last)
    transposed = gray.transpose(1, 2)
    assert torch.equal(look_up(transposed, table, shift), found.transpose(2, 3))
assert look_up(gray[:0], table, 0).shape == (0, 3, 17, 41)
"""


def test_the_kernel_gathers_as_torch_does() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
