"""plan=true approves what trains and nothing else: plan and run check a grid by the same code."""

import re
import stat
from collections.abc import Sequence

import pandas as pd
import pytest
from cells import small_config, train_small
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.grid.around import begin, show_plan
from medxfer.grid.hooks import GridHooks
from medxfer.grid.jobs import Job, compose_jobs
from medxfer.grid.launched import check_folders, trains_here
from medxfer.grid.settling import checked_jobs
from medxfer.study.state import read_states
from medxfer.training import prepare


def jobs(folder, *each: str, plan: bool = False) -> list[Job]:
    """A job for each text of overrides."""
    return [Job(small_config(folder, f"plan={str(plan).lower()}", *one.split()), {}) for one in each]


@pytest.mark.parametrize(
    ("each", "said"),
    [
        (["seed=0", "seed=-1"], "seed=-1: give a whole number from 0"),
        (["seed=0", "seed=1 +windw=lung"], "unknown setting 'windw': did you mean window"),
        (["pretrained=false", "pretrained=file:gone.pth"], "pretrained=file:gone.pth: no such file"),
        (["image_size=32", "image_size=0"], "image_size=0: give a whole number from 16"),
        (["colormap=none", "colormap=virids"], "unknown colormap 'virids': did you mean viridis"),
        (["colormap=none", "colormap=file:gone.csv"], "colormap=file:gone.csv: there is no such file"),
        (["", "backbone=test_eficientnet"], "unknown backbone 'test_eficientnet': did you mean test_efficientnet"),
        (["", "backbone=alexnet"], "backbone 'alexnet' does not take images of 32 px"),
        (["backbone=resnet18", "backbone=resnet18 pretrained=tv_in1"], "unknown weights of resnet18 'tv_in1': did you"),
        (["window=auto", "window=lng"], "unknown window 'lng': did you mean lung"),
        (["window=auto", "window=lung"], "a window in Hounsfield units needs CT images"),
        (["colormap=none", "colormap=windows:brain+lung+bone"], "needs CT images in Hounsfield units"),
        (["", "fold=1"], "fold=1: the patients are divided once"),
        (["train_fraction=1", "train_fraction=50"], "train_fraction=50: give a number above 0"),
        (["backbone=test_vit", "backbone=test_vit finetune=last:9"], "finetune=last:9"),
        (["data.split.seed=0 study.name=s", "data.split.seed=1 study.name=s"], "two cells of this study"),
        (["data.split.seed=0", "data.split.seed=1"], "two cells of this study"),
        (["lr=1e-4 study.name=s", "lr=1e-3 study.name=s"], r"no factor \(lr was 0.0001, is 0.001\); to sweep it, name"),
        (
            ["study.contrasts=[{compare:finetune,with:ful}]"],
            "unknown finetune 'ful': did you mean full",
        ),
        (["study.contrasts=[{compare:window,with:file,within:{colormap:virids}}]"], "unknown colormap 'virids'"),
        (["study.contrasts=[{compare:image_size,with:3}]"], "image_size=3: give a whole number from 16"),
        (["study.tuned=[lr,lr]"], r"^study.tuned: lr stands there twice"),
        (["study.tuned=[seed]"], r"^study.tuned: validation cannot pick seed, because seeds are the trainings"),
    ],
)  # fmt: skip
def test_what_the_run_refuses_the_plan_refuses_and_nothing_is_left_behind(tmp_path, each: Sequence[str], said):
    refusals = []
    for plan in (True, False):
        with pytest.raises(MedxferError) as caught:
            (show_plan if plan else lambda of: begin(of, "command"))(jobs(tmp_path, *each, plan=plan))
        refusals.append(str(caught.value))
    assert refusals[0] == refusals[1]
    assert re.search(said, refusals[0]), refusals[0]
    assert not list(tmp_path.glob("studies/*"))


def test_all_that_is_wrong_is_said_at_once_and_before_data_is_read(tmp_path):
    wrong = ["seed=-1", "colormap=virids", "colormap=infern0", "backbone=resnt", "pretrained=file:gone.pth",
             "window=lng", "train_fraction=5", "image_size=8", "lr=-1 +windw=lung"]  # fmt: skip
    with pytest.raises(MedxferError) as caught:
        begin(jobs(tmp_path, "data.root=/nowhere", *wrong), "command")
    lines = str(caught.value).splitlines()
    assert len(lines) == 10
    for slip in ("seed=-1", "'virids'", "'infern0'", "'resnt'", "gone.pth", "'lng'", "lr=-1", "'windw'"):
        assert sum(slip in line for line in lines) == 1, slip


def test_weights_that_nobody_asked_for_are_not_missed_where_a_swept_value_is_refused(tmp_path):
    base = small_config(tmp_path, "backbone=resnet18", "pretrained=true")  # these cannot be had without a network
    with pytest.raises(MedxferError) as caught:
        begin([Job(base, {"pretrained": asked}) for asked in ("file:gone.pth", False)], "command")
    assert str(caught.value) == "pretrained=file:gone.pth: no such file; give the path of a file of weights"


def test_images_that_cannot_be_used_are_read_once_for_all_cells(tmp_path, monkeypatch):
    read = []
    common = small_config(tmp_path)
    monkeypatch.setattr(prepare, "store_of", lambda *of: read.append(of) or fail())
    with pytest.raises(MedxferError, match=r"^no image$"):
        begin([Job(common, {"seed": seed}) for seed in range(3)], "command")
    assert len(read) == 1


def fail() -> None:
    raise MedxferError("no image")


def test_a_cell_that_is_asked_for_twice_is_one(tmp_path, capsys):
    show_plan(jobs(tmp_path, "seed=0", "seed=0", "seed=1", plan=True))
    assert "2 cells, 0 done" in capsys.readouterr().out
    grid = begin(jobs(tmp_path, "seed=0", "seed=0", "seed=1"), "command")
    assert [cell.factors["seed"] for cell in grid.cells] == [0, 1]
    assert len(read_states(grid.studies[0].folder)) == 2


def test_a_column_of_ages_that_is_named_after_the_cells_were_trained_is_said(tmp_path, capsys):
    train_small(tmp_path, "study.name=s", "trainer.max_epochs=1")
    table = pd.read_csv(tmp_path / "in" / "labels.csv")
    table.assign(years=50).to_csv(tmp_path / "in" / "labels.csv", index=False)
    trained = "study.name=s trainer.max_epochs=1"
    for more, said in (("", False), (" +data.columns.age=years", True)):
        grid = begin(jobs(tmp_path, trained + more), "command")
        assert [cell.is_done() for cell in grid.cells] == [True]
        assert ("data.columns.age was named after cells were trained" in capsys.readouterr().out) is said


def test_a_value_is_one_level_however_it_is_written(tmp_path):
    tuned = "study.tuned=[augment.flip,trainer.gradient_clip_val]"
    written = ["train_fraction=1 augment.flip=0 trainer.gradient_clip_val=1", "train_fraction=1.0 augment.flip=0.0"]
    grid = begin(jobs(tmp_path, *(f"{tuned} {one}" for one in written)), "command")
    assert len(grid.cells) == 1
    assert {type(grid.cells[0].factors[key]) for key in ("train_fraction", "augment.flip")} == {float}


def test_a_data_set_may_have_any_name(tmp_path):
    grid = begin(jobs(tmp_path, "data.name=a/b"), "command")
    (split,) = grid.studies[0].folder.glob("splits/*.parquet")
    assert split.name.startswith("a_b-")


def test_a_seed_from_the_environment_plans_the_cell_that_is_trained(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader, master = GlobalHydra.instance().config_loader(), compose("train", [], return_hydra_config=True)
        composed = compose_jobs(loader, master, [["seed=${oc.env:SLURM_ARRAY_TASK_ID}"]])
    common = small_config(tmp_path)
    common.seed = composed[0].config().seed
    grid = begin([Job(common, {})], "command")
    assert [cell.factors["seed"] for cell in grid.cells] == [3]


def hydra_config(**overrides: object):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [f"{key}={value}" for key, value in overrides.items()], return_hydra_config=True)


def test_a_folder_of_its_own_for_each_job_is_refused():
    with pytest.raises(MedxferError, match=r"hydra\.job\.chdir=true: .*study\.root="):
        check_folders(hydra_config(**{"hydra.job.chdir": "true"}).hydra)


def test_a_users_own_folder_keeps_its_mode(tmp_path):
    own, new = tmp_path / "own", tmp_path / "new"
    own.mkdir(mode=0o755)
    for folder in (own, new):
        config = hydra_config(**{"hydra.sweep.dir": folder})
        OmegaConf.set_readonly(config.hydra, False)
        GridHooks().on_multirun_start(config)
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (own, new)] == [0o755, 0o700]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("trainer.accelerator=gpu", r"trainer\.accelerator=gpu: torch finds no such device"),
        ("trainer.accelerator=cuda", r"trainer\.accelerator=cuda: torch finds no such device"),
        ("+trainer.precision=16-mixed", r"trainer\.precision=16-mixed is for GPUs"),
    ],
)
def test_a_device_that_is_not_there_is_said_beside_other_slips_but_for_other_machines(setting, said, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        job, slip = (Job(compose("train", one), {}) for one in ([setting], [setting, "lr=-1", "colormap=virids"]))
    with pytest.raises(MedxferError, match=said):
        checked_jobs([job])
    with pytest.raises(MedxferError) as all_at_once:
        checked_jobs([slip])
    assert re.search(rf"lr=-1.*\n.*{said}", str(all_at_once.value))
    checked_jobs([job], here=False)


def test_cells_of_a_launcher_on_other_machines_do_not_train_here():
    hydra = OmegaConf.create({"mode": RunMode.MULTIRUN, "runtime": {"choices": {"hydra/launcher": "basic"}}})
    assert trains_here(hydra)
    hydra.runtime.choices["hydra/launcher"] = "submitit_slurm"
    assert not trains_here(hydra)
    hydra.mode = RunMode.RUN  # which takes no launcher
    assert trains_here(hydra)


def test_weights_are_looked_up_once_for_all_seeds(tmp_path, monkeypatch):
    looked_up = []
    find = prepare.initial_weights
    monkeypatch.setattr(prepare, "initial_weights", lambda *network: looked_up.append(network) or find(*network))
    base = small_config(tmp_path)
    begin([Job(base, {"seed": seed, "colormap": one}) for seed in range(4) for one in ("none", "viridis")], "command")
    assert looked_up == [("test_efficientnet", False, 32)]
