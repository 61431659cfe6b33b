"""Images that lie on the device are the same batches as those of the memory map."""

import weakref
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from medxfer.base.batch import FeatureBatch, GrayBatch
from medxfer.data.serve.module import CHUNK, StoredBatches, mapped, moved, resident


def store(dtype: str, images: int = CHUNK + 3) -> Any:
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    gray = np.random.default_rng(0).integers(low, high, (images, 2, 3), dtype, endpoint=True)
    return SimpleNamespace(gray=gray, labels=np.arange(images))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_batches_are_those_of_the_map(dtype: str) -> None:
    of_map = mapped(store(dtype))
    on_device = StoredBatches(moved(store(dtype), torch.device("cpu")), store(dtype).labels, GrayBatch)
    rows = [CHUNK + 2, 0, 5, CHUNK, 5]
    for here, there in zip(of_map.__getitems__(rows), on_device.__getitems__(rows), strict=True):
        assert here.dtype == there.dtype
        assert torch.equal(here, there)
    assert len(of_map) == len(on_device)


def test_features_are_served_with_the_images_labels() -> None:
    features = torch.rand(CHUNK + 3, 5)
    batch = StoredBatches(features, store("uint8").labels, FeatureBatch).__getitems__([7, 2])
    assert isinstance(batch, FeatureBatch)
    assert torch.equal(batch.features, features[[7, 2]])
    assert batch.label.tolist() == batch.row.tolist() == [7, 2]


class Unsized:
    """A store of which a device's memory is asked whether it fits."""

    gray = SimpleNamespace(nbytes=101)


@pytest.mark.parametrize(
    ("device", "free", "moves"), [("cpu", 10**9, False), ("cuda", 400, False), ("cuda", 404, True)]
)
def test_images_move_where_a_quarter_of_the_memory_holds_them(
    monkeypatch: pytest.MonkeyPatch, device: str, free: int, moves: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 0))
    monkeypatch.setattr("medxfer.data.serve.module.moved", lambda *_: torch.zeros(1))
    assert (resident(Unsized(), torch.device(device)) is not None) == moves  # type: ignore[arg-type]


def test_one_store_lies_on_the_device_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a sweep of image_size would fill it."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10**9, 0))
    monkeypatch.setattr("medxfer.data.serve.module.moved", lambda *_: torch.zeros(1))
    cuda, first = torch.device("cuda"), Unsized()
    kept = weakref.ref(resident(first, cuda))  # type: ignore[arg-type, type-var]
    assert resident(first, cuda) is kept()  # type: ignore[arg-type]
    resident(Unsized(), cuda)  # type: ignore[arg-type]
    assert kept() is None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_batches_on_a_gpu(dtype: str) -> None:
    on_device = StoredBatches(moved(store(dtype), torch.device("cuda")), store(dtype).labels, GrayBatch)
    rows = [CHUNK + 2, 0, 5]
    for here, there in zip(mapped(store(dtype)).__getitems__(rows), on_device.__getitems__(rows), strict=True):
        assert there.is_cuda
        assert torch.equal(here, there.cpu())
