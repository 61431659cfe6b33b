"""The grid's jobs: composed as Hydra composes them, only faster."""

import re

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationKeyError

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.grid.jobs import ASKED, asked_jobs, compose_jobs, joined, without_hydra
from medxfer.grid.settling import checked_jobs
from medxfer.training.settings.composed import sentence

JOBS = [
    ["seed=0", "colormap=viridis", "pretrained=false"],
    ["seed=1", "data=phantom_ct", "data.patients=12", "trainer.max_epochs=3", "colormap=windows:40/80+80/200+600/2800"],
    ["seed=1", "data=phantom_dx", "data.patients=13", "lr=1e-4", "train_fraction=0.5", "window='40/400'"],
    ["seed=2", "experiment=debug", "+trainer.fast_dev_run=true", "augment={flip: 0.5}"],
    ["seed=3", "logger=none", "study.metric=auroc", "~augment.gamma", "pretrained=file:/a/b.pth"],
    ["seed=4", "image_size=64", "batch_size=${image_size}"],
    ["seed=4", "image_size=32", "batch_size=${image_size}"],
]


@pytest.fixture
def hydra():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield GlobalHydra.instance().config_loader(), compose("train", [], return_hydra_config=True)


def plain(config):
    return OmegaConf.to_container(config, resolve=True)


def test_jobs_are_what_hydra_composes(hydra):
    loader, master = hydra
    theirs = [without_hydra(loader.load_sweep_config(master, job)) for job in JOBS]
    assert [plain(job.config()) for job in compose_jobs(loader, master, JOBS)] == [plain(config) for config in theirs]


def test_jobs_that_differ_in_plain_factors_share_a_composition_and_no_setting(hydra):
    first, second = compose_jobs(*hydra, [["seed=0", "colormap=viridis"], ["seed=1"]])
    assert first.base is second.base
    config = first.config()
    config.augment.flip = 0.25
    assert (config.seed, second.config().seed, second.config().augment.flip) == (0, 1, 0.0)


def test_an_unknown_key_is_refused(hydra):
    with pytest.raises(ConfigCompositionException, match="colourmap"):
        compose_jobs(*hydra, [["colourmap=none"]])


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        (["colormap='file:/x/${oops}.csv',none"], "colormap"),
        (["colormap=file:/x/${oops}.csv,none"], "colormap"),
        (["pretrained=choice(${oops},true)"], "pretrained"),
        (["window=lung,${oops}"], "window"),
        (["data=dicom", "data.root=/x", "data.label=['${oops}',b],[a,b]"], "data.label[0]"),
        (["study.root='/x/${oops}','/y'"], "study.root"),
    ],
)
def test_an_interpolation_that_leads_nowhere_is_named_in_a_sweep_too(hydra, asked, key):
    loader, master = hydra
    (jobs,) = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(asked), None)
    with pytest.raises(MedxferError, match=rf"^{re.escape(key)}: cannot be resolved .*'oops' not found.* write "):
        checked_jobs(compose_jobs(loader, master, jobs))


def test_a_budget_that_leads_nowhere_is_named_too(hydra):
    with pytest.raises(InterpolationKeyError) as caught:
        asked_jobs(*hydra, [["budget=${oops}"]])
    assert sentence(caught.value).startswith("budget: cannot be resolved (Interpolation key 'oops' not found)")


def test_its_way_out_gives_a_sweep_the_name_as_it_is(hydra, tmp_path):
    loader, master = hydra
    (tmp_path / "${oops}.csv").write_text("0,0,0\n" * 256)
    asked = [rf'colormap="file:{tmp_path}/\${{oops}}.csv",none']
    (jobs,) = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(asked), None)
    configs = [job.config() for job in checked_jobs(compose_jobs(loader, master, jobs))]
    assert [config.colormap for config in configs] == [f"file:{tmp_path}/${{oops}}.csv", "none"]


def test_data_sets_of_which_one_is_left_out_are_one_job(hydra):
    swept = [[f"data=phantom_{kind}", "data.patients=6", "data.split.val=0.3", ASKED, f"seed={seed}"]
             for kind in ("dx", "ct") for seed in (0, 1)]  # fmt: skip
    found = joined(swept)
    assert [job[-1] for job in found] == ["seed=0", "seed=1"]
    config = compose_jobs(*hydra, found)[0].config()
    assert list(config.data.sets) == ["phantom_dx", "phantom_ct"]
    assert [one.patients for one in config.data.sets.values()] == [6, 6]
    assert config.data.sets.phantom_ct.source.modality == "CT"
    assert config.data.split.groups == "data"
    assert config.data.split.val == 0.3
    assert config.data.sets.phantom_ct.split.val == 0.2


def test_other_jobs_stay_as_they_are():
    apart = [("data=phantom_dx", "seed=0"), ("data=phantom_ct", "seed=0")]
    one = [("data=images", ASKED, "seed=0"), ("data=images", ASKED, "seed=1")]
    assert joined(apart) == apart
    assert joined(one) == one
