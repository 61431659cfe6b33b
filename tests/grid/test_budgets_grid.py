"""A real grid with budget=[1,2], from the command line to the answer."""

from itertools import product

import pandas as pd
import pytest
import torch
from cells import small_config
from commands import train
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from pictures import make_pictures
from test_grid import SMALL, the_study

from medxfer.analysis import read_study
from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.base.files import read_json
from medxfer.grid.jobs import asked_jobs
from medxfer.grid.settling import checked_jobs
from medxfer.model.backbone import create_backbone
from medxfer.study.declared import declaration, read_budget
from medxfer.study.identity import BUDGET, VALUES, factors
from medxfer.study.stopping import look_cells, next_seeds, not_needed
from medxfer.training.settings.checked import checked


def test_each_arm_is_trained_at_each_budget_with_its_own_schedule(tmp_path) -> None:
    images = make_pictures(tmp_path / "in", n=40)
    torch.save(create_backbone("test_efficientnet", 2, False, seed=123).state_dict(), tmp_path / "own.pth")
    weights = f"file:{tmp_path / 'own.pth'}"
    small = [setting for setting in SMALL if "max_epochs" not in setting]
    command = ["-m", *small, "data=images", f"data.root={images}", f"pretrained={weights},false", "seed=0,1",
               "budget=[1,2]", f"study.rq2.level={weights}"]  # fmt: skip
    done = train(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert "1 and 2 epochs" in done.stdout
    folder = the_study(tmp_path)
    record = read_json(folder / "study.json")
    assert record["declared"]["budget"] == [1, 2]
    assert "max_epochs" not in record["settings"]["trainer"]
    study = read_study(folder)
    assert len(study.done) == 8
    for cell in study.done:
        epochs = cell.factors["trainer.max_epochs"]
        assert len(cell.record["epochs"]) == epochs
    assert set(pd.read_csv(folder / "results.csv")["trainer.max_epochs"]) == {1, 2}
    _, rq2 = read_json(folder / "verdict.json")["answers"]
    assert len(rq2["findings"]) == 1
    assert rq2["text"][1].startswith("After 1 epoch alone: ")
    assert "The gain after 1 epoch less that after 2 is " in rq2["text"][2] or "cannot be said" in rq2["text"][2]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["budget=[1,3]"], r"budget=\[1, 3\].*trainer\.max_epochs=2; begin the options with -m"),
        (["budget=[1,2]", "study.contrasts=[{compare: trainer.max_epochs, with: 1}]"],
         r"study\.contrasts names trainer\.max_epochs too"),
        (["budget=[1,2]", "trainer.max_steps=5"], r"budget=\[1, 2\]: trainer\.max_steps=5 would end the training too"),
    ],
)  # fmt: skip
def test_budgets_that_cannot_be_trained_are_refused(tmp_path, asked, said) -> None:
    assert checked(small_config(tmp_path, "budget=[1,2]")).trainer.max_epochs == 2
    with pytest.raises(MedxferError, match=said):
        checked(small_config(tmp_path, *asked))


@pytest.mark.parametrize("value", [8, "8", True, [8], [8, 8], [40, 8], [0, 8]])
def test_what_is_no_list_of_budgets_is_said(value) -> None:
    with pytest.raises(MedxferError, match=r"^budget=.*such as budget=\[8,40\]"):
        read_budget(value)


def test_each_look_asks_for_the_same_seeds_at_every_budget() -> None:
    declared = ["study.looks=[2,3]", "budget=[1,2]", "data=phantom_dx", "logger=none"]
    asked = [
        [*declared, f"colormap={colormap}", f"seed={seed}"] for colormap in ("none", "viridis") for seed in range(3)
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader, master = GlobalHydra.instance().config_loader(), compose("train", [], return_hydra_config=True)
        configs = [job.config() for job in checked_jobs(asked_jobs(loader, master, asked))]
    planned = {f"{n}": factors(one, {key: one.get(key) for key in VALUES}, "file") for n, one in enumerate(configs)}
    record = {"declared": declaration(configs[0]), "planned": planned}
    for look, seeds in ((2, [0, 1]), (3, [0, 1, 2])):
        found = [planned[name] for name in look_cells(planned, look)]
        assert sorted((one["colormap"], one[BUDGET], one["seed"]) for one in found) == [
            *product(("none", "viridis"), (1, 2), seeds)
        ]
    short = {name for name in look_cells(planned, 2) if planned[name][BUDGET] == 1}
    assert next_seeds(record, planned, short) == 2, "a look waits for both budgets"
    assert next_seeds(record, planned, look_cells(planned, 2)) == 3
    assert not_needed(record, planned) == set()
