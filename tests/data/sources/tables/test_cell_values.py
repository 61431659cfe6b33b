"""What cells mean: missing ones, numbers written in two ways, names that nearly agree."""

import pandas as pd
import pytest

from medxfer.base.errors import MedxferError
from medxfer.data.sources.tables import check_no_failures, clean, cleaned, nearly_equal, words_for_missing


@pytest.mark.parametrize("text", ["", " ", "NA", "N/A", "n/a", "nan", "NaN", "None", "null", "NULL", "<NA>", " NA "])
def test_what_programs_write_for_nothing_is_nothing(text: str) -> None:
    assert clean(text) == ""


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (" yes\u00a0", "yes"), ("1.0", "1"), ("1,0", "1"), ("-2.00", "-2"), ("1.5", "1.5"), ("1,000", "1,000"),
        ("01", "01"),        ("none", "none"), ("Na", "Na"), ("u\u0308", "ü"), ("1.0.0", "1.0.0"), ("0", "0"),
    ],
)  # fmt: skip
def test_a_cell_is_stripped_and_a_whole_number_is_one(text: str, meant: str) -> None:
    assert clean(text) == meant


def test_words_for_missing_are_counted() -> None:
    cells = pd.Series(["None", "a", "", " NA", "None"])
    assert words_for_missing(cells) == {"None": 2, "NA": 1}
    assert cleaned(cells).tolist() == ["", "a", "", "", ""]


@pytest.mark.parametrize("word", ["#REF!", "#DIV/0!", "#NAME?", "#BEZUG!", "#ÜBERLAUF!", "########", " #NUM! "])
def test_what_a_spreadsheet_could_not_compute_is_refused(word: str) -> None:
    with pytest.raises(MedxferError, match="the column 'x': a spreadsheet could not compute or show 1 of its cells"):
        check_no_failures(pd.Series(["a", word]), "the column 'x'")
    check_no_failures(pd.Series(["#1", "#N/A", "C#", "Why?", "#", "# REF!", "see #REF!"]), "the column 'x'")


def test_names_that_nearly_agree_are_paired() -> None:
    assert nearly_equal(["Normal", "normal", "sick"]) == [("Normal", "normal")]
    assert nearly_equal(["no finding", "no_finding", "No Finding", "1", "01"]) == [
        ("01", "1"), ("No Finding", "no finding"), ("No Finding", "no_finding"),
    ]  # fmt: skip
    assert nearly_equal(["covid", "no_covid", "10", "100"]) == []
