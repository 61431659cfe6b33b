"""--help and docs/settings.md: every setting is there, with what it means, what it takes and what conf/ gives it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from medxfer.base.config import CONF
from medxfer.base.kinds import Choice
from medxfer.base.registered import registered_names
from medxfer.training.settings.defaults import default_of, options
from medxfer.training.settings.described import Group, Setting
from medxfer.training.settings.keys import CONFIG
from medxfer.training.settings.reading import known_keys
from medxfer.training.settings.reference import refused, sections
from medxfer.training.settings.reference_text import help_text, page

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def bare(key: str) -> str:
    return key.removeprefix("+").removesuffix(".…")


def test_the_page_is_what_the_settings_say_today():
    assert PAGE.read_text(encoding="utf-8") == page(), "a setting or an option changed: run `make reference`"


def test_every_key_is_listed_once():
    listed = [bare(entry.key) for section in [*sections(), refused()] for entry in section.entries]
    named = {"study", "data", "trainer", "logger"}  # sections by themselves
    assert sorted(listed) == sorted(set(known_keys()) - named)


def test_every_entry_says_what_it_means_takes_and_is():
    for section in [*sections(), refused()]:
        for entry in section.entries:
            assert entry.meaning, entry.key
            if not entry.key.endswith(".…"):
                assert entry.takes, entry.key
                assert entry.default, entry.key


def test_defaults_are_those_that_hydra_composes():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train")
    assert default_of("lr") == f"{config.lr}" == "0.001"
    assert default_of("augment.rotate") == f"{config.augment.rotate}"
    assert default_of("data.split.val") == f"{config.data.split.val}"
    assert default_of("trainer.gradient_clip_val") == f"{config.trainer.gradient_clip_val}"
    assert default_of("trainer.precision") == ""
    assert default_of("data.labels").startswith("<data.root>/labels.csv (ct_series, dicom, images")
    assert f"{config.data.patients} (phantom_ct, phantom_dx)" in default_of("data.patients")


@pytest.mark.parametrize(
    ("key", "default"),
    [
        ("image_size", "auto, or data.image_size where the data set has it"),
        ("monitor", "val/<study.metric>"),
        ("store.root", "medxfer in the user's cache folder"),
        ("data.name", "each option's own"),
        ("logger.project", "medxfer (wandb)"),
        ("study.looks", "[]"),
    ],
)
def test_a_default_that_is_made_later_is_said_in_words(key, default):
    assert default_of(key) == default


@pytest.mark.parametrize("group", ["data", "logger", "callbacks", "experiment", "hydra/launcher"])
def test_every_option_says_what_it_is(group):
    said = dict(options(group))
    assert said
    assert all(said.values()), said


@pytest.mark.parametrize("width", [80, 100, 120])
def test_help_fits_the_terminal_and_names_every_setting(width):
    lines = help_text(width).splitlines()
    assert max(map(len, lines)) <= width
    first = {line.split()[0] for line in lines if line.startswith("  ") and line.strip()}
    assert {entry.key for section in sections() for entry in section.entries} <= first


def test_names_that_are_read_are_those_that_are_imported(monkeypatch):
    registries = {one.kind.registry for one in _settings_of(CONFIG) if isinstance(one.kind, Choice)} - {""}
    assert {"medxfer.model.recipe:OPTIMIZERS", "medxfer.model.metrics:METRICS"} < registries
    for registry in registries:
        module, _, table = registry.partition(":")
        live = list(getattr(import_module(module), table))
        assert registered_names(registry) == live
        with monkeypatch.context() as patch:
            patch.delitem(sys.modules, module)
            assert registered_names(registry) == live != []


def _settings_of(group: Group) -> Iterator[Setting]:
    for one in group.keys.values():
        if isinstance(one, Setting):
            yield one
        else:
            yield from _settings_of(one)


def test_names_that_are_added_while_it_runs_are_taken(monkeypatch):
    from medxfer.data.serve import balance

    monkeypatch.setattr(balance, "BALANCE", (*balance.BALANCE, "mine"))
    assert registered_names("medxfer.data.serve.balance:BALANCE")[-1] == "mine"
    assert Choice(registry="medxfer.data.serve.balance:BALANCE").takes("mine")


def test_the_command_prints_it_without_torch():
    code = (
        "import runpy, sys; sys.argv = ['train', 'data=dicom', '--help']; "
        "runpy.run_module('medxfer.train', run_name='__main__'); "
        "assert not {'torch', 'numpy', 'pandas'} & set(sys.modules)"
    )
    environment = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == help_text(100) + "\n"
