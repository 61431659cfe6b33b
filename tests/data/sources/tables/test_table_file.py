"""Tables of any usual separator, encoding and line end say the same; what is none is one sentence."""

import csv
import gzip
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medxfer.base.errors import MedxferError
from medxfer.data.sources.tables import read_table

LATIN = st.characters(codec="cp1252", exclude_categories=("Cc", "Zs", "Zl", "Zp"), exclude_characters="\ufeff")
CELL = st.text(LATIN | st.sampled_from(" ,;"), max_size=8).map(str.strip)
ROWS = st.lists(st.tuples(CELL.filter(bool), CELL, CELL), min_size=1, max_size=6)
HEADER = ("path", "Diagnose", "note")
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


def text_of(rows: list[tuple[str, ...]], separator: str, end: str = "\n", trailing: str = "") -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=separator, lineterminator="\n").writerows([HEADER, *rows])
    return stream.getvalue().replace("\n", f"{trailing}{end}")


def read(folder: Path, data: bytes, name: str = "labels.csv") -> list[tuple[str, ...]]:
    (folder / name).write_bytes(data)
    table = read_table(folder / name, HEADER[:2], "")
    assert tuple(table.columns) == HEADER
    return [tuple(row) for row in table.itertuples(index=False)]


@given(ROWS, st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]), st.sampled_from(ENCODINGS), st.booleans())
def test_every_way_of_writing_a_table_says_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, ...]],
    separator: str,
    end: str,
    encoding: str,
    packed: bool,
) -> None:
    data = text_of(rows, separator, end).encode(encoding)
    folder = tmp_path_factory.getbasetemp()
    assert read(folder, gzip.compress(data) if packed else data) == rows


@given(ROWS, st.sampled_from(",;\t"), st.sampled_from(["", ",", ",,"]))
def test_separators_after_the_last_column_shift_nothing(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], separator: str, trailing: str
) -> None:
    header, _, rest = text_of(rows, separator, trailing=trailing.replace(",", separator)).partition("\n")
    text = f"{header.rstrip(separator)}\n{rest}"  # in the rows alone, where pandas takes the first column for an index
    assert read(tmp_path_factory.getbasetemp(), text.encode()) == rows


def test_old_line_ends_and_excels_own_first_line(tmp_path: Path) -> None:
    rows = [("a.png", "x", "1"), ("b.png", "y", "2")]
    assert read(tmp_path, text_of(rows, ";", "\r").encode()) == rows
    assert read(tmp_path, ("sep=;\r\n" + text_of(rows, ";", "\r\n")).encode()) == rows
    assert read(tmp_path, ("\n\n" + text_of(rows, ",") + "\n,,\n").encode()) == rows


def test_a_header_with_other_separators_in_its_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("path;Diagnose;size (x, y, z, t)\na.png;x;1, 2, 3, 4\n")
    assert read_table(tmp_path / "a.csv", HEADER[:2], "")["Diagnose"].tolist() == ["x"]


@pytest.mark.parametrize(
    "above",
    [
        "Befunde 2024;;\n",
        "# exported by hand\n\n",
        '"Befunde;\n2024"\n;;\n',
        "Befunde, Radiologie, Haus 3, 2024\n",
        "a;b;c\n" * 19,
    ],
)
def test_a_title_may_stand_above_the_names_of_the_columns(tmp_path: Path, above: str) -> None:
    rows = [("a.png", "x", "1"), ("b.png", "y", "2")]
    assert read(tmp_path, (above + text_of(rows, ";")).encode()) == rows


def test_no_row_is_lost_where_names_of_columns_have_several_lines(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('path;Diagnose;"Text\nBefund"\na.png;x;"1\n\n2"\nb.png;y;\n')
    table = read_table(tmp_path / "a.csv", HEADER[:2], "")
    assert table.values.tolist() == [["a.png", "x", "1\n\n2"], ["b.png", "y", ""]]
    assert list(table) == ["path", "Diagnose", "Text Befund"]


def test_the_index_that_pandas_writes_is_no_column(tmp_path: Path) -> None:
    pd.DataFrame([("a.png", "x", "")], columns=list(HEADER)).to_csv(tmp_path / "labels.csv")
    assert read(tmp_path, (tmp_path / "labels.csv").read_bytes()) == [("a.png", "x", "")]


def test_excel_files(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    table = pd.DataFrame({"path": ["a.png", "b.png", None], "Diagnose": [1, 0, None], "note": ["Ä", None, None]})
    legend = pd.DataFrame({"code": [0, 1], "meaning": ["no", "yes"]})
    with pd.ExcelWriter(tmp_path / "labels.xlsx") as writer:
        legend.to_excel(writer, sheet_name="Legend", index=False)
        table.to_excel(writer, sheet_name="Labels", index=False)
    found = read(tmp_path, (tmp_path / "labels.xlsx").read_bytes(), "labels.csv")  # by content, not by name
    assert [(path, float(label), note) for path, label, note in found] == [("a.png", 1, "Ä"), ("b.png", 0, "")]
    with pd.ExcelWriter(tmp_path / "two.xlsx") as writer:
        for name in ("2023", "2024"):
            table.to_excel(writer, sheet_name=name, index=False)
    with pytest.raises(MedxferError, match="its sheets 2023 and 2024 both have these columns"):
        read_table(tmp_path / "two.xlsx", HEADER[:2], "")


def test_hidden_sheets_titles_and_formulas_of_excel(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path, rows = tmp_path / "labels.xlsx", [list(HEADER), ["a.png", "x", "1"], ["b.png", "y", "2"]]

    def saved(**sheets: list[list[str]]) -> None:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, of_sheet in sheets.items():
            sheet = book.create_sheet(name)
            sheet.sheet_state = "hidden" if name.startswith("hidden") else "visible"
            for row in of_sheet:
                sheet.append(row)
        book.save(path)

    saved(Labels=[["Befunde 2024"], [], *rows], hidden=[rows[0], ["c.png", "z", "3"]])
    assert read(tmp_path, path.read_bytes()) == [tuple(row) for row in rows[1:]]
    book = openpyxl.load_workbook(path)
    book["Labels"].merge_cells("B4:B5")
    book["Labels"].merge_cells("A1:C1")
    book.save(path)
    assert read(tmp_path, path.read_bytes()) == [("a.png", "x", "1"), ("b.png", "x", "2")]
    saved(Legend=[["code"], ["1"]], hidden=rows)
    assert len(read(tmp_path, path.read_bytes())) == 2
    saved(Labels=[rows[0], *([name, f'=IF(TRUE,"{label}","")', note] for name, label, note in rows[1:])])
    with pytest.raises(MedxferError, match=r"the column 'Diagnose' is blank in every row; if formulas .* the way out"):
        read_table(path, HEADER[:2], "the way out")


def test_a_table_alone_in_a_zip_is_read_and_other_archives_are_named(tmp_path: Path) -> None:
    def archive(**files: str) -> Path:
        with zipfile.ZipFile(tmp_path / "labels.zip", "w") as made:
            for name, text in files.items():
                made.writestr(name, text)
        return tmp_path / "labels.zip"

    rows = [("a.png", "x", "1"), ("b.png", "y", "2")]
    assert read(tmp_path, archive(labels=text_of(rows, ";")).read_bytes()) == rows
    for files, said in (
        ({"a": "1", "b": "2"}, "it is an archive of 2 files: unpack it"),
        ({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "x": ""}, "it is an OpenDocument file"),
    ):
        with pytest.raises(MedxferError, match=said):
            read_table(archive(**files), HEADER[:2], "")


def test_a_table_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(MedxferError, match=r"labels\.csv: no such file or directory; the way out$"):
        read_table(tmp_path / "labels.csv", HEADER[:2], "the way out")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"path,Diagnose\na.png,effusion, left\n", "row 1 has more columns than the first line names"),
        (b"path,Diagnose,Diagnose\na.png,x,y\n", "two of its columns are called 'Diagnose'"),
        (b"path,label\na.png,x\n", "no column 'Diagnose'; it has path, label; the way out"),
        (b"path,DIAGNOSE\na.png,x\n", r"no column 'Diagnose' \(the nearest is 'DIAGNOSE'\); it has path, DIAGNOSE"),
        (b"Befunde,2024\npath,label,x\na.png,x,y\n", "no column 'path' or 'Diagnose'; it has Befunde, 2024"),
        (b'path,Diagnose\na.png,x\nb.png,"y\n', "a quotation mark opens in row 2 and does not close"),
        (b" <!DOCTYPE html><table><tr><td>path", "it is a web page"),
        (b" \n", "it is empty"),
        (b'[{"path": "a.png", "label": "x"}]', "it is JSON"),
        (
            ",".join(["a" * 99, *map(str, range(50))]).encode(),
            f"it has {'a' * 40}…, 0, .*, 18 and 31 more; the way out",
        ),
        (b"path,Diagnose\n\n,\n", "has no rows"),
        (b"", "not a readable table"),
        (bytes(range(256)), "not a readable table"),
        (b"\x1f\x8bnone", "not a readable table"),
        (b"PK\x03\x04none", "not a readable table"),
        (b"\xd0\xcf\x11\xe0", "Excel's old format or locked by a password"),
    ],
)
def test_what_is_no_table_is_one_sentence(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "labels.csv").write_bytes(data)
    with pytest.raises(MedxferError, match=said) as caught:
        read_table(tmp_path / "labels.csv", HEADER[:2], "the way out")
    assert "\n" not in str(caught.value)
