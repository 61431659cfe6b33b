"""Each argument of the installed Lightning's Trainer is taken, or refused with its reason."""

from inspect import signature

import pytest
import pytorch_lightning as pl

from medxfer.base.errors import MedxferError
from medxfer.training.settings.trainer_keys import REFUSED, TAKEN

# What a cell's Trainer is given beside the configuration: twice would be a TypeError in every cell.
OURS = (
    "deterministic", "logger", "callbacks", "plugins", "default_root_dir", "num_sanity_val_steps",
    "enable_progress_bar", "enable_model_summary",
)  # fmt: skip


def test_every_argument_is_decided_on():
    assert set(signature(pl.Trainer).parameters) <= {*TAKEN, *REFUSED}
    assert not set(TAKEN) & set(REFUSED)


@pytest.mark.parametrize("key", OURS)
@pytest.mark.parametrize("value", [0, 1, False, True, None])
def test_what_medxfer_gives_itself_is_refused_whatever_it_is(key, value):
    with pytest.raises(MedxferError, match=f"^{key}="):
        REFUSED[key].kind.read(key, value)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("check_val_every_n_epoch", 2, "every epoch is validated once"),
        ("fast_dev_run", True, "experiment=debug"),
        ("callbacks", [], "patience= ends a training early"),
        ("max_time", "00:01:00:00", "an arm on a slower device would train less"),
        ("devices", 2, "a cell trains on one device"),
    ],
)
def test_a_refusal_says_why_and_what_to_do(key, value, said):
    with pytest.raises(MedxferError, match=said):
        REFUSED[key].kind.read(key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("limit_val_batches", 0), ("limit_val_batches", 0.0), ("profiler", "advanced"), ("accumulate_grad_batches", 0),
     ("precision", "16-true"), ("accelerator", "tpu"), ("gradient_clip_val", -1)],
)  # fmt: skip
def test_values_out_of_range_are_refused(key, value):
    with pytest.raises(MedxferError, match=key):
        TAKEN[key].kind.read(key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("limit_val_batches", 0.5), ("limit_train_batches", 2), ("precision", "16-mixed"), ("profiler", "simple"),
     ("accumulate_grad_batches", 4), ("max_epochs", -1), ("gradient_clip_val", None)],
)  # fmt: skip
def test_what_works_is_taken(key, value):
    assert TAKEN[key].kind.read(key, value) == value
