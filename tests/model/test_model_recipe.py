"""The optimiser's groups and the learning rate's schedule."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from medxfer.base.errors import MedxferError
from medxfer.model.backbone import create_backbone
from medxfer.model.layers import find_head
from medxfer.model.recipe import create_optimizer, parameter_groups, warmup_cosine


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext"])
def test_norms_biases_and_embeddings_do_not_decay(name: str) -> None:
    network = create_backbone(name, 2, False)
    groups = parameter_groups(network, None, lr=1.0, weight_decay=0.1)
    decayed = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
    names = dict(network.named_parameters())
    assert sum(len(group["params"]) for group in groups) == len(names)
    for n, p in names.items():
        expected = p.ndim > 1 and n not in ("pos_embed", "cls_token", "reg_token")
        assert (id(p) in decayed) == expected, n


def test_each_part_has_its_learning_rate_and_the_table_does_not_decay() -> None:
    network, table = create_backbone("test_resnet", 2, False), nn.Embedding(8, 3)
    groups = parameter_groups(network, table, lr=1.0, weight_decay=0.1, backbone_lr_scale=0.5, color_lr=0.25)
    rates = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    assert groups[0]["lr"] == 1.0
    assert rates[id(find_head(network)[0].weight)] == (1.0, 0.1)
    assert rates[id(network.conv1[0].weight)] == (0.5, 0.1)
    assert rates[id(table.weight)] == (0.25, 0.0)


def test_warm_up_then_half_a_cosine_to_zero() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = warmup_cosine(optimizer, 100, 0.1)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[0] == pytest.approx(2.0 / 11)
    assert max(rates) == rates[10] == 2.0
    assert rates[55] == pytest.approx(1.0)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.0)
    assert all(a < b for a, b in pairwise(rates[:11]))
    assert all(a > b for a, b in pairwise(rates[10:]))


def test_a_schedule_without_an_end_is_refused() -> None:
    with pytest.raises(MedxferError, match=r"trainer\.max_epochs"):
        warmup_cosine(torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0), float("inf"), 0.1)


def test_optimizers_by_name() -> None:
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": 0.1, "weight_decay": 0.0}]
    assert isinstance(create_optimizer("adamw", groups), torch.optim.AdamW)
    assert isinstance(create_optimizer("sgd", groups), torch.optim.SGD)
    with pytest.raises(MedxferError, match=r"unknown optimizer 'adamv'.*adamw"):
        create_optimizer("adamv", groups)
