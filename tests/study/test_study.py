"""A study's folder: the same settings join it, others do not."""

import pytest
from hydra import compose, initialize_config_dir

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.study.opening import open_study


def configured(root, *overrides: str):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [f"study.root={root}", *overrides])


def test_the_same_settings_join_whatever_the_factors(tmp_path):
    first = open_study(configured(tmp_path), "f1")
    assert open_study(configured(tmp_path, "colormap=viridis", "seed=1"), "f1") == first
    assert open_study(configured(tmp_path, "data=phantom_ct"), "f2") == first
    assert first.record["data"] == {"phantom_dx": "f1", "phantom_ct": "f2"}


def test_another_setting_is_another_study(tmp_path):
    assert open_study(configured(tmp_path, "lr=1e-4"), "f1") != open_study(configured(tmp_path), "f1")


def test_changed_data_under_the_same_name_is_a_successor(tmp_path):
    first, second = (open_study(configured(tmp_path), fingerprint) for fingerprint in ("f1", "f2"))
    assert second.name == f"{first.name}-2"
    assert open_study(configured(tmp_path), "f1") == first
    assert open_study(configured(tmp_path), "f2") == second


def test_the_same_files_under_another_name_are_no_second_data_set(tmp_path):
    """By their content, not by their name: an answer would take each patient for two."""
    other = ["data.name=again", "data.split.seed=1"]
    first = open_study(configured(tmp_path), "f1")
    second = open_study(configured(tmp_path, *other), "f1")
    assert second.name == f"{first.name}-2"
    assert second.record["data"] == {"again": "f1"}
    assert first.record["data"] == {"phantom_dx": "f1"}
    open_study(configured(tmp_path, "study.name=mine"), "f1")
    with pytest.raises(MedxferError, match=r"'phantom_dx' are the same files .* 'again', .*data\.split\.resample=true"):
        open_study(configured(tmp_path, "study.name=mine", *other), "f1")


def test_a_named_study_refuses_other_settings_and_says_which(tmp_path):
    open_study(configured(tmp_path, "study.name=mine"), "f1")
    with pytest.raises(MedxferError, match=r"trainer\.max_epochs was 8, is 3"):
        open_study(configured(tmp_path, "study.name=mine", "trainer.max_epochs=3"), "f1")
    with pytest.raises(MedxferError, match="images, labels or patients of data 'phantom_dx' are others"):
        open_study(configured(tmp_path, "study.name=mine"), "f2")


def test_what_was_declared_cannot_be_changed_afterwards(tmp_path):
    open_study(configured(tmp_path, "study.name=mine"), "f1")
    with pytest.raises(MedxferError, match=r"margin was 0\.01, is 0\.05"):
        open_study(configured(tmp_path, "study.name=mine", "study.margin=0.05"), "f1")
    with pytest.raises(MedxferError, match=r"rq1\.within\.pretrained was true, is false"):
        open_study(configured(tmp_path, "study.name=mine", "study.rq1.within.pretrained=false"), "f1")


def test_the_rules_of_both_contrasts_are_written_down_in_words(tmp_path):
    study = open_study(configured(tmp_path, "study.rq1.within.pretrained=file:/secret/own.pth"), "f1")
    declared = study.record["declared"]
    assert declared["rq1"] == {
        "compare": "colormap", "except": "controls", "with": "none", "within": {"pretrained": "file:own.pth"},
        "adjust": "holm",
    }  # fmt: skip
    assert declared["rq2"] == {"compare": "pretrained", "level": True, "with": False, "within": {"colormap": "none"}}


def test_an_unwritable_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MedxferError, match=r"cannot be written.*study\.root="):
        open_study(configured(tmp_path / "file"), "f1")


def test_plans_add_up(tmp_path):
    study = open_study(configured(tmp_path), "f1")
    study.plan({"a": {"seed": 0}}, "one")
    study.plan({"b": {"seed": 1}}, "two")
    assert study.record["planned"] == {"a": {"seed": 0}, "b": {"seed": 1}}
    assert study.record["command"] == "two"


def test_two_cells_that_an_answer_could_not_tell_apart_are_refused(tmp_path):
    study = open_study(configured(tmp_path), "f1")
    factors = {"data": "d", "backbone": "b", "colormap": "none", "pretrained": "file:w.pth", "seed": 0}
    study.plan({"cell-1": factors, "cell-2": factors}, "command")
    study.check_distinct({"cell-3": factors})  # none of the others is done
    (study.folder / "cells/cell-2").mkdir(parents=True)
    (study.folder / "cells/cell-2/metrics.json").write_text("{}")
    study.check_distinct({"cell-2": factors})
    with pytest.raises(MedxferError, match="rename the file of weights"):
        study.check_distinct({"cell-3": factors})
    with pytest.raises(MedxferError, match="rename the file of weights"):
        study.check_distinct({"cell-4": factors | {"seed": 1}, "cell-5": factors | {"seed": 1}})


def test_a_cell_replaces_one_of_other_weights_under_its_name_that_failed_or_has_not_begun(tmp_path):
    study, factors = open_study(configured(tmp_path), "f1"), {"data": "d", "colormap": "none", "seed": 0}
    names = ("failed", "missing", "other")
    study.plan({name: factors | {"seed": seed} for seed, name in enumerate(names)}, "one")
    for name in ("failed", "other"):
        (study.folder / "cells" / name).mkdir(parents=True)
        (study.folder / "cells" / name / "failed.json").write_text("{}")
    study.plan({f"new-{seed}": factors | {"seed": seed} for seed in (0, 1)}, "two")
    assert set(study.planned) == {"new-0", "new-1", "other"}
    assert not study.has_ended("failed")
    assert study.has_ended("other")
