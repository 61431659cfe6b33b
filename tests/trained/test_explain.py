"""predict's pictures: one for each image, of what the network saw; the file has the image's name, the picture none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from trained_cells import train_cell

from medxfer.color import colormap_table
from medxfer.predict import main
from medxfer.trained import explain
from medxfer.trained.trained_cell import open_cell


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("explained")


def test_each_scored_image_has_its_picture(home: Path, tmp_path: Path) -> None:
    cell = train_cell(home, "colormap=viridis")
    for name in ("Doe^Jane.png", "torn.png", "Roe^Ann.png"):
        (tmp_path / "new").mkdir(exist_ok=True)
        (tmp_path / "new" / name).write_bytes(
            (home / "in" / "0.png").read_bytes()[: 60 if name == "torn.png" else None]
        )
    out, cam = tmp_path / "table.csv", tmp_path / "cam"
    assert main([f"cell={cell}", f"images={tmp_path / 'new'}", f"out={out}", f"cam={cam}"]) == 0
    table = pd.read_csv(out, keep_default_na=False)
    assert [Path(path).name for path in table["picture"]] == ["00000-Doe_Jane.png", "00001-Roe_Ann.png", ""]
    pictures = sorted(cam.iterdir())
    assert [path.name for path in pictures] == ["00000-Doe_Jane.png", "00001-Roe_Ann.png"]
    assert b"Doe" not in pictures[0].read_bytes()
    assert np.asarray(Image.open(pictures[0])).std() > 10


@pytest.mark.parametrize("colormap", ["inferno", "single", "learned:inferno"])
def test_the_picture_shows_gray_and_the_colours_that_the_network_saw(home: Path, colormap: str) -> None:
    cell = open_cell(train_cell(home, f"colormap={colormap}", "seed=1"))
    gray = torch.arange(0, 256, dtype=torch.uint8).repeat(4).view(32, 32)
    pixels = cell.pixels(gray.unsqueeze(0))
    figure = explain.draw(cell, gray, pixels, np.zeros((32, 32), np.float32), "a 0.5")
    assert isinstance(figure, Figure)
    shown = [np.asarray(axes.images[0].get_array()) for axes in figure.axes[:3]]
    assert np.allclose(shown[0], gray.numpy() / 255)
    name = "none" if colormap == "single" else "inferno"
    expected = colormap_table(name).numpy()[gray.numpy()]
    assert np.abs(shown[1] - expected).max() < (0.05 if colormap.startswith("learned") else 1e-5)
    assert "For research, not for diagnosis." in [text.get_text() for text in figure.texts]
