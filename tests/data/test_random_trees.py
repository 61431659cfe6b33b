"""Any tree of files, however odd: every image is found once, and nobody is on two sides of any way to divide them."""

import os
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from releases import compose_cell

from medxfer.training.prepare import cells_of, prepare
from medxfer.training.settled_cell import Prepared

FOLDERS = ["a", "A b", "Köln", "2024-01", "x.png", "=1", "[2]", "deep/er/still", "Ärzte,", "'q'", ""]
STEMS = ["IM", "1.2.840.113", "Übersicht", "a b", "x=1", "(2)", "-", "#"]
JUNK = [".DS_Store", "Thumbs.db", "@eaDir/IM_0.png", "__MACOSX/._IM_0.png", ".hidden/IM_0.png", "masks/IM_0.png"]


class Tree(NamedTuple):
    """`table` has a row an image: path below the root, label, patient_id, picture (equal numbers are equal pixels),
    hospital and outside (whether it lies behind a link); `links` are pairs of a link and what it leads to."""

    table: pd.DataFrame
    links: list[tuple[str, str]]
    seed: int


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    rows = []
    for label in "ab":
        for number in range(9):
            for _ in range(draw(st.integers(1, 2))):
                folder, stem = draw(st.sampled_from(FOLDERS)), draw(st.sampled_from(STEMS))
                path = "/".join(filter(None, [folder, f"{stem}_{len(rows)}.png"]))
                outside = draw(st.integers(0, 5)) == 0
                rows.append(
                    (f"linked/{path}" if outside else path, label, f"P {label}{number}", f"h{number % 3}", outside)
                )
    table = pd.DataFrame(rows, columns=["path", "label", "patient_id", "hospital", "outside"])
    table["picture"] = np.arange(len(table))
    for _ in range(draw(st.integers(0, 2))):  # a copy of the pixels, of another patient or the same one
        one, other = draw(st.integers(0, len(table) - 1)), draw(st.integers(0, len(table) - 1))
        table.loc[other, "picture"] = table["picture"][one]
    first = rows[0][0]
    links = [("again.png", first), ("nowhere.png", "gone.png"), ("loop", "."), ("linked again", "linked")]
    return Tree(table, draw(st.lists(st.sampled_from(links), unique=True)), draw(st.integers(0, 99)))


def write(tree: Tree, root: Path) -> None:
    """The tree's files, links and what systems add under `root`, and its table of labels."""
    elsewhere = root.with_name("elsewhere")
    for folder in (root, elsewhere):
        folder.mkdir()
    (root / "linked").symlink_to(elsewhere)
    for row in tree.table.itertuples():
        path = root / str(row.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng([1, int(row.picture)]).integers(0, 256, (9, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    for name in JUNK:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"junk")
    for link, target in tree.links:
        (root / link).symlink_to(root / target)
    table = tree.table[["path", "label", "patient_id", "hospital"]]
    table.assign(path=[unicodedata.normalize("NFD", path) for path in table["path"]]).to_csv(
        root / "labels.csv", index=False
    )


def cells(folder: Path, *overrides: str) -> list[Prepared]:
    """The cells of one training."""
    config = compose_cell(folder / "work", f"data.root={folder / 'in'}", *overrides)
    return [prepare(one) for one in cells_of(config)]


def of_images(tree: Tree, root: Path, cell: Prepared) -> pd.DataFrame:
    """The tree's rows in the order of the cell's images, each found once."""
    rows = {os.path.realpath(root / path): row for row, path in enumerate(tree.table["path"])}
    files = cell.dataset.index.images["file"].iloc[cell.store.rows]
    found = [rows[os.path.realpath(cell.dataset.source.path(file))] for file in files]
    assert sorted(found) == list(range(len(tree.table)))
    return tree.table.iloc[found].reset_index(drop=True)


def check_sides(images: pd.DataFrame, cell: Prepared) -> None:
    used = images.assign(part=cell.parts)[cell.parts != ""]
    for what in ("patient_id", "picture"):
        assert used.groupby(what)["part"].nunique().max() == 1, what
    assert set(used["part"]) == {"train", "val", "test"}


def given_parts(tree: Tree, folder: Path) -> Sequence[str]:
    """Two patients of each class for test, three for val, by paths as another machine and system has them."""
    part = tree.table["patient_id"].str[-1].map({"0": "test", "1": "test", "2": "val", "3": "val", "4": "val"})
    named = tree.table.assign(part=part).dropna()
    names = "D:\\export\\" + named["path"].str.replace("/", "\\")
    pd.DataFrame({"file": names, "part": named["part"]}).to_csv(folder / "parts.csv", sep=";", index=False)
    return ["data=images", f"data.split.file={folder / 'parts.csv'}"]


def given_folds(tree: Tree, folder: Path) -> Sequence[str]:
    fold = tree.table["patient_id"].str[-1].astype(int) % 3
    tree.table[["patient_id"]].assign(fold=fold).to_csv(folder / "folds.csv", index=False)
    return ["data=images", f"data.split.file={folder / 'folds.csv'}"]


WAYS: dict[str, Callable[[Tree, Path], Sequence[str]]] = {
    "drawn": lambda tree, folder: ["data=images"],
    "drawn anew": lambda tree, folder: ["data=images", "data.split.resample=true"],
    "folds": lambda tree, folder: ["data=images", "data.split.folds=3"],
    "groups": lambda tree, folder: ["data=images", "data.split.groups=hospital"],
    "given parts": given_parts,
    "given folds": given_folds,
}


def check_tree(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        write(tree, folder / "in")
        for way, asked in WAYS.items():
            found = cells(folder, *asked(tree, folder), f"seed={tree.seed}", f"data.split.seed={tree.seed % 7}")
            assert len(found) == (1 if way in ("drawn", "drawn anew", "given parts") else 3)
            images = of_images(tree, folder / "in", found[0])
            for cell in found:
                check_sides(images, cell)
        check_own_test_part(tree, folder)
        check_external(tree, folder)


def check_own_test_part(tree: Tree, folder: Path) -> None:
    """The same pictures in a folder for each part and class, as releases come; patients by the files' names."""
    root, rows = folder / "release" / "in", []
    for number, row in enumerate(tree.table.itertuples()):
        part = "test" if str(row.patient_id)[-1] in "01" else "train"
        path = f"{part}/{row.label}/{row.patient_id}_{number}.png"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes((folder / "in" / str(row.path)).read_bytes())
        rows.append(path)
    (cell,) = cells(folder / "release", "data=tree", 'data.patient="(P ..)_"')
    images = of_images(tree._replace(table=tree.table.assign(path=rows)), root, cell)
    check_sides(images, cell)
    named = images["patient_id"].str[-1].isin(["0", "1"]).to_numpy()
    assert (cell.parts[named] != "train").all()
    assert (cell.parts[named] != "val").all()


def check_external(tree: Tree, folder: Path) -> None:
    """Another hospital's set with new people, some of the same people and some of the same pictures."""
    root = folder / "clinic"
    root.mkdir()
    rows = []
    for number in range(12):
        patient = str(tree.table["patient_id"][number]) if number % 6 == 0 else f"Q{number}"
        pixels = np.random.default_rng([1 if number % 6 == 1 else 2, number]).integers(0, 256, (9, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
        rows.append((f"{number}.png", "ab"[number // 2 % 2], patient))
    pd.DataFrame(rows, columns=["path", "label", "patient_id"]).to_csv(root / "labels.csv", index=False)
    (cell,) = cells(folder, "data=images", "data@external=images", f"external.root={root}", "external.name=clinic")
    (external,) = cell.external
    left = external.store.images.iloc[external.rows]
    assert set(left["pixels"]).isdisjoint(cell.store.images["pixels"])
    files = left.index.map(dict(enumerate(external.store.rows)))
    patients = {rows[row][2] for row in files}
    assert patients.isdisjoint(tree.table["patient_id"])
    known = {int(picture) for picture in tree.table["picture"]}
    gone = {n for n in range(12) if n % 6 == 0 or (n % 6 == 1 and n in known)}
    assert {rows[row][2] for row in range(12)} - patients == {rows[n][2] for n in gone}


@settings(max_examples=2, deadline=None)
@given(tree=trees())
def test_every_image_is_found_once_and_nobody_is_on_two_sides(tree: Tree) -> None:
    check_tree(tree)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(tree=trees())
def test_many_trees(tree: Tree) -> None:
    check_tree(tree)
