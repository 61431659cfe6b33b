"""methods.md: figures from the records, references in their order, nothing of paths or patients."""

import re
from pathlib import Path

import pandas as pd
import pytest
from synthetic_study import write_study

from medxfer.analysis import read_study
from medxfer.analysis.judge.verdict import judge
from medxfer.analysis.out.methods import methods

SETTINGS = {
    "optimizer": "adamw", "lr": 3e-4, "weight_decay": 0.05, "batch_size": 16, "warmup": 0.1, "finetune": "full",
    "normalize": "fixed", "levels": 256, "patience": 4, "balance": "weights", "trainer": {"max_epochs": 8},
    "augment": {"rotate": 5.0, "flip": 0.0},
}  # fmt: skip


def text_of(folder: Path) -> str:
    study = read_study(folder)
    return methods(study, judge(study))[0]


def test_it_says_how_a_study_was_made_with_figures_from_its_records(tmp_path: Path) -> None:
    text = text_of(write_study(tmp_path / "s", seeds=3, settings=SETTINGS))
    for part in (
        "Of phantom_dx (DX), 440 images were used; 2 files were left out or not there (no pixel data: 2).",
        "They were labelled no lesion or lesion (the positive class).",
        "test had 120 images of 60 patients (60 no lesion, 60 lesion)",
        "No patient was in more than one part.",
        "Images were resized to 64 × 64 pixels.",
        "through a table with 256 levels: viridis and inferno.",
        "efficientnet_lite0-57934424.pth, trained on ImageNet-1k (SHA-256 579344240000…, licence Apache-2.0)",
        "trained for 8 epochs, with AdamW [1], learning rate 0.0003, weight decay 0.05, batch size 16.",
        "rose linearly over the first 10 % of the steps",
        "(rotation ±5°)",
        "rare classes weighed more in the loss",
        "A training ended after 4 epochs without a better balanced accuracy on validation.",
        "Each arm was trained 3 times",
        "a margin of 1 point",
        "Each of viridis and inferno was compared with gray, within pretrained weights.",
        "python 3.11.9, torch 2.14.1 and medxfer 0.1.0",
    ):
        assert part in text


def test_references_are_numbered_as_they_are_cited(tmp_path: Path) -> None:
    body, references = text_of(write_study(tmp_path / "s", seeds=2, settings=SETTINGS)).split("## References")
    cited = [int(number) for found in re.findall(r"\[([\d, ]+)\]", body) for number in found.split(", ")]
    listed = [int(number) for number in re.findall(r"^(\d+)\. ", references, re.MULTILINE)]
    assert cited == listed == list(range(1, len(listed) + 1))


def test_it_names_the_checklists_items_by_subject(tmp_path: Path) -> None:
    text = text_of(write_study(tmp_path / "s", colormaps=["none"]))
    answered, _, authors = text.partition("Only the authors can answer:")
    for name in ("CLAIM 2024", "TRIPOD+AI", "STARD-AI"):
        assert name in answered
        assert name in authors
    assert "reference standard" in authors


def test_it_holds_no_path_and_no_patient(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s", seeds=2, command="python -m medxfer.train data.root=/secret/place",
        settings={**SETTINGS, "data": {"root": "/secret/place"}},
    )  # fmt: skip
    patients = {
        patient for path in folder.glob("cells/*/predictions.parquet") for patient in pd.read_parquet(path)["patient"]
    }
    text = text_of(folder)
    assert "secret" not in text
    assert str(tmp_path) not in text
    assert not any(patient in text for patient in patients)


def test_other_tasks_resampling_and_missing_ids(tmp_path: Path) -> None:
    many = text_of(write_study(tmp_path / "many", classes=3, caveats=["no patient ids: intervals are too narrow"]))
    assert "They were labelled class 0, class 1 or class 2." in many
    assert "each image was taken for a patient" in many
    assert "No patient was" not in many
    assert "Sensitivity, specificity" not in many


def test_without_a_finished_training_there_is_nothing_to_describe(tmp_path: Path) -> None:
    assert "nothing to describe" in text_of(write_study(tmp_path / "s", missing=[{}]))
    partial = text_of(write_study(tmp_path / "t", failed=[{"colormap": "viridis"}]))
    assert "2 of 6 trainings are not finished" in partial


@pytest.mark.parametrize(
    ("finetune", "part"),
    [("head", "the last layer alone was"), ("last:2", "the last layer and the 2 stages before it were")],
)
def test_what_was_trained_of_the_networks_is_part_of_the_answers_scope(
    tmp_path: Path, finetune: str, part: str
) -> None:
    folder = write_study(tmp_path / "s", settings={"finetune": finetune})
    assert f", of which {part} trained, at 64 px" in judge(read_study(folder)).scope
    assert f"{part[0].upper()}{part[1:]} trained." in text_of(folder)
    assert "of which" not in judge(read_study(write_study(tmp_path / "full", settings={"finetune": "full"}))).scope
