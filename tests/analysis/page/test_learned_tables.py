"""Learned tables on the page: one drawing an arm, beside where it started."""

import base64
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from synthetic_study import write_study

from medxfer.analysis import answer, read_study
from medxfer.analysis.page.drawing import environment
from medxfer.analysis.page.pictures import learned_tables, phantom_picture
from medxfer.base.errors import MedxferError
from medxfer.color import colormap_table


def write_learned_study(folder: Path, levels: int = 256, **options) -> Path:
    """A study with none and learned:viridis; each training's table is viridis, a little redder with every seed."""
    write_study(folder, colormaps=("none", "learned:viridis"), seeds=2, patients=20, **options)
    for path in folder.glob("cells/*/metrics.json"):
        factors = json.loads(path.read_text())["factors"]
        if factors["colormap"] == "learned:viridis":
            colors = pd.DataFrame(colormap_table("viridis", levels).numpy(), columns=["r", "g", "b"])
            colors["r"] += 0.2 * (factors["seed"] + 1)
            colors.to_parquet(path.with_name("colors.parquet"))
    return folder


def drawings(folder: Path) -> list[str]:
    draw = environment().get_template("drawing.svg.j2").module
    return [draw.learned(table) for table in learned_tables(read_study(folder)).learned]


def pictures(drawing: str) -> list[np.ndarray]:
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", drawing)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))) for content in found]


def test_an_arms_trainings_are_drawn_together_beside_their_start(tmp_path: Path) -> None:
    folder = write_learned_study(tmp_path / "s")
    assert [table.title for table in learned_tables(read_study(folder)).learned] == [
        "phantom_dx · learned:viridis × pretrained",
        "phantom_dx · learned:viridis × random",
    ]
    drawing, _ = drawings(folder)
    start, learned = pictures(drawing)
    assert np.array_equal(start[0], (colormap_table("viridis").numpy() * 255).round())
    assert learned.shape == (2, 256, 3)
    assert (learned[1, :, 0] >= learned[0, :, 0]).all()
    assert drawing.count("<polyline") == 3 * (1 + 2)
    ElementTree.fromstring(drawing)


def test_long_tables_are_drawn_at_fewer_levels(tmp_path: Path) -> None:
    drawing, _ = drawings(write_learned_study(tmp_path / "s", levels=4096))
    assert [picture.shape for picture in pictures(drawing)] == [(1, 256, 3), (2, 256, 3)]


def test_the_page_has_the_section_only_where_colours_were_learned(tmp_path: Path) -> None:
    folder = write_learned_study(tmp_path / "learned", pretrained=[True])
    caption = phantom_picture(read_study(folder)).caption
    assert "; none from top" in caption  # where a table started is not what the network sees
    answer(folder)
    assert "Learned colours" in (folder / "report.html").read_text()
    fixed = write_study(tmp_path / "fixed", patients=20)
    answer(fixed)
    assert "Learned colours" not in (fixed / "report.html").read_text()


def test_a_table_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = write_learned_study(tmp_path / "s")
    next(folder.glob("cells/*/colors.parquet")).write_bytes(b"no table")
    with pytest.raises(MedxferError, match=r"cannot read .*colors\.parquet.*train it again"):
        learned_tables(read_study(folder))
