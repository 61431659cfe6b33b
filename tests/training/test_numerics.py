"""What the record says of its arithmetic is what torch does, and a cell's record holds all that it took."""

import json
import mmap
from pathlib import Path

import pytest
import torch
from cells import small_config, train_small

from medxfer.base.memory import forget_peak, peak_memory
from medxfer.base.revision import PACKAGE, own_version
from medxfer.training import numerics as module
from medxfer.training.numerics import formats, numerics

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture
def capability(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    """Of a card with CUDA."""
    card = {"is": (9, 0)}
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: card["is"])
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    return card


def test_float32_means_tf32_in_convolutions_from_ampere_on(capability, monkeypatch):
    assert formats("32-true", CUDA) == {"matmul": "float32", "convolution": "TF32"}
    capability["is"] = (7, 5)
    assert formats("32-true", CUDA) == {"matmul": "float32", "convolution": "float32"}
    capability["is"] = (8, 0)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    assert formats("32-true", CUDA) == {"matmul": "float32", "convolution": "float32"}
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE")
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    assert formats("32-true", CUDA) == {"matmul": "float32", "convolution": "float32"}


def test_what_the_user_lets_matrix_products_do(capability):
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        assert formats("32-true", CUDA)["matmul"] == "TF32"
        assert formats("32-true", CPU)["matmul"] == "float32"
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    ("precision", "kind"), [("bf16-mixed", "bfloat16"), ("16-mixed", "float16"), ("64-true", "float64")]
)
def test_other_precisions(precision, kind):
    assert formats(precision, CUDA) == {"matmul": kind, "convolution": kind}


def test_exceptions_are_those_of_this_training_on_this_device(capability, tmp_path, monkeypatch):
    config = small_config(tmp_path, "backbone=test_efficientnet", "deterministic=warn")
    asked = []

    def found(*settings: object) -> list[str]:
        asked.append(settings)
        return ["bicubic interpolation"]

    monkeypatch.setattr(module, "unrepeatable", found)
    assert numerics(config, "32-true", CUDA)["not_repeatable"] == ["bicubic interpolation"]
    assert asked == [("test_efficientnet", 32, "full", False)]
    assert numerics(config, "32-true", CPU) == {
        "matmul": "float32", "convolution": "float32", "deterministic": "warn", "not_repeatable": [],
    }  # fmt: skip


def test_peak_memory_is_of_the_time_since_it_was_forgotten():
    forget_peak()
    before = peak_memory()
    block = mmap.mmap(-1, 200_000_000)  # not from the heap, which keeps what earlier tests gave back
    for _ in range(200):
        block.write(bytes(1_000_000))
    assert before + 0.8 * len(block) < peak_memory()
    block.close()
    if Path("/proc/self/clear_refs").exists():
        forget_peak()
        assert peak_memory() < before + 1e8


def test_a_cell_keeps_it_all(tmp_path):
    cell, _ = train_small(tmp_path)
    text = (cell / "metrics.json").read_text()
    record = json.loads(text)
    assert record["versions"].items() >= own_version().items()
    assert record["budget_epochs"] == len(record["epochs"]) > record["best_epoch"]
    assert record["compute"].items() >= {"deterministic": True, "not_repeatable": []}.items()
    assert record["spent"]["host_bytes"] > 5e7
    assert record["spent"]["resumed"] is False
    assert str(PACKAGE.parent) not in text
