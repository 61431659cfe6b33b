"""Streams of random numbers: one part's draws cannot move another's."""

import torch

from medxfer.model import seeds


def test_reseeding_repeats_what_is_drawn_and_queues_nothing_for_devices_that_are_not_used() -> None:
    queued = len(torch.cuda._queued_calls)
    draws = []
    for seed in (1, 1, 2):
        seeds.reseed(seed, torch.device("cpu"))
        draws.append(torch.rand(4))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert len(torch.cuda._queued_calls) == queued


def test_inside_seeded_draws_repeat_and_outside_nothing_was_drawn() -> None:
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    with seeds.seeded(5):
        first = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    with seeds.seeded(5):
        assert torch.equal(torch.rand(2), first)
