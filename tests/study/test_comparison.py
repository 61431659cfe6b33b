"""study.contrasts: a syntax that is refused where it cannot be followed; its settings are factors of the cells."""

import re
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.study.comparison import Comparison, read_comparisons
from medxfer.study.declared import Declared, declaration, read_declared
from medxfer.study.identity import check_factors, factors, shared_settings
from medxfer.study.unplanned import unplanned

WINDOW = {"compare": "window", "with": "40/400"}
RULES: dict[str, Any] = {
    "rq1": {"compare": "colormap", "except": "controls", "with": "none", "within": {"pretrained": True},
            "adjust": "holm"},
    "rq2": {"compare": "pretrained", "level": True, "with": False, "within": {"colormap": "none"}},
}  # fmt: skip


def configured(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [*overrides])


def test_a_comparison_is_named_after_its_factor_and_numbered_where_there_are_several() -> None:
    within = {"colormap": "viridis", "pretrained": False}
    found = read_comparisons([WINDOW, {"compare": "finetune", "with": "full"}, {**WINDOW, "within": within}])
    assert [one.name for one in found] == ["window-1", "finetune", "window-2"]
    assert found[2] == Comparison("window-2", "window", "40/400", within)
    assert found[2].where == "viridis, random weights"
    assert read_comparisons([WINDOW])[0].name == "window"


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ("window", "give a list"),
        ([{"compare": "window"}], "give compare, with"),
        ([{**WINDOW, "level": "lung"}], "give compare, with"),
        (["window"], "give compare, with"),
        ([{**WINDOW, "within": "none"}], "within gives keys their levels"),
        ([{"compare": "data", "with": "a"}], "different test patients"),
        ([{"compare": "data.split.seed", "with": 0}], "different test patients"),
        ([{"compare": "seed", "with": 0}], "seeds are the trainings"),
        ([{**WINDOW, "within": {"window": "lung"}}], "cannot be held as well"),
        ([{**WINDOW, "within": {"seed": 0}}], "takes all seeds"),
        ([{"compare": "lr", "with": 0.1}], "validation picks it"),
        ([WINDOW, {**WINDOW, "within": {}}], "stands there twice"),
    ],
)
def test_what_cannot_be_followed_is_refused_in_a_sentence(entries: Any, why: str) -> None:
    with pytest.raises(MedxferError, match=rf"study\.contrasts.*{why}"):
        read_comparisons(entries, tuned=["lr"])


def test_a_compared_setting_is_a_factor_and_leaves_the_settings_that_make_a_study() -> None:
    asked = "study.contrasts=[{compare: finetune, with: full, within: {augment.flip: 0.5}}]"
    full, head = configured(asked), configured(asked, "finetune=head")
    assert shared_settings(full) == shared_settings(head)
    assert "finetune" not in shared_settings(full)
    assert "flip" not in shared_settings(full)["augment"]
    assert [factors(c, c, "file")["finetune"] for c in (full, head)] == ["full", "head"]
    assert factors(full, full, "file")["augment.flip"] == 0.0
    assert shared_settings(configured("finetune=head")) != shared_settings(configured())


def test_a_factor_that_is_compared_stands_once_among_the_factors() -> None:
    config = configured("study.contrasts=[{compare: window, with: 40/400}]")
    assert factors(config, config, "lung") == factors(configured(), config, "lung")
    assert shared_settings(config) == shared_settings(configured())


def test_the_declaration_names_no_folder_and_a_study_without_comparisons_is_as_before() -> None:
    own = "study.contrasts=[{compare: pretrained, with: file:/home/someone/rad.pth}]"
    declared = declaration(configured(own))
    assert declared["contrasts"] == [{"compare": "pretrained", "with": "file:rad.pth"}]
    assert "contrasts" not in declaration(configured())
    assert read_declared(Path("study.json"), declared).comparisons[0].reference == "file:rad.pth"


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("finetun", "unknown setting 'finetun'.*finetune"),
        ("augment.fli", "unknown setting 'augment.fli'"),
        ("lr.most", "unknown setting 'lr.most'"),
        ("augment", "augment is a group of them"),
        ("store.root", "store.root is none"),
        ("trainer.accelerator", "trainer.accelerator is none"),
    ],
)
def test_only_settings_of_the_training_become_factors(key: str, why: str) -> None:
    for asked in (f"study.contrasts=[{{compare: {key}, with: 1}}]", f"study.tuned=[{key}]"):
        with pytest.raises(MedxferError, match=why):
            check_factors(configured(asked))
    check_factors(configured("study.contrasts=[{compare: augment.flip, with: 0.5}]", "augment=null"))
    check_factors(configured("study.tuned=[lr, trainer.max_epochs]"))


def cell(**changed: Any) -> dict[str, Any]:
    return {"colormap": "none", "pretrained": True, "window": "40/400", "seed": 0, **changed}


def declared(*contrasts: dict[str, Any], **rq2: Any) -> Declared:
    rules = {**RULES, "rq2": {**RULES["rq2"], **rq2}}
    return Declared(contrasts=contrasts, **rules)


def test_the_usual_grids_are_said_to_lack_nothing() -> None:
    both = [cell(colormap=c, pretrained=p) for c in ("none", "viridis") for p in (True, False)]
    for cells in ([cell()], [cell(), cell(seed=1)], both, [cell(), cell(colormap="viridis")]):
        assert unplanned(declared(), cells) == []


@pytest.mark.parametrize(
    ("asked", "cells", "lacking"),
    [
        (declared(level="file:rad.pth"), [cell(pretrained=False)], r"RQ2: .*file:rad\.pth weights \(study\.rq2\.l"),
        (declared(), [cell(), cell(pretrained="file:a.pth")], r"RQ2: .* random weights \(study\.rq2\.with\)"),
        (declared(), [cell(pretrained=False), cell(colormap="pet", pretrained=False)], "RQ1: .*=false asks it of"),
        (declared(), [cell(pretrained=False), cell(colormap="viridis")], "RQ1: .*gray images with pretrained weights"),
        (declared(WINDOW), [cell()], r"contrasts, window: .*another level of window than 40/400"),
        (declared(WINDOW), [cell(window="lung"), cell(window="bone")], r"window: .*window 40/400 \(with\)"),
        (declared({**WINDOW, "within": {"colormap": "virids"}}), [cell(), cell(window="lung")], r"virids \(within\)"),
    ],
)  # fmt: skip
def test_a_level_that_no_cell_has_is_named(asked: Declared, cells: list[dict[str, Any]], lacking: str) -> None:
    assert [text for text in unplanned(asked, cells) if re.search(lacking, text)]
