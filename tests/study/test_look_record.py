"""Looks: what may be declared, and what is kept of those taken."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.study.declared import declaration, read_declared, read_looks
from medxfer.study.look_record import LookRecord, Taken, record_looks
from medxfer.study.look_record import read_looks as read_record
from medxfer.study.opening import open_study

THREE = Taken(3, (0.4,), 0.016, 2.4, 0.016, 0.01, 0.3, 1.0, False)
FIVE = Taken(5, (0.4, 0.6), 0.024, 2.5, 0.012, 0.02, 0.04, 1.0, True)


def configured(*overrides: str):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", list(overrides))


@pytest.mark.parametrize(("given", "looks"), [("[3,5,10]", [3, 5, 10]), ("[]", []), ("null", []), ("[2]", [2])])
def test_looks_are_declared(given: str, looks: list[int]) -> None:
    assert declaration(configured(f"study.looks={given}")).get("looks", []) == looks


@pytest.mark.parametrize("given", ["[1,5]", "[5,3]", "[3,3]", "[3.5]", "[true]", "5", "three", "[three]"])
def test_other_looks_are_refused_in_a_sentence(given: str) -> None:
    with pytest.raises(MedxferError, match=r"study\.looks=.*study\.looks=\[3,5,10\]"):
        declaration(configured(f"study.looks={given}"))


def test_declared_looks_cannot_be_changed(tmp_path: Path) -> None:
    named = (f"study.root={tmp_path}", "study.name=mine")
    study = open_study(configured(*named, "study.looks=[3,5]"), "f1")
    assert study.record["declared"]["looks"] == [3, 5]
    with pytest.raises(MedxferError, match=r"looks was \[3, 5\], is \[3, 5, 10\]"):
        open_study(configured(*named, "study.looks=[3,5,10]"), "f1")


def test_a_study_of_earlier_versions_has_no_looks(tmp_path: Path) -> None:
    rules = declaration(configured())
    old = {key: rules[key] for key in ("rq1", "rq2")}
    assert read_declared(tmp_path, old).looks == ()
    with pytest.raises(MedxferError, match="cannot judge by what"):
        read_declared(tmp_path, {**old, "looks": [5, 3]})
    assert read_looks((3, 5)) == (3, 5)


def test_a_look_is_kept_as_it_was_taken(tmp_path: Path) -> None:
    assert read_record(tmp_path) == LookRecord()
    first = record_looks(tmp_path, LookRecord({"RQ1 a": (THREE,)}, {}))
    assert read_record(tmp_path) == first
    again = record_looks(tmp_path, LookRecord({"RQ1 a": (replace(THREE, z=9.0), FIVE), "RQ2 b": (FIVE,)}, {}))
    assert again.declared == {"RQ1 a": (THREE, FIVE), "RQ2 b": (FIVE,)}
    assert read_record(tmp_path) == again
    content = (tmp_path / "looks.json").read_text()
    record_looks(tmp_path, LookRecord({"RQ1 a": (replace(THREE, p=0.0),)}, {}))
    assert (tmp_path / "looks.json").read_text() == content


def test_reports_that_were_not_declared_add_up(tmp_path: Path) -> None:
    for seeds in (3, 5, 3):
        record_looks(tmp_path, LookRecord({}, {"RQ2 b": (seeds,)}))
    assert read_record(tmp_path).undeclared == {"RQ2 b": (3, 5)}


def test_nothing_is_written_if_there_is_nothing_to_keep(tmp_path: Path) -> None:
    record_looks(tmp_path, LookRecord())
    assert not (tmp_path / "looks.json").exists()


@pytest.mark.parametrize("content", ["{", "[]", "{}", json.dumps({"declared": {"a": [{"z": 1}]}, "undeclared": {}})])
def test_a_damaged_record_says_what_hangs_on_it(tmp_path: Path, content: str) -> None:
    (tmp_path / "looks.json").write_text(content)
    with pytest.raises(MedxferError, match=r"looks\.json is damaged, and later looks follow .* put a copy of it back"):
        read_record(tmp_path)
