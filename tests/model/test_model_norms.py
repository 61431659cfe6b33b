"""Batch normalisation over two processes is that of one process with both parts."""

import multiprocessing
from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn

from medxfer.model.norms import synchronize_norms


def part(rank: int, folder: Path, layers: nn.Module, x: Tensor, weight: Tensor) -> None:
    """One process: its half of the batch forward and backward, into a file."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    layers = synchronize_norms(layers, torch.device("cpu"))
    mine = x.tensor_split(2)[rank].clone().requires_grad_()
    y = layers(mine)
    (y * weight.tensor_split(2)[rank]).sum().backward()
    gradients = [parameter.grad.clone() for parameter in layers.parameters()]
    for gradient in gradients:
        torch.distributed.all_reduce(gradient)
    torch.save((y.detach(), mine.grad, gradients, layers.state_dict()), folder / f"{rank}.pt")


@pytest.mark.parametrize("momentum", [0.1, None])
def test_two_processes_normalise_as_one(tmp_path, momentum):
    torch.manual_seed(0)
    norm = timm.layers.BatchNormAct2d(4, momentum=momentum)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    layers = nn.Sequential(norm, nn.Conv2d(4, 3, 1), nn.BatchNorm2d(3))
    x, weight = torch.randn(7, 4, 5, 5) * 3 + 1, torch.randn(7, 3, 5, 5)
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=part, args=(rank, tmp_path, layers, x, weight)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    parts = [torch.load(tmp_path / f"{rank}.pt", weights_only=False) for rank in range(2)]

    x.requires_grad_()
    y = layers(x)
    (y * weight).sum().backward()
    close = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(torch.cat([own for own, *_ in parts]), y.detach(), **close)
    torch.testing.assert_close(torch.cat([own for _, own, *_ in parts]), x.grad, **close)
    for _, _, gradients, state in parts:
        torch.testing.assert_close(gradients, [parameter.grad for parameter in layers.parameters()], **close)
        torch.testing.assert_close(state, layers.state_dict(), **close)


def test_on_an_accelerator_timms_activation_stays():
    network = synchronize_norms(timm.create_model("test_efficientnet", num_classes=2), torch.device("cuda"))
    kinds = {type(layer).__name__ for layer in network.modules()}
    assert "SyncBatchNormAct" in kinds
    assert "BatchNormAct2d" not in kinds
