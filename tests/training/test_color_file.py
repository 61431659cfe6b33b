"""A cell with colormap=file:…: its file is part of what it is, and lies in its folder."""

import json
from pathlib import Path

import numpy as np
import pytest
from cells import small_config, train_small
from trained_cells import train_cell

from medxfer.analysis import answer
from medxfer.color import colormap_table
from medxfer.study.identity import without_folder
from medxfer.trained.trained_cell import open_cell
from medxfer.training.prepare import prepare
from medxfer.training.settled_cell import Prepared


def lut(folder: Path, name: str = "viridis", file: str = "lut.csv") -> Path:
    folder.mkdir(exist_ok=True)
    np.savetxt(folder / file, colormap_table(name).numpy(), delimiter=",", fmt="%.9g")
    return folder / file


def name_of(folder: Path, colormap: str) -> str:
    prepared = prepare(small_config(folder, f"colormap={colormap}"))
    assert isinstance(prepared, Prepared)
    return prepared.cell.name


def test_the_content_makes_the_cell_and_the_folder_does_not(tmp_path: Path) -> None:
    here, there, other = lut(tmp_path / "a"), lut(tmp_path / "b"), lut(tmp_path / "c", "inferno")
    names = [name_of(tmp_path, f"file:{path}") for path in (here, there, other)]
    assert names[0] == names[1] != names[2]
    assert names[0].rpartition("-")[0] == names[2].rpartition("-")[0]
    assert len({name_of(tmp_path, f"shuffled:file:{path}@0") for path in (here, there, other)}) == 2


@pytest.mark.parametrize("form", ["file:{}", "learned:file:{}", "file:{}:luminance"])
def test_a_finished_cell_needs_the_users_file_no_more(tmp_path: Path, form: str) -> None:
    path = lut(tmp_path / "patient_smith")
    cell = train_cell(tmp_path, f"colormap={form.format(path)}")
    path.unlink()
    record = json.loads((cell / "metrics.json").read_text())
    assert record["factors"]["colormap"] == form.format("lut.csv")
    assert record["colors"]["file"] == "lut.csv"
    assert "smith" not in "".join(file.read_text() for file in cell.glob("*.*") if file.suffix in (".yaml", ".json"))
    kept = open_cell(cell)
    if form == "file:{}":
        table = kept.color.table.numpy() * np.array(kept.color.std) + np.array(kept.color.mean)
        assert np.allclose(table, colormap_table("viridis").numpy(), atol=1e-6)


def test_the_page_shows_it_without_the_users_file(tmp_path: Path) -> None:
    path = lut(tmp_path / "mine")
    cell, _ = train_small(tmp_path, f"colormap=file:{path}", "study.name=own")
    path.unlink()
    answer(cell.parent.parent)
    assert "none and file:lut.csv from top to bottom" in (cell.parent.parent / "report.html").read_text()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("file:/a/b/lut.csv", "file:lut.csv"),
        ("shuffled:file:~/x/lut.csv@3", "shuffled:file:lut.csv@3"),
        ("learned:file:lut.csv", "learned:file:lut.csv"),
        ("file:../lut.csv:luminance", "file:lut.csv:luminance"),
        ("profile:a/b", "profile:a/b"),
        (True, True),
    ],
)
def test_a_files_folder_is_left_out_wherever_it_stands(given: object, kept: object) -> None:
    assert without_folder(given) == kept
