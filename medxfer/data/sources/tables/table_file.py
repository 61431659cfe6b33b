"""A table of text as it comes: CSV with any usual separator and encoding, XLSX, or Parquet."""

import codecs
import csv
import gzip
import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd

from medxfer.base.errors import MedxferError, first_line

SEPARATORS = (",", ";", "\t", "|")
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_MANY, _LONG = 20, 40  # names of columns that an error shows, and their letters
_TITLES = 20  # rows in which the names of the columns are looked for
csv.field_size_limit(2**31 - 1)  # masks as run lengths are longer than its default
# How files begin.
_XLSX = "[Content_Types].xml"  # in every XLSX file
_GZIP, _ZIP, _OLD_EXCEL, _PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1"


def read_table(path: Path, columns: Iterable[str], way_out: str) -> pd.DataFrame:
    """A table as text, "" for what is blank; without rows and nameless columns that are blank.

    A CSV has commas, semicolons, tabs or bars, whichever tells its columns; it is UTF-8, UTF-16 or else cp1252.
    It may be compressed, by gzip or as the one file of a ZIP. Of an XLSX file, the sheet that has `columns` is read
    (needs medxfer[xlsx]). A title may stand above the names of the columns.
    A Parquet file's values are taken as the text that Python writes of them.

    Raises MedxferError if it cannot be read, is empty or lacks one of `columns`; the error ends in `way_out`.
    """
    wanted = list(columns)
    try:
        data = path.read_bytes()
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
        elif data.startswith(_ZIP):
            data = _unzipped(data)
        if data.startswith((_ZIP, _OLD_EXCEL)):
            sheets = _sheets(data, wanted)
        else:
            sheets = {"": _parquet(data, wanted) if data.startswith(_PARQUET) else _from_text(_decoded(data), wanted)}
    except (ValueError, OSError, EOFError, zlib.error, csv.Error) as error:
        of_file = error.strerror.lower() if isinstance(error, OSError) and error.strerror else ""  # not there, not mine
        raise MedxferError(f"{path}: {of_file or f'not a readable table ({error})'}; {way_out}") from error
    having = [name for name, sheet in sheets.items() if set(wanted) <= set(sheet.columns)] or list(sheets)[:1]
    if len(having) > 1:
        raise MedxferError(f"{path}: its sheets {' and '.join(having)} both have these columns; leave one in the file")
    table = sheets[having[0]] if having else pd.DataFrame()
    if absent := [column for column in wanted if column not in table.columns]:
        raise no_column(path, absent, table.columns, way_out)
    if table.empty:
        raise MedxferError(f"{path}: has no rows; {way_out}")
    blank = [column for column in wanted if (table[column] == "").all()]
    if blank and data.startswith(_ZIP):
        raise MedxferError(
            f"{path}: the column '{blank[0]}' is blank in every row; if formulas stand in it, open the file in a "
            f"spreadsheet and save it there, so that it holds their values; {way_out}"
        )
    return table


def no_column(path: Path, absent: Sequence[str], columns: Iterable[object], way_out: str) -> MedxferError:
    """The error for columns that a table lacks, with the nearest names that it has, and all."""
    has = [str(column) for column in columns]
    small = {column.casefold(): column for column in has}
    near = [small[near] for name in absent for near in get_close_matches(name.casefold(), small, n=1, cutoff=0.5)]
    nearest = f" (the nearest is {' and '.join(map(repr, dict.fromkeys(near)))})" if near else ""
    missing = " or ".join(map(repr, absent))
    return MedxferError(f"{path}: no column {missing}{nearest}; it has {shown_names(has)}; {way_out}")


def shown_names(columns: Iterable[object]) -> str:
    """Names of a table's columns for an error, not longer than one can read."""
    names = [name if len(name) <= _LONG else f"{name[:_LONG]}…" for name in map(str, columns)]
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(names[:_MANY]) + more


def _unzipped(data: bytes) -> bytes:
    """An XLSX file, which is a ZIP, as it is; of another ZIP its one file. Raises ValueError for other archives."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if _XLSX in names:
                return data
            if len(names) == 1:
                return archive.read(names[0])
            kind = archive.read("mimetype") if "mimetype" in names else b""
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:  # cut off, locked, of another method
        raise ValueError(f"no whole XLSX or ZIP: {type(error).__name__}") from error
    if b"opendocument" in kind:
        raise ValueError("it is an OpenDocument file: save it as XLSX or CSV")
    raise ValueError(f"it is an archive of {len(names)} files: unpack it")


def _decoded(data: bytes) -> str:
    """Raises ValueError for what is no text."""
    encoding = next((name for bom, name in _BOMS.items() if data.startswith(bom)), None)
    if encoding is None and b"\0" in data[:1000]:  # UTF-16 without a mark: of Latin letters every other byte is 0
        encoding = "utf-16-le" if data[1:1000:2].count(0) > data[:1000:2].count(0) else "utf-16-be"
    if encoding is None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = data.decode("cp1252")
    else:
        text = data.decode(encoding)
    if "\0" in text:
        raise ValueError("it is no text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _from_text(text: str, wanted: Sequence[str]) -> pd.DataFrame:
    """Raises ValueError or csv.Error for a text that is no table."""
    if not text.strip():
        raise ValueError("it is empty")
    if re.match(r"\s*[\[{]", text):
        raise ValueError("it is JSON: save it as CSV")
    if re.match(r"\s*<(!doctype|html|table|\?xml)", text, re.IGNORECASE):
        raise ValueError("it is a web page, whatever its name says: open it in a spreadsheet and save it as XLSX")
    said = re.match(r"sep=(.)\n", text)  # Excel's own way to name the separator
    text = text[said.end() :] if said else text
    headers = {one: _header_and_rest(text, one, wanted) for one in ([said[1]] if said else SEPARATORS)}

    def tells(separator: str) -> tuple[int, int]:
        # A header may have the other separators within its names, as NIH's "OriginalImage[Width,Height]" has.
        names = list(map(_name, headers[separator][0]))
        return len({*wanted} & {*names}), len(names)

    separator = max(headers, key=tells)
    header, rest = headers[separator]
    if not rest.strip():
        return pd.DataFrame(columns=[*filter(None, map(_name, header))])
    width = max(len(header), *map(len, _reader(io.StringIO(rest), separator)))
    try:
        rows: pd.DataFrame = pd.read_csv(  # without its header: pandas takes one that is too short for an index
            io.StringIO(rest), sep=separator, header=None, names=list(range(width)), dtype=str, keep_default_na=False,
            skipinitialspace=True, index_col=False,
        )  # fmt: skip
    except pd.errors.ParserError as error:
        if open_quote := re.search(r"EOF inside string starting at row (\d+)", str(error)):
            raise ValueError(f"a quotation mark opens in row {int(open_quote[1]) + 1} and does not close") from error
        raise
    return _named(rows.fillna(""), header, wanted)


def _header_and_rest(text: str, separator: str, wanted: Sequence[str]) -> tuple[list[str], str]:
    """The names of the columns, and the text below them."""
    stream = io.StringIO(text)
    rows = [(row, stream.tell()) for row, _ in zip(_reader(stream, separator), range(_TITLES), strict=False)]
    header, end = rows[_header_place([row for row, _ in rows], wanted)]
    return header, text[end:]


def _reader(stream: io.StringIO, separator: str) -> Iterator[list[str]]:
    return csv.reader(stream, delimiter=separator, skipinitialspace=True)


def _header_place(rows: Sequence[Sequence[object]], wanted: Sequence[str]) -> int:
    """Which of the first `rows` names the columns: the first that has all that are `wanted`, because a title may stand
    above it; else the first that is not blank."""
    names = [[*map(_name, row)] for row in rows]
    filled = [place for place, row in enumerate(names) if any(row)]
    return next((place for place in filled if {*wanted} <= {*names[place]}), filled[0] if filled else 0)


def _sheets(data: bytes, wanted: Sequence[str]) -> Mapping[str, pd.DataFrame]:
    """Raises ValueError for a file that is no XLSX, and MedxferError without the package that reads it. A hidden sheet
    counts where no other has what is wanted."""
    if data.startswith(_OLD_EXCEL):
        raise ValueError("it is in Excel's old format or locked by a password: save it as XLSX or CSV without one")
    try:
        import openpyxl  # noqa: F401
    except ImportError as error:
        raise MedxferError("XLSX needs a package: pip install 'medxfer[xlsx]', or save the table as CSV") from error
    try:
        # Whole: what is read as it comes knows no merged cells.
        with pd.ExcelFile(io.BytesIO(data), engine="openpyxl", engine_kwargs={"read_only": False}) as book:
            sheets = pd.read_excel(book, sheet_name=None, header=None, dtype=str, keep_default_na=False)
            hidden = {sheet.title for sheet in book.book.worksheets if sheet.sheet_state != "visible"}
            merged = {sheet.title: sheet.merged_cells.ranges for sheet in book.book.worksheets}
    except Exception as error:  # openpyxl's are of many kinds
        raise ValueError(f"no XLSX: {type(error).__name__}") from error
    found: dict[str, pd.DataFrame] = {}
    for name, sheet in sheets.items():
        if len(sheet):
            filled = _unmerged(sheet.fillna(""), merged[str(name)])
            place = _header_place(filled.iloc[:_TITLES].to_numpy().tolist(), wanted)
            found[str(name)] = _named(filled.iloc[place + 1 :], filled.iloc[place], wanted)
    shown = {name: table for name, table in found.items() if name not in hidden}
    return shown if any({*wanted} <= {*table.columns} for table in shown.values()) else found


def _unmerged(sheet: pd.DataFrame, merged: Iterable[Any]) -> pd.DataFrame:
    """`sheet` with the value of cells that are merged over several rows in each of these; `merged` are openpyxl's."""
    for cells in merged:
        first, column = cells.min_row - 1, cells.min_col - 1
        if cells.max_row > cells.min_row and first < len(sheet) and column < sheet.shape[1]:
            sheet.iloc[first : cells.max_row, column] = sheet.iloc[first, column]
    return sheet


def _parquet(data: bytes, wanted: Sequence[str]) -> pd.DataFrame:
    """Raises ValueError for a file that is no whole Parquet file."""
    try:
        table = pd.read_parquet(io.BytesIO(data))
    except Exception as error:  # pyarrow's are of many kinds
        raise ValueError(f"no Parquet: {first_line(error)}") from error
    table = table.reset_index() if any(table.index.names) else table
    text = table.astype(object).where(table.notna(), "").astype(str)
    return _named(text.set_axis(range(table.shape[1]), axis=1), table.columns, wanted)


def _name(text: object) -> str:
    return unicodedata.normalize("NFC", " ".join(str(text).split()))


def _named(rows: pd.DataFrame, header: Iterable[object], wanted: Sequence[str]) -> pd.DataFrame:
    """`rows` under the names of `header`, which may be fewer. A first column without a name is pandas' own index.

    Raises ValueError if another column has text and no name, or if two that are `wanted` have one name.
    """
    rows = rows[(rows != "").any(axis=1)].reset_index(drop=True)
    names = [*map(_name, header)]
    names += [""] * (rows.shape[1] - len(names))
    text = (rows.iloc[:, [place for place, name in enumerate(names) if place and not name]] != "").any(axis=1)
    if text.any() and {*wanted} <= {*names}:
        raise ValueError(
            f"row {int(text.to_numpy().argmax()) + 1} has more columns than the first line names: put a text that "
            "holds the separator in quotes"
        )
    if twice := [name for name in wanted if names.count(name) > 1]:
        raise ValueError(f"two of its columns are called '{twice[0]}'")
    kept = {name: place for place, name in reversed(list(enumerate(names))) if name}
    places = sorted(kept.values())
    return rows.iloc[:, places].set_axis([names[place] for place in places], axis=1)
