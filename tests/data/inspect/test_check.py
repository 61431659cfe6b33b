"""`python -m medxfer.data check`: everything that a training would meet, and nothing of a patient."""

import shutil

import numpy as np
import pandas as pd
import pytest
from pacs_export import ROOT_UID, pacs_export
from pictures import make_pictures
from releases import dicom

from medxfer.data.__main__ import main


@pytest.fixture
def scans(tmp_path):
    """Thirty patients on two scanners, one of them for all the ill; one picture twice, one file broken, one missing."""
    root = tmp_path / "scans"
    rows = []
    for i in range(60):
        ill = i // 2 % 2
        path = root / f"NAMEMARK{i}.dcm"
        dicom(
            path, PatientID=f"IDMARK{i // 2}", PatientName="NAMEMARK", Manufacturer="Siemens" if ill else "GE",
            ViewPosition="AP", StudyDescription="TEXTMARK",
        )  # fmt: skip
        rows.append((path.name, "ill" if ill else "well", f"IDMARK{i // 2}"))
    (root / "NAMEMARK9.dcm").write_bytes((root / "NAMEMARK0.dcm").read_bytes())
    (root / "NAMEMARK20.dcm").write_bytes((root / "NAMEMARK20.dcm").read_bytes()[:-100])
    (root / "NAMEMARK30.dcm").unlink()
    pd.DataFrame(rows, columns=["path", "label", "patient_id"]).to_csv(root / "labels.csv", index=False)
    return root


def run(tmp_path, root, *arguments, data="dicom"):
    return main(
        ["check", f"data={data}", f"data.root={root}", f"store.root={tmp_path / 'cache'}", "image_size=16", *arguments]
    )


def row(said: str, start: str) -> str:
    lines = (" ".join(line.split()) for line in said.splitlines())
    return next(line for line in lines if line.startswith(start))


def test_it_tells_all_of_it_before_any_training(scans, tmp_path, capsys):
    assert run(tmp_path, scans) == 0
    said = capsys.readouterr().out
    assert row(said, "truncated") == "truncated 1"
    assert row(said, "file missing") == "file missing 1"
    assert row(said, "ill") == "ill 29 15 50%"
    assert row(said, "all") == "all 58 30"
    assert row(said, "modality 1") == "modality 1 DX 58"
    assert row(said, "syntax 1") == "syntax 1 Explicit VR Little Endian 58"
    assert row(said, "size 1") == "size 1 12×10 58"
    assert row(said, "manufacturer 2") == "manufacturer 2 GE 29, Siemens 29"
    assert row(said, "of them in several patients").endswith(" 1")
    assert "ill/well" in row(said, "manufacturer ill/well")
    assert row(said, "manufacturer ill/well").endswith("tells the label")
    split = [line.split() for line in said.splitlines() if line.strip().startswith("all")][-1]
    assert sum(map(int, split[1::2])) == 58
    assert {word[0] + word[-1] for word in split[2::2]} == {"()"}
    assert "the same picture, pixel by pixel, in several patients: 1 picture" in said
    assert not list(tmp_path.glob("studies"))


def test_files_that_are_missing_are_told_of_and_allowed_as_in_training(scans, tmp_path, capsys):
    for number in range(40, 60):
        (scans / f"NAMEMARK{number}.dcm").unlink()
    assert run(tmp_path, scans) == 1
    said = capsys.readouterr()
    assert row(said.out, "file missing") == "file missing 21"
    assert "21 of 60 files are missing; data.max_missing=0.2 allows 20%" in said.err
    assert run(tmp_path, scans, "data.max_missing=0.5") == 0


def test_it_shows_nothing_of_a_patient(scans, tmp_path, capsys):
    run(tmp_path, scans)
    captured = capsys.readouterr()
    for mark in ("NAMEMARK", "IDMARK", "TEXTMARK"):
        assert mark not in captured.out + captured.err


def test_a_training_afterwards_decodes_nothing_again(scans, tmp_path, capsys, monkeypatch):
    run(tmp_path, scans)
    monkeypatch.setattr("medxfer.data.store.build.in_processes", lambda *_: pytest.fail("decoded again"))
    assert run(tmp_path, scans) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["data.max_rejected=0.01"], "1 of 59 files cannot be used"),
        (["data.label=patient_id"], "59 images have 30 different labels, as ids"),
        (["window=lung"], "needs CT images"),
        (["window=lungs"], "lung"),
        (["data.labels=nowhere.csv"], "no such file"),
        (["data.max_rejected=much"], "data.max_rejected=much: give a number"),
        (["data.split.folds=1"], "data.split.folds=1: give a whole number from 2"),
        (["image_size=large"], "image_size=large: give a whole number"),
        (["data.keep_aspect=yes please"], "data.keep_aspect=yes please: give true or false"),
        (["data.spilt.seed=1"], "data.spilt"),
        (["data.rooot=x"], "unknown setting 'data.rooot': did you mean data.root"),
        (["+data.rooot=x"], "unknown setting 'data.rooot': did you mean data.root"),
        (["data.labls=x"], "unknown setting 'data.labls': did you mean data.labels"),
        (["data.columns.pateint=x"], "unknown setting 'data.columns.pateint': did you mean data.columns.patient"),
        (["data=dicmo"], "unknown data 'dicmo': did you mean dicom?"),
        (["out=x.csv"], "unknown setting 'out'"),
        (["-m"], "-m"),
    ],
)
def test_what_would_stop_a_training_is_one_line_and_an_exit_code(scans, tmp_path, capsys, arguments, words):
    assert run(tmp_path, scans, *arguments) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert words in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    if "max_rejected=0" in arguments[0]:
        assert row(captured.out, "truncated") == "truncated 1"  # what can be told is told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chekc", "data=dicom"], "unknown command 'chekc': did you mean check?"),
        (["sacn"], "unknown command 'sacn': did you mean scan?"),
        (["scan", "rooot=x"], "unknown setting 'rooot': did you mean root"),
        (["stores", "store.rot=x"], "unknown setting 'store.rot': did you mean store.root?"),
        (["prune", "unsed=3"], "unknown setting 'unsed': did you mean unused?"),
    ],
)
def test_a_slip_in_a_command_is_answered_with_the_nearest_name(capsys, arguments, said):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {said}")
    assert len(error.splitlines()) == 1


def test_multi_label_data_are_told_of_by_finding(tmp_path, capsys):
    root = make_pictures(tmp_path / "in", n=60)
    table = pd.read_csv(root / "labels.csv").drop(columns="label")
    draws = np.random.default_rng(0).random((60, 2)) < 0.4
    table.join(pd.DataFrame(draws.astype(int), columns=["edema", "mass"])).to_csv(root / "labels.csv", index=False)
    assert run(tmp_path, root, "data.label=[edema,mass]", data="images") == 0
    said = capsys.readouterr().out
    assert "multilabel: edema | mass" in said
    assert row(said, "edema").startswith(f"edema {draws[:, 0].sum()}")
    assert "No header field has more than one value" in said


def test_series_are_counted_and_it_says_how_they_are_scored(tmp_path, capsys):
    export = pacs_export(tmp_path)
    asked = [f"data.labels={export.labels}", "data.label=Befund"]
    assert run(tmp_path, export.root, *asked, data="ct_series") == 0
    assert row(capsys.readouterr().out, "series 12").startswith("series 12; each image has a score (data.score=mean")
    assert run(tmp_path, export.root, *asked, "data.score=max", data="ct_series") == 0
    said = capsys.readouterr().out
    assert row(said, "series 12") == "series 12; each has one score, the highest probability of its slices"
    assert ROOT_UID not in said


def test_where_nobody_names_the_patients_it_says_how_to(tmp_path, capsys):
    own = make_pictures(tmp_path / "own")
    table = pd.read_csv(own / "labels.csv").drop(columns="patient_id")
    table.to_csv(own / "labels.csv", index=False)
    tree = tmp_path / "tree"
    for file, label in zip(table["path"], table["label"], strict=True):
        (tree / str(label)).mkdir(parents=True, exist_ok=True)
        shutil.copy(own / file, tree / str(label))
    table_way = "columns.patient= (a column of the table)"
    tree_way = "patient= (a pattern of the files' paths)"
    sets = {"own": ("images", own), "tree": ("tree", tree)}
    joined = [
        text
        for name, (data, root) in sets.items()
        for text in (f"+data@data.sets.{name}={data}", f"data.sets.{name}.root={root}")
    ]
    for arguments, ways in (
        (["data=images", f"data.root={own}"], f"data.{table_way}"),
        (["data=tree", f"data.root={tree}"], f"data.{tree_way}"),
        (["data=joined", *joined], f"data.sets.own.{table_way} or data.sets.tree.{tree_way}"),
    ):
        main(["check", f"store.root={tmp_path / 'cache'}", "image_size=16", *arguments])
        said = " ".join(capsys.readouterr().out.split())
        assert f"so intervals may be too narrow; give them by {ways}." in said


def test_too_few_patients_are_answered_with_what_the_data_set_has(tmp_path, capsys):
    phantoms = ["data=phantom_dx", "data.patients=4", "data.images=1", f"store.root={tmp_path / 'cache'}"]
    assert main(["check", *phantoms, "image_size=16"]) == 1
    assert "give every class at least three, or draw more patients (data.patients=)" in capsys.readouterr().err
    (tmp_path / "tree").mkdir()
    for number in range(12):  # folders are patients, not classes
        make_pictures(tmp_path / "tree" / f"P{number}", 1)
        (tmp_path / "tree" / f"P{number}" / "labels.csv").unlink()
    assert run(tmp_path, tmp_path / "tree", data="tree") == 1
    assert "12 different labels, as ids or measured values have; merge the folders" in capsys.readouterr().err
