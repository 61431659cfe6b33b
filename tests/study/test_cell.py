"""Cells: records whole or not at all, reasons without paths."""

import json
import os

import pandas as pd
import pytest
from omegaconf import OmegaConf

from medxfer.base.errors import MedxferError
from medxfer.base.files import write_json, write_text
from medxfer.base.words import arm_name
from medxfer.study.cell import Cell, reason
from medxfer.study.folder import Study


@pytest.fixture
def cell(tmp_path):
    return Cell(Study(tmp_path), "c", {"seed": 0})


def test_a_cell_is_done_when_its_metrics_are_there(cell):
    assert not cell.is_done()
    table = pd.DataFrame({"image": ["i"], "score_0": [0.5]})
    cell.folder.mkdir(parents=True)
    cell.record_done(OmegaConf.create({"data": {"root": "/secret"}}), {"metrics": {"test/accuracy": 1.0}}, table)
    assert cell.is_done()
    assert cell.metrics() == {"test/accuracy": 1.0}
    assert "secret" not in (cell.folder / "config.yaml").read_text()
    assert pd.read_parquet(cell.folder / "predictions.parquet").equals(table)
    assert not (cell.folder / "colors.parquet").exists()


def test_a_failure_is_recorded_without_paths_and_forgotten_once_done(cell):
    try:
        raise MedxferError("/home/anna/images: no such folder; window=40/400 is fine")
    except MedxferError as error:
        cell.record_failed(error)
    assert cell.failure() == "<path>: no such folder; window=40/400 is fine"
    assert "anna" not in (cell.folder / "failed.json").read_text()
    cell.record_done(OmegaConf.create({}), {"metrics": {}}, pd.DataFrame({"image": ["i"]}))
    assert cell.failure() is None


def test_other_libraries_errors_are_one_line():
    assert reason(ValueError("first\nsecond")) == "ValueError: first"


def test_a_record_is_whole_or_the_old_one(tmp_path, monkeypatch):
    write_json(tmp_path / "r.json", {"a": 1})
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_text(tmp_path / "r.json", "half")
    assert json.loads((tmp_path / "r.json").read_text()) == {"a": 1}


def test_what_is_no_number_is_no_record(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "r.json", {"a": float("nan")})


def test_a_learned_table_is_part_of_the_record(cell):
    cell.folder.mkdir(parents=True)
    colors = pd.DataFrame({"r": [0.0, 1.0], "g": [0.0, 0.5], "b": [0.1, 0.9]})
    cell.record_done(OmegaConf.create({}), {"metrics": {}}, pd.DataFrame({"image": ["i"]}), colors)
    assert pd.read_parquet(cell.folder / "colors.parquet").equals(colors)


@pytest.mark.parametrize(
    ("pretrained", "named"),
    [(True, "pretrained"), (False, "random"), ("bottom:2", "bottom:2"), ("a1_in1k", "a1_in1k")],
)
def test_an_arm_is_named_by_colours_and_the_origin_of_its_weights(pretrained, named):
    assert arm_name(("none", pretrained)) == f"none × {named}"
