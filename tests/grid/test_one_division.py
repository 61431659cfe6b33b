"""One study divides a data set's patients in one way; folds are planned, withdrawn and told of as whole trainings."""

import re

import numpy as np
import pytest
from cells import small_config

import medxfer.training.features
from medxfer.base.errors import MedxferError
from medxfer.grid.around import begin, show_plan
from medxfer.grid.jobs import Job
from medxfer.grid.matrix import matrix
from medxfer.grid.rounds import Rounds
from medxfer.study.folder import Study
from medxfer.study.state import State, read_states, seconds_left, status
from medxfer.study.withdrawal import withdraw
from medxfer.training.prepare import cells_of, prepare
from medxfer.training.run import train


def job(folder, *overrides: str) -> Job:
    return Job(small_config(folder, "study.name=s", "trainer.max_epochs=1", *overrides), {})


def begun(folder, *overrides: str, **values) -> list[tuple]:
    """(seed, fold) of the cells that one command has planned."""
    grid = begin([Job(job(folder, *overrides).base, values)], "command")
    return [(cell.factors["seed"], cell.factors.get("fold")) for cell in grid.cells]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ((), ("data.split.folds=3",), "this study has one split, and 3 folds would be another division"),
        (("data.split.folds=3",), (), "this study has 3 folds, and one split would be"),
        (("data.split.folds=3",), ("data.split.folds=4",), "this study has 3 folds, and 4 folds would be"),
        (
            ("data.split.folds=3",),
            ("data.split.folds=3", "data.split.official=false"),
            "3 folds with data.split.official",
        ),
    ],
)
def test_another_division_of_the_same_patients_is_refused_before_anything_is_planned(tmp_path, before, after, words):
    begun(tmp_path, *before)
    record = (tmp_path / "studies/s/study.json").read_bytes()
    for another in ({}, {"seed": 7}, {"colormap": "viridis"}):
        with pytest.raises(MedxferError, match=re.escape(words)) as refused:
            begun(tmp_path, *after, **another)
        assert "\n" not in str(refused.value)
    assert (tmp_path / "studies/s/study.json").read_bytes() == record
    with pytest.raises(MedxferError, match=re.escape(words)):
        show_plan([job(tmp_path, *after, "plan=true")])


def test_two_divisions_in_one_command_are_refused(tmp_path):
    with pytest.raises(MedxferError, match="this study has 3 folds, and 2 folds would be another division"):
        begin([job(tmp_path, "data.split.folds=3"), job(tmp_path, "data.split.folds=2")], "command")
    assert not (tmp_path / "studies/s/study.json").exists()


def test_what_was_withdrawn_binds_no_division_and_a_training_is_withdrawn_whole(tmp_path):
    begun(tmp_path, "data.split.folds=3")
    study = tmp_path / "studies/s"
    with pytest.raises(MedxferError, match="with all of its seeds and folds"):
        withdraw(study, "fold=1", "no reason")
    assert withdraw(study, "colormap=none", "one split was meant") == 3
    assert begun(tmp_path) == [(0, None)]
    assert status(study)["trainings"]["all"] == 1


def test_an_arm_with_a_finished_fold_is_not_withdrawn(tmp_path):
    begun(tmp_path, "data.split.folds=3")
    train(cells_of(job(tmp_path, "data.split.folds=3").base)[1])
    with pytest.raises(MedxferError, match="a result is not taken out of an answer"):
        withdraw(tmp_path / "studies/s", "colormap=none", "why not")
    found = status(tmp_path / "studies/s")
    assert found["trainings"] == {"all": 1, "done": 0, "folds": {"images": 3}}
    assert len(found["missing"]) == 2
    assert found["seconds_left"] > 0
    shown = [str(cell) for column in matrix(read_states(tmp_path / "studies/s"), 5, 5).columns for cell in column.cells]
    assert "1 of 3" in shown


def test_the_time_left_counts_folds_by_what_others_of_the_size_took():
    factors = {"data": "d", "image_size": 32, "seed": 0, "colormap": "none", "pretrained": False}
    done = [State(f"a{n}", {**factors, "image_size": 64, "fold": n}, "done", seconds=100.0) for n in range(2)]
    small = State("b0", {**factors, "fold": 0}, "done", seconds=10.0)
    missing = [State(f"b{n}", {**factors, "fold": n}, "missing") for n in (1, 2)]
    assert seconds_left([*done, small, *missing]) == 20.0


def test_cells_are_launched_seed_after_seed_with_the_folds_of_an_arm_together(tmp_path):
    base = job(tmp_path, "data.split.folds=3", "study.rq1.within.pretrained=false").base
    values = [{"colormap": colormap, "seed": seed} for colormap in ("none", "viridis") for seed in (4, 2)]
    rounds = Rounds(begin([Job(base, one) for one in values], "command"))
    launched = [rounds.grid.cells[n].factors for n in rounds.next()]
    assert [(f["seed"], f["colormap"], f["fold"]) for f in launched] == [
        (seed, colormap, fold) for seed in (2, 4) for colormap in ("none", "viridis") for fold in range(3)
    ]
    assert [rounds.grid.jobs[n].values["fold"] for n in range(3)] == [0, 1, 2]


def test_one_fold_that_is_asked_for_is_a_training_that_is_not_done(tmp_path):
    assert begun(tmp_path, "data.split.folds=3", "fold=1") == [(0, 1)]
    train(job(tmp_path, "data.split.folds=3", "fold=1").base)
    assert status(tmp_path / "studies/s")["trainings"] == {"all": 1, "done": 0, "folds": {"images": 3}}
    assert Study(tmp_path / "studies/s").record["divided"] == {"images": {"folds": 3, "by": "3 folds"}}


def test_train_fraction_takes_a_part_of_each_folds_training_alone(tmp_path):
    base = job(tmp_path, "data.split.folds=3").base
    for fold in range(3):
        whole, part = (
            prepare(Job(base, {"fold": fold, "train_fraction": fraction}).config()).parts for fraction in (1.0, 0.5)
        )
        assert ((whole == "test") == (part == "test")).all()
        assert ((whole == "val") == (part == "val")).all()
        assert set(whole[part != whole]) == {"train"}
        assert np.isclose((part == "train").sum() / (whole == "train").sum(), 0.5, atol=0.15)


def test_features_are_computed_once_for_all_folds_and_seeds(tmp_path, monkeypatch):
    weights, computed = tmp_path / "own.ckpt", []
    _, objects = train(job(tmp_path, "study.name=own").base)
    objects["trainer"].save_checkpoint(weights)
    compute = medxfer.training.features._compute
    monkeypatch.setattr(medxfer.training.features, "_compute", lambda *given: computed.append(1) or compute(*given))
    for seed in (0, 1):
        asked = job(tmp_path, "data.split.folds=3", "finetune=head", "augment=null", f"pretrained=file:{weights}").base
        asked.seed = seed
        for cell in cells_of(asked):
            train(cell)
    assert len(list((tmp_path / "studies/s/cells").glob("*/metrics.json"))) == 6
    assert computed == [1]


def test_the_plan_counts_folds_and_compares_designs(tmp_path, capsys):
    two = [{"colormap": colormap, "seed": seed} for colormap in ("none", "viridis") for seed in (0, 1)]
    common = ("plan=true", "study.rq1.within.pretrained=false")

    def planned(*overrides: str) -> str:
        base = job(tmp_path, *common, *overrides).base
        show_plan([Job(base, values) for values in two])
        return " ".join(capsys.readouterr().out.split())

    said = planned("data.split.folds=5")
    assert "20 cells (4 trainings of 5 folds), 0 done" in said
    assert len(re.findall(r"images, fold \d", said)) == 5
    assert "20 cells to train" in said
    assert "with 2 trainings an arm and 20 test patients" in said
    assert "recommended" not in said
    row = (
        r"one split 10 4 \S+ \S+ ± ([\d.]+) data.split.folds=5 2 20 \S+ \S+ ± ([\d.]+) data.split.folds=10 1 20 \S+ \S+"
    )
    split, folds = map(float, re.search(row + " describes only", said).groups())
    assert folds < split
    said = planned()
    assert re.search(row, said)
    assert "images: data.split.folds=5 is recommended: 4 patients of 20 are tested now" in said
