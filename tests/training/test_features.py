"""A frozen network's features: computed once, kept with the images, and the same heads as without them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cells import train_small

import medxfer.training.features
import medxfer.training.fit

FROZEN = ("finetune=head", "augment=null", "trainer.max_epochs=3", "lr=1e-2")


def files(folder: Path) -> set[Path]:
    return set(folder.glob("cache/*/*/features/*.npy"))


def scores(cell: Path) -> np.ndarray:
    return pd.read_parquet(cell / "predictions.parquet")[["score_0", "score_1"]].to_numpy()


@pytest.fixture(scope="module")
def kept_features(tmp_path_factory) -> tuple[Path, Path, Path]:
    """A folder with a trained cell, that cell, and the file of features which it left."""
    folder = tmp_path_factory.mktemp("features")
    cell, _ = train_small(folder, *FROZEN)
    (kept,) = files(folder)
    return folder, cell, kept


@pytest.mark.parametrize("backbone", ["test_efficientnet", "test_vit"])
def test_heads_from_features_are_the_heads_from_images(tmp_path, monkeypatch, backbone):
    from_features, _ = train_small(tmp_path, *FROZEN, f"backbone={backbone}", "study.name=features")
    (kept,) = files(tmp_path)
    assert np.load(kept).shape[0] == 40
    monkeypatch.setattr(medxfer.training.fit, "frozen_features", lambda *_: None)
    from_images, _ = train_small(tmp_path, *FROZEN, f"backbone={backbone}", "study.name=images")
    assert np.allclose(scores(from_features), scores(from_images), atol=1e-5)
    losses = [[epoch["train/loss"] for epoch in json.loads((cell / "metrics.json").read_text())["epochs"]]
              for cell in (from_features, from_images)]  # fmt: skip
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert losses[0][0] != losses[0][2]


def test_other_seeds_and_other_heads_find_them(tmp_path, monkeypatch):
    weights = tmp_path / "own.ckpt"
    first, objects = train_small(tmp_path, *FROZEN)
    objects["trainer"].save_checkpoint(weights)
    train_small(tmp_path, *FROZEN, f"pretrained=file:{weights}")
    assert len(files(tmp_path)) == 1  # the head is none of the digest's
    monkeypatch.setattr(medxfer.training.features, "_compute", lambda *_: pytest.fail("computed again"))
    again, _ = train_small(tmp_path, *FROZEN, f"pretrained=file:{weights}", "seed=1", "lr=1e-3")
    assert not np.array_equal(scores(first), scores(again))


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", bytes(1000), None])
def test_a_damaged_file_is_made_anew_and_what_was_left_half_written_is_swept(kept_features, tmp_path, damage):
    folder, first, kept = kept_features
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-7] if damage is None else damage)
    half = kept.with_name(f".{kept.name}.0123.partial")
    half.touch()
    again, _ = train_small(folder, *FROZEN, "lr=2e-2", f"study.name={tmp_path.name}")
    assert kept.read_bytes() == whole
    assert not half.exists()
    assert not np.array_equal(scores(first), scores(again))


@pytest.mark.parametrize("change", ["colormap=viridis", "seed=1", "image_size=48", "normalize=arm"])
def test_another_network_or_another_picture_is_computed_anew(kept_features, tmp_path, change):
    folder, *_ = kept_features
    before = files(folder)
    train_small(folder, *FROZEN, change, f"study.name={tmp_path.name}")
    assert len(files(folder) - before) == 1


@pytest.mark.parametrize(
    "change", ["augment.flip=0.5", "finetune=last:1", "colormap=learned:viridis", "backbone=dla46x_c"]
)
def test_what_changes_from_epoch_to_epoch_is_not_kept(tmp_path, change):
    augment = [] if change.startswith("augment") else ["augment=null"]
    train_small(tmp_path, "finetune=head", *augment, "trainer.max_epochs=1", change)
    assert not files(tmp_path)


def test_features_are_their_owners_only(kept_features):
    folder, _, kept = kept_features
    assert kept.parent.stat().st_mode & 0o077 == 0
    assert not list(folder.glob("studies/**/*.npy"))
