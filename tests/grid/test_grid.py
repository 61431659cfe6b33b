"""The main command, run as a user runs it: a grid, its records, its answer, and each way in which it can be wrong."""

import json
import os
import re
import subprocess
from math import prod
from pathlib import Path

import pandas as pd
import pytest
import torch
from commands import train
from hydra import compose, initialize_config_dir
from pictures import make_pictures

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.data.split import SplitSettings
from medxfer.grid.around import begin
from medxfer.grid.jobs import Job
from medxfer.grid.settling import settle
from medxfer.model.backbone import create_backbone
from medxfer.training.prepare import prepare

SMALL = ["backbone=test_efficientnet", "image_size=32", "batch_size=8", "trainer.max_epochs=2", "logger=none"]


@pytest.fixture(scope="session")
def images(tmp_path_factory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("images") / "in", n=60)


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> str:
    """A file of weights, as one's own pretraining would leave it."""
    path = tmp_path_factory.mktemp("weights") / "own.pth"
    torch.save(create_backbone("test_efficientnet", 2, False, seed=123).state_dict(), path)
    return f"file:{path}"


def the_study(folder: Path) -> Path:
    (study,) = [path for path in (folder / "studies").iterdir() if (path / "study.json").is_file()]
    return study


@pytest.fixture(scope="session")
def grid(tmp_path_factory, images, weights) -> tuple[Path, subprocess.CompletedProcess[str], list[str]]:
    """Two colormaps × two initialisations × two seeds, trained once for all the tests that look at it."""
    folder = tmp_path_factory.mktemp("grid")
    command = ["-m", *SMALL, "data=images", f"data.root={images}", "colormap=none,viridis",
               f"pretrained={weights},false", "seed=0,1"]  # fmt: skip
    return folder, train(folder, *command), command


def test_the_grid_ends_with_its_table_its_answer_and_its_page(grid):
    folder, done, _ = grid
    assert done.returncode == 0, done.stderr
    study = the_study(folder)
    table = pd.read_csv(study / "results.csv")
    assert len(table) == 8
    assert set(table["status"]) == {"done"}
    assert table["test/balanced_accuracy"].between(0, 1).all()
    page = (study / "report.html").read_text()
    assert "RQ1" in page
    assert "RQ2" in page
    assert "RQ1" in done.stdout
    assert str(study / "report.html") in done.stdout.replace("\n", "")


def test_every_cell_leaves_its_records(grid):
    study = the_study(grid[0])
    cells = sorted((study / "cells").iterdir())
    assert len(cells) == 8
    for cell in cells:
        assert re.fullmatch(r"[A-Za-z0-9._-]+", cell.name)
        record = json.loads((cell / "metrics.json").read_text())
        assert len(record["epochs"]) == 2
        chosen = max(record["epochs"], key=lambda epoch: epoch["val/auroc"])
        assert record["best_epoch"] == chosen["epoch"]
        assert record["metrics"]["val/auroc"] == chosen["val/auroc"]
        predictions = pd.read_parquet(cell / "predictions.parquet")
        assert set(predictions["split"]) == {"val", "test"}
        assert predictions[["score_0", "score_1"]].sum(axis=1).round(4).eq(1).all()
        assert [file.name for file in (cell / "checkpoints").iterdir()] == ["best.ckpt"]


def test_all_cells_are_tested_on_the_same_images_in_the_same_order(grid):
    study = the_study(grid[0])
    tables = [pd.read_parquet(path) for path in sorted(study.glob("cells/*/predictions.parquet"))]
    columns = ["image", "patient", "split", "label"]
    assert all(table[columns].equals(tables[0][columns]) for table in tables)
    split = pd.read_parquet(next((study / "splits").iterdir()))
    assert split.groupby("patient")["part"].nunique().max() == 1
    assert set(tables[0].query("split == 'test'")["image"]) == set(split.query("part == 'test'")["image"])


def test_the_same_command_trains_nothing_again(grid):
    folder, _, command = grid
    study = the_study(folder)
    before = {path: path.stat().st_mtime_ns for path in study.glob("cells/*/metrics.json")}
    results = (study / "results.csv").read_bytes()
    again = train(folder, *command)
    assert again.returncode == 0
    assert "8 done before" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in study.glob("cells/*/metrics.json")} == before
    assert (study / "results.csv").read_bytes() == results


def test_the_study_holds_no_path_and_no_file_name(grid, images):
    study = the_study(grid[0])
    for path in study.rglob("*"):
        if path.is_file() and path.suffix != ".ckpt":
            content = path.read_bytes()
            assert str(images).encode() not in content, path
            assert str(Path.home()).encode() + b"/" not in content, path
            assert b".png" not in content.replace(b"image/png", b""), path


def test_whole_seeds_come_first_whatever_the_order_on_the_command_line(grid):
    order = re.findall(r"(\w+) × ([\w:.]+), seed (\d)(?=: AUROC on validation)", grid[1].stdout)
    arms = [("none", "file:own.pth"), ("none", "random"), ("viridis", "file:own.pth"), ("viridis", "random")]
    assert order == [(*arm, seed) for seed in "01" for arm in arms]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["colormap=virids"], r"unknown colormap 'virids'.*viridis"),
        (["backbone=resnet81"], r"unknown backbone 'resnet81'.*resnet"),
        (["data=dicom", "data.root=nowhere"], r"data\.root=nowhere: no such folder"),
        (["data=dicom"], r"data=dicom needs data\.root"),
        (["optimizer=adam"], r"unknown optimizer 'adam': did you mean adamw"),
        (["study.rq1.with=viridis"], r"study\.rq1=.*only within\.pretrained can be chosen"),
        (["study.rq2.within.colormap=virids"], r"unknown colormap 'virids'.*viridis"),
        (["normalize=arms"], r"unknown normalize 'arms': did you mean arm"),
        (["monitor=val/auc"], r"unknown monitor 'val/auc': did you mean val/auroc"),
        (["levels=300"], r"levels"),
        (["colormap=windows:brain+lung+bone", "data=images", "data.root={images}"], r"needs CT images"),
        (["window=lungs", "data.patients=6", "data.images=1"], r"window"),
        (["window=lung", "data=images", "data.root={images}"], r"needs CT images"),
        (
            ["data=images", "data.root={images}", "data.labels={other}"],
            r"none of its 1 row names a file below.*: the table has .no",
        ),
        (["data=images", "data.root={images}", "data.labels={few}"], r"'b' has 2"),
    ],
)
def test_each_slip_is_one_sentence(tmp_path, images, arguments, words):
    (tmp_path / "other.csv").write_text("path,label,patient_id\nno.png,a,1\n")
    rows = "".join(f"{i}.png,{'b' if i < 2 else 'a'},{i}\n" for i in range(30))
    (tmp_path / "few.csv").write_text("path,label,patient_id\n" + rows)
    places = {"images": images, "other": tmp_path / "other.csv", "few": tmp_path / "few.csv"}
    overrides = [
        *SMALL,
        "pretrained=false",
        f"store.root={tmp_path / 'cache'}",
        f"study.root={tmp_path / 'studies'}",
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [*overrides, *(argument.format(**places) for argument in arguments)])
    with pytest.raises(MedxferError, match=words) as refused:
        prepare(config)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("copied", [False, True])
def test_one_picture_in_two_data_sets_is_refused_whatever_they_are_called(tmp_path, images, copied):
    """Also in a copy of the folder, whose files have other times, or with some other pictures beside them."""
    again = images
    if copied:
        again = make_pictures(tmp_path / "copy", n=40)  # the first forty of the sixty
        for path in again.glob("*.png"):
            os.utime(path, (1, 1))
    jobs = []
    for name, root in (("one", images), ("two", again)):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            base = compose("train", [*SMALL, "pretrained=false", f"store.root={tmp_path / 'cache'}", "data=images",
                                     f"study.root={tmp_path / 'studies'}", f"data.root={root}",
                                     f"data.name={name}"])  # fmt: skip
        jobs.append(Job(base, {}))
    assert len(settle(jobs[:1])[0]) == 1
    with pytest.raises(MedxferError, match=r"'one' and 'two' have \d+ pictures in common.*data\.split\.resample=true"):
        begin(jobs, "command")
    assert not (tmp_path / "studies").exists()


def test_a_picture_that_an_earlier_command_brought_into_the_study_is_refused_too(tmp_path, images):
    copy = make_pictures(tmp_path / "copy", n=40)
    for path in copy.glob("*.png"):
        os.utime(path, (1, 1))
    jobs = []
    for name, root in (("one", images), ("two", copy)):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            base = compose(
                "train",
                [
                    *SMALL,
                    "pretrained=false",
                    f"store.root={tmp_path / 'cache'}",
                    "data=images",
                    f"study.root={tmp_path / 'studies'}",
                    f"data.root={root}",
                    f"data.name={name}",
                ],
            )
        jobs.append(Job(base, {}))  # fmt: skip
    settle(jobs[1:])  # nothing of the first is planned
    begin(jobs[:1], "command")
    settle(jobs[:1])
    with pytest.raises(MedxferError, match="'two' and 'one' have 40 pictures in common"):
        settle(jobs[1:])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["colormap=virids"], "did you mean viridis"),
        (["-m", "colormap=none,virids"], "did you mean viridis"),
        (["-m", "study.root=/dev/null/x"], "cannot be written"),
    ],
)
def test_a_slip_ends_the_command_with_one_line_and_no_traceback(tmp_path, images, arguments, words):
    done = train(tmp_path, *SMALL, "pretrained=false", "data=images", f"data.root={images}", *arguments)
    assert done.returncode == 1
    assert not (tmp_path / "studies").exists()
    assert words in done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("experiment", "trainings"), [("quick", 6), ("breastmnist", 5), ("paper", 180)])
def test_an_experiment_sweeps_as_many_trainings_as_it_says(experiment, trainings):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["hydra.job.num=0", f"experiment={experiment}"], return_hydra_config=True)
        params = dict(config.hydra.sweeper.params)
    values = [str(value).split(",") for value in params.values()]
    assert "seed" in params
    assert all(len(set(each)) == len(each) for each in values)
    assert prod(map(len, values)) == trainings


def test_every_experiment_and_data_set_composes():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for group in ("data", "experiment", "logger", "callbacks"):
            for file in (CONF / group).glob("*.yaml"):
                if file.stem != "base":
                    config = compose("train", [f"{group}={file.stem}"])
                    assert config.trainer.max_epochs > 0
                    assert SplitSettings(**config.data.split) == SplitSettings()
