"""plan=true: says what would run, and leaves nothing behind."""

import re

import pytest
import torch
from hydra import compose, initialize_config_dir
from pictures import make_pictures

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.grid.around import show_plan
from medxfer.grid.jobs import Job
from medxfer.model.backbone import create_backbone
from medxfer.training.run import train


@pytest.fixture
def jobs(tmp_path):
    """Two colormaps × two initialisations × two seeds on sixty pictures, as a function of more overrides."""
    images = make_pictures(tmp_path / "in", n=60)
    own = tmp_path / "own.pth"
    torch.save(create_backbone("test_efficientnet", 2, False, seed=9).state_dict(), own)

    def make(*overrides: str, plan: bool = True) -> list[Job]:
        common = ["data=images", f"data.root={images}", "backbone=test_efficientnet", "batch_size=4", "image_size=32",
                  "trainer.max_epochs=2", "logger=none", f"store.root={tmp_path / 'cache'}", f"plan={plan}",
                  f"study.root={tmp_path / 'studies'}", f"study.rq1.within.pretrained=file:{own}"]  # fmt: skip
        with initialize_config_dir(str(CONF), version_base="1.3"):
            base = compose("train", [*common, *overrides])
        return [
            Job(base, {"colormap": colormap, "pretrained": start, "seed": seed})
            for seed in (0, 1) for colormap in ("none", "viridis") for start in (f"file:{own}", False)
        ]  # fmt: skip

    return make


def test_it_tells_cells_sizes_cost_and_what_can_be_found_and_writes_nothing(jobs, tmp_path, capsys):
    show_plan(jobs())
    said = " ".join(capsys.readouterr().out.split())
    assert "8 cells, 0 done" in said
    assert re.search(r"images (\S+) \(\d+\) (\S+) \(\d+\) (\S+) \(\d+\)", said)
    assert re.search(r"8 cells to train: about \d+ (s|min) .* a cell\), about .* of disk", said)
    assert re.search(r"RQ1: with 2 trainings an arm and \d+ test patients, a true difference .* assuming that", said)
    assert "To find the margin of 1 point" in said
    assert not (tmp_path / "studies").exists()


def test_with_looks_it_tells_what_is_trained_before_each(jobs, capsys):
    show_plan(jobs("study.looks=[2,3]"))
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(r"At the look, at 2 seeds: 8 trainings from now, about \d+ (s|min)\.", said)
    assert "At the last look, at 3 seeds (not taken with the 2 seeds that are planned): 8 trainings from now" in said


def test_what_is_done_is_not_counted_again(jobs, capsys):
    train(jobs(plan=False)[0].config())
    capsys.readouterr()
    show_plan(jobs())
    said = " ".join(capsys.readouterr().out.split())
    assert "8 cells, 1 done" in said
    assert "7 cells to train" in said


def test_what_cannot_be_is_said_before_anything_is_measured(jobs):
    with pytest.raises(MedxferError, match="unknown optimizer"):
        show_plan(jobs("optimizer=adam"))


def test_what_the_report_will_only_describe_is_said_by_data_set_with_what_to_change(jobs, tmp_path, capsys):
    small = make_pictures(tmp_path / "small", n=30)
    show_plan(jobs(f"data.root={small}", "data.name=small")[:4])
    said = " ".join(capsys.readouterr().out.split())
    assert "small: 1 seed of each arm: the report will describe and not judge, because it takes 2 seeds" in said
    assert "small: 3 test patients with a and 3 test patients with b: the report will describe and not judge" in said
    assert "raise data.split.test= (0.2 now)" in said


def test_seeds_that_are_finished_count_and_a_grid_that_can_be_judged_is_not_warned_of(jobs, capsys):
    show_plan(jobs())
    assert "describe and not judge" not in capsys.readouterr().out
    train(jobs(plan=False)[0].config())
    capsys.readouterr()
    show_plan(jobs()[4:6])  # the other seed, of gray alone
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(r"images: 1 seed of none × random: the report will describe and not judge", said)


def test_a_declared_comparison_has_its_forecast_and_a_level_that_no_cell_has_is_named(jobs, capsys):
    contrasts = "study.contrasts=[{compare: colormap, with: none, within: {pretrained: false}}, {compare: lr, with: 9}]"
    show_plan(jobs(contrasts))
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(r"colormap: with 2 trainings an arm and \d+ test patients, a true difference", said)
    assert "study.contrasts, lr: no cell of this study has lr=9 (with); until a command adds it" in said
