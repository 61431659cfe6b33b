"""What a study's folder may hold of patients: counts by part, without any text, and none from 1 to 4."""

import json

import numpy as np
import pandas as pd
import pytest
from pictures import make_pictures
from releases import dicom, prepared

from medxfer.base.errors import MedxferError
from medxfer.data.header_facts import sex_of, years_of
from medxfer.data.inspect.people import flow_of, people
from medxfer.data.store.dataset import dataset_of


def test_ages_and_sexes_are_read_as_dicom_and_tables_write_them():
    assert [years_of(text) for text in ("045Y", "45", " 7.5 ", "006M", "000D")] == [45, 45, 7.5, 0.5, 0]
    assert [years_of(text) for text in ("45,5", "45 years", "45 J", "45 Jahre", "6 Monate", "0 days")] == [
        45.5,
        45,
        45,
        45,
        0.5,
        0,
    ]
    assert [years_of(text) for text in ("", "old", "45 x", "999Y", "45 Y 3", "-3", "73019284655")] == [None] * 7
    assert [sex_of(text) for text in ("w", "Weiblich", "MÄNNLICH", "d", "h", "1")] == [
        "female",
        "female",
        "male",
        "other",
        "",
        "",
    ]
    assert [sex_of(text) for text in ("F", "male", " O ", "x", "")] == ["female", "male", "other", "", ""]


def a_table(n: int) -> tuple[pd.DataFrame, pd.Series, np.ndarray]:
    """n patients with two images each: half train, a quarter val, a quarter test."""
    patients = pd.Series(np.repeat([f"p{i}" for i in range(n)], 2))
    facts = pd.DataFrame(
        {
            "age": np.repeat(np.arange(n, dtype=float), 2),
            "sex": np.repeat(["female" if i % 4 == 0 else "male" for i in range(n)], 2),
            "scanner": ["SECRETMARK Vision" if i % 2 else "SECRETMARK Force" for i in range(2 * n)],
        }
    )
    parts = np.repeat(["train", "val", "test"], [n, n // 2, n - n // 2])
    return facts, patients, parts


def test_patients_are_counted_once_a_part_and_scanners_are_letters():
    facts, patients, parts = a_table(40)
    found = people(facts, patients, parts)
    assert found["train"]["age"] == {"known": 20, "median": 9.5, "low": 4.8, "high": 14.2}
    assert found["train"]["sex"] == {"female": 5, "male": 15, "other": 0}
    assert found["test"]["sex"] == {"female": None, "male": 8, "other": 0}  # 2 are not told
    assert found["train"]["scanner"] == {"A": 20, "B": 20}  # each patient was at both
    assert "SECRETMARK" not in json.dumps(found)


def test_what_nobody_says_is_left_out_and_what_some_do_not_say_is_unknown():
    facts, patients, parts = a_table(40)
    nothing = facts.assign(age=np.nan, sex="", scanner="")
    assert people(nothing, patients, parts) == {"train": {}, "val": {}, "test": {}}
    facts.loc[parts == "val", ["age", "sex", "scanner"]] = [np.nan, "", ""]
    val = people(facts, patients, parts)["val"]
    assert val["age"] == {"known": 0}
    assert val["sex"] == {"female": 0, "male": 0, "other": 0, "unknown": 10}
    assert val["scanner"] == {"A": 0, "B": 0, "unknown": 10}
    few = facts.assign(age=np.where(facts.index < 8, facts["age"], np.nan))
    assert people(few, patients, parts)["train"]["age"] == {"known": None}  # four ages could be read off quartiles


def test_the_rare_scanners_are_others():
    facts, patients, parts = a_table(80)
    facts["scanner"] = [f"model {min(i // 16, 8)}" for i in range(160)]
    told = people(facts, patients, parts)["train"]["scanner"]
    assert list(told) == ["A", "B", "C", "D", "E", "F", "others"]


def test_a_header_tells_age_sex_and_scanner_and_a_named_column_goes_before(tmp_path):
    rows = []
    for i in range(40):
        facts = {"PatientAge": "060Y", "PatientSex": "F", "Manufacturer": "MARK"}
        dicom(tmp_path / "in" / f"{i}.dcm", PatientID=str(i), **facts)
        rows.append((f"{i}.dcm", "ab"[i % 2], str(i), 30, "M", f"scanner MARK{i % 2}"))
    (tmp_path / "in" / "39.dcm").write_bytes(b"none")
    table = pd.DataFrame(rows, columns=["path", "label", "patient_id", "years", "gender", "machine"])
    table.to_csv(tmp_path / "in" / "labels.csv", index=False)
    plain = ["data=dicom", f"data.root={tmp_path / 'in'}"]
    cell = prepared(tmp_path, *plain)
    flow = flow_of(dataset_of(cell.config), cell.store, cell.parts)
    assert "people_tested" not in flow
    everyone = np.full(len(cell.store), "test")
    tested = flow_of(dataset_of(cell.config), cell.store, cell.parts, everyone)["people_tested"]
    assert tested["age"] == {"known": 39, "median": 60.0, "low": 60.0, "high": 60.0}
    assert tested["sex"] == {"female": 39, "male": 0, "other": 0}
    assert flow["received"] == {"files": 40, "patients": 40}
    assert flow["used"] == {"images": 39, "patients": 39}
    assert sum(sum(part["images"]) for part in flow["by_class"].values()) == 39
    test = flow["people"]["test"]
    assert test["age"]["median"] == 60
    assert test["sex"]["male"] == 0
    assert list(test["manufacturer"]) == ["A"]
    assert "scanner" not in test
    named = [*plain, "data.columns.age=years", "data.columns.sex=gender", "data.columns.scanner=machine"]
    other = prepared(tmp_path, *named)
    assert other.store.fingerprint == cell.store.fingerprint  # a description makes no other data set
    said = flow_of(dataset_of(other.config), other.store, other.parts)
    assert said["people"]["test"]["age"]["median"] == 30
    assert said["people"]["test"]["sex"]["female"] == 0
    assert list(said["people"]["test"]["scanner"]) == ["A", "B"]
    assert "MARK" not in json.dumps(said)


@pytest.mark.parametrize(("key", "words"), [("age", "takes years"), ("sex", "takes F, M, O"), ("scanner", "no column")])
def test_a_column_that_cannot_be_read_as_what_it_is_named_for_is_refused(tmp_path, key, words):
    root = make_pictures(tmp_path / "in", n=40)
    column = "nowhere" if key == "scanner" else "patient_id"
    with pytest.raises(MedxferError, match=words):
        prepared(tmp_path, "data=images", f"data.root={root}", f"data.columns.{key}={column}")
