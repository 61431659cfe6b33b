"""What the cells of a table mean: blank ones, numbers that Excel or pandas wrote in another way, names of classes."""

import re
import unicodedata
from collections.abc import Iterable

import pandas as pd

from medxfer.base.errors import MedxferError

# What programs write for a cell that is empty, as pandas reads them. Not "none", which is a class of its own.
MISSING = frozenset(
    ("", "NA", "N/A", "n/a", "#N/A", "#NV", "#NA", "<NA>", "nan", "NaN", "-nan", "-NaN", "NAN", "NaT", "None", "null",
     "NULL", "Null", "#N/A N/A", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN")
)  # fmt: skip
_ROUNDED = r"\s*\d(?:[.,]\d+)?[Ee]\+\d{2,}\s*"
_FAILED = r"\s*(#\w[\w/]*[!?]|#{3,})\s*"  # #REF!, #NAME?, in any language; ##### for a column that is too narrow
_WHOLE = re.compile(r"([+-]?\d+)(?:\.0+|,0{1,2})")  # 1.0, or a European 1,0


def cleaned(cells: pd.Series) -> pd.Series:
    """The text of `cells` without space around it and in one Unicode form (NFC); "" for what is missing, and the same
    for equal whole numbers (1, 1.0)."""
    return cells.map({text: clean(text) for text in cells.unique()})


def clean(text: str) -> str:
    """One cell, as `cleaned` gives it."""
    text = unicodedata.normalize("NFC", text.strip())
    whole = _WHOLE.fullmatch(text)
    return "" if text in MISSING else whole[1] if whole else text


def words_for_missing(cells: pd.Series) -> dict[str, int]:
    """How many of `cells` say that they are empty, by their word."""
    words = cells.str.strip()
    counts = words[words.isin(MISSING) & (words != "")].value_counts()
    return {str(word): int(count) for word, count in counts.items()}


def check_not_rounded(cells: pd.Series, where: str) -> None:
    """Raise MedxferError if a spreadsheet has written a long number of `cells` as 1.23E+09, as it may others too."""
    rounded = cells[cells.str.fullmatch(_ROUNDED)]
    if len(rounded):
        raise MedxferError(
            f"{where}: a spreadsheet has rounded its numbers ('{rounded.iloc[0]}'), so that different ones look alike: "
            "export it again with this column as text"
        )


def check_no_failures(cells: pd.Series, where: str) -> None:
    """Raise MedxferError if one of `cells` is a spreadsheet's own word for what it could not compute or show."""
    failed = cells[cells.str.fullmatch(_FAILED)]
    if len(failed):
        raise MedxferError(
            f"{where}: a spreadsheet could not compute or show {len(failed)} of its cells "
            f"('{failed.iloc[0].strip()}'): mend its formulas or widen the column, and export it again"
        )


def nearly_equal(names: Iterable[str]) -> list[tuple[str, str]]:
    """The pairs of `names` that differ in case, spaces, hyphens and leading zeros alone."""
    first: dict[str, str] = {}
    pairs = []
    for name in sorted(names):
        bare = re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", name)).casefold()
        bare = re.sub(r"^0+(?=\d)", "", bare)
        other = first.setdefault(bare, name)
        if other != name:
            pairs.append((other, name))
    return pairs
