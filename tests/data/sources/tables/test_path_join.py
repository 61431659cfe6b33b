"""Paths of tables: however they were written down, they find their file, or are refused where they may be two."""

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from medxfer.base.errors import MedxferError
from medxfer.data.sources.tables import match_paths

FOLDER = st.sampled_from(["p1", "p2", "Köln", "süd-öst", "scan 3", "Ärzte", "deep", "ﬁ", "ΣΑΣ"])
NAME = st.sampled_from(["001", "img_1", "Übersicht", "a b", "1.2.840.1", "x.y", "É", "ß"])
FILES = st.sets(
    st.builds(lambda folders, name: "/".join([*folders, f"{name}.png"]), st.lists(FOLDER, max_size=3), NAME),
    min_size=1, max_size=12,
)  # fmt: skip


def other_machine(path: str) -> str:
    return f"/mnt/old/{path}"


TRANSFORMED = {
    "backslashes": lambda path: path.replace("/", "\\"),
    "windows": lambda path: "D:\\export\\" + path.replace("/", "\\"),
    "dot": lambda path: f"./{path}",
    "other machine": other_machine,
    "no suffix": lambda path: path.removesuffix(".png"),
    "upper case": str.upper,
    "other suffix's case": lambda path: path.removesuffix(".png") + ".PNG",
    "macOS": lambda path: unicodedata.normalize("NFD", path),
    "all": lambda path: unicodedata.normalize("NFD", "Z:\\a\\" + path.removesuffix(".png").replace("/", "\\")).upper(),
}


def told_apart(files: set[str]) -> bool:
    loose = {unicodedata.normalize("NFC", file).casefold() for file in files}
    return len(loose) == len(files)


@given(FILES, st.sampled_from(sorted(TRANSFORMED)))
def test_a_path_finds_its_file_however_it_was_written_down(files: set[str], how: str) -> None:
    assume(told_apart(files))
    paths = {TRANSFORMED[how](file): file for file in files}
    assert match_paths(list(paths), sorted(files)) == paths


@given(FILES, st.data())
def test_rows_of_one_table_may_be_written_down_in_several_ways(files: set[str], data: st.DataObject) -> None:
    ways = ["backslashes", "dot", "no suffix", "upper case", "macOS", "other machine"]
    assume(told_apart(files) and len({PurePosixPath(file).name for file in files}) == len(files))
    paths = {TRANSFORMED[data.draw(st.sampled_from(ways))](file): file for file in files}
    assert match_paths(list(paths), sorted(files)) == paths


@given(FILES, FILES)
def test_no_path_finds_a_file_of_another_name(files: set[str], rows: set[str]) -> None:
    """And a row whose own file is there finds that."""
    try:
        found = match_paths(sorted(rows), sorted(files))
    except MedxferError:
        return
    for row, file in found.items():
        assert PurePosixPath(row).name == PurePosixPath(file).name
    assert all(found[row] == row for row in rows & files)


@given(FILES)
def test_names_alone_find_their_files_unless_two_have_the_name(files: set[str]) -> None:
    names = [PurePosixPath(file).name for file in files]
    deep = sorted(f"images/{file}" for file in files)
    if len(set(names)) == len(names):
        assert set(match_paths(names, deep).values()) == set(deep)
    else:
        with pytest.raises(MedxferError, match=r"may be '.*' or '"):
            match_paths(names, deep)


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("/old/a.png", ["x/a.png", "y/a.png"]),
        ("a", ["a.png", "a.jpg"]),
        ("A.PNG", ["a.png", "a.Png"]),
        ("scan", ["p1/scan.dcm", "p2/scan.dcm"]),
    ],
)
def test_a_path_that_may_be_two_files_is_refused(path: str, files: list[str]) -> None:
    with pytest.raises(MedxferError, match="may be"):
        match_paths([path], files)


def test_files_that_are_told_apart_by_case_or_suffix_are_found_by_it() -> None:
    files = ["a.png", "A.png", "b", "b.dcm"]
    assert match_paths(files, files) == {file: file for file in files}


@pytest.mark.parametrize(
    ("rows", "files", "found"),
    [
        # A file that is missing is not found elsewhere under its name: another patient, a mask, a lower size.
        (["p1/1.png", "p2/1.png"], ["p2/1.png", "p3/1.png"], {"p2/1.png": "p2/1.png"}),
        (["/x/p1/1.png", "/x/p2/1.png"], ["p2/1.png", "1.png"], {"/x/p2/1.png": "p2/1.png"}),
        (["images/1.png", "images/2.png"], ["images/1.png", "seg/2.png"], {"images/1.png": "images/1.png"}),
        (["1.png", "2.png"], ["1.png", "small/2.png"], {"1.png": "1.png"}),
        (["1.png", "2.png"], ["1.jpg", "1.png"], {"1.png": "1.png"}),
        # A release's own folder, renamed.
        (["v1/p1/1.png", "v1/p2/1.png"], ["v2/p1/1.png", "v2/p2/1.png"],
         {"v1/p1/1.png": "v2/p1/1.png", "v1/p2/1.png": "v2/p2/1.png"}),
        # A spreadsheet takes the spaces away that folders' names end in.
        (["P 1/S/1", "P 2/S/1"], ["P 1 /S/1", "P 2 / S/1"], {"P 1/S/1": "P 1 /S/1", "P 2/S/1": "P 2 / S/1"}),
        # The longest end counts.
        (["/x/p1/1.png", "/x/1.png"], ["p1/1.png", "1.png"], {"/x/p1/1.png": "p1/1.png", "/x/1.png": "1.png"}),
    ],
)  # fmt: skip
def test_which_folder_a_table_is_relative_to(rows: list[str], files: list[str], found: dict[str, str]) -> None:
    assert match_paths(rows, files) == found


def test_suffixes_that_differ_are_two_files() -> None:
    assert match_paths(["a.png"], ["a.dcm"]) == {}
    assert match_paths(["a.dcm"], ["a"]) == {"a.dcm": "a"}
