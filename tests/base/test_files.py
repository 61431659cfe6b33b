"""Records are whole or not there, and what a killed process left half-written is swept by the next."""

import re

import pytest

from medxfer.base.errors import MedxferError
from medxfer.base.files import alone, read_json, whole_file, write_json


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "study.json"
    write_json(path, {"a": 1})
    try:
        with whole_file(path) as file:
            file.write(b"{")
            raise OSError(28, "No space left on device")
    except OSError:
        pass
    assert read_json(path) == {"a": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["study.json"]


def test_who_holds_the_lock_sweeps_its_own_files_alone(tmp_path):
    (tmp_path / "splits").mkdir()
    mine = [tmp_path / ".study.json.a1.partial", tmp_path / "splits" / ".images-x.parquet.b2.partial"]
    others = [tmp_path / ".results.csv.c3.partial", tmp_path / "study.json", tmp_path / "splits" / "images-x.parquet"]
    for path in (*mine, *others):
        path.touch()
    with alone(tmp_path, "study", "study.json", "splits/*"):
        assert not any(path.exists() for path in mine)
    assert all(path.exists() for path in others)


def test_a_record_that_lacks_what_is_asked_of_it_is_named(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"cell": "a", "data": {"folds": [{"number": 1}]}})
    record = read_json(path)
    with pytest.raises(
        MedxferError, match=rf"^{re.escape(str(path))} is damaged or .* \(it has no 'metrics'\); delete it"
    ):
        record["metrics"]
    with pytest.raises(MedxferError, match=r"it has no 'seed'"):
        record["data"]["folds"][0]["seed"]
    assert record["cell"] == "a"
    assert record.get("metrics") is None
