"""Small cells, trained once for the tests that use them."""

from pathlib import Path

from hydra import compose, initialize_config_dir
from pictures import make_pictures

from medxfer.base.config import CONF
from medxfer.training.run import train


def train_cell(folder: Path, *overrides: str) -> Path:
    """The folder of a tiny cell: on pictures in `folder`/in, unless `overrides` name other data."""
    if not any(override.startswith("data=") for override in overrides):
        images = folder / "in" if (folder / "in").is_dir() else make_pictures(folder / "in", n=30)
        overrides = ("data=images", f"data.root={images}", *overrides)
    usual = [
        "backbone=test_efficientnet", "pretrained=false", "image_size=32", "batch_size=8", "trainer.max_epochs=1",
        "logger=none", "trainer.accelerator=cpu", f"store.root={folder / 'cache'}",
        f"study.root={folder / 'studies'}",
    ]  # fmt: skip
    before = set(folder.glob("studies/*/cells/*"))
    with initialize_config_dir(str(CONF), version_base="1.3"):
        train(compose("train", [*usual, *overrides]))
    (cell,) = set(folder.glob("studies/*/cells/*")) - before
    return cell
