"""What cells computed in, took and chose, as the page and methods.md say it; older records say nothing of it."""

from pathlib import Path
from typing import Any

import pytest
from synthetic_study import records, write_study

from medxfer.analysis.judge.chosen_epochs import chosen_among
from medxfer.analysis.judge.computed import arithmetic, arithmetic_sentences, spent
from medxfer.analysis.judge.provenance import provenance
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.study_reader import read_study

TOLD = {"precision": "32-true", "matmul": "float32", "convolution": "TF32", "deterministic": True, "not_repeatable": []}
TENSOR = "TF32 (float32 rounded to ten bits before it is multiplied)"


def sentences(*told: dict[str, Any]) -> str:
    return " ".join(arithmetic_sentences([{"compute": one} for one in told]))


def study_of(folder: Path, best: dict[str, list[int]], **more: Any) -> StudyRecord:
    """Trainings of a budget of 30 epochs, whose best epoch (from 0) is that of `best` by colormap and seed."""
    seeds = len(next(iter(best.values())))
    write_study(folder, colormaps=tuple(best), pretrained=(True,), seeds=seeds)
    for record in records(folder):
        of_cell = best[record["factors"]["colormap"]][record["factors"]["seed"]]
        record |= {"best_epoch": of_cell, "budget_epochs": 30, **more}
        record["epochs"] = [{"epoch": epoch} for epoch in range(30)]
    return read_study(folder)


def test_the_chosen_epoch_and_how_far_from_the_end(tmp_path):
    study = study_of(tmp_path / "s", {"none": [27, 19, 29], "viridis": [29, 29, 4]})
    (facts,) = [one for one in provenance(study) if one.title == "Chosen epochs"]
    assert facts.pairs == (
        ("none × pretrained", "20–30 of 30, the last in 1 of 3 cells"),
        ("viridis × pretrained", "5–30 of 30, the last in 2 of 3 cells"),
    )
    assert facts.text == (
        "In most trainings of viridis × pretrained the best epoch is the last of the budget, so that more epochs "
        "(trainer.max_epochs) may help.",
    )
    assert chosen_among(study) == "epoch 5–30 of 30"


def test_half_is_not_most(tmp_path):
    study = study_of(tmp_path / "s", {"none": [29, 0], "viridis": [0, 1]})
    (facts,) = [one for one in provenance(study) if one.title == "Chosen epochs"]
    assert facts.text == ()


def test_records_of_older_versions_say_nothing_of_it(tmp_path):
    study = read_study(write_study(tmp_path / "s", seeds=2))
    assert not {"Chosen epochs", "Arithmetic"} & {facts.title for facts in provenance(study)}
    records = [cell.record for cell in study.done]
    assert (chosen_among(study), arithmetic(records), spent(records), list(arithmetic_sentences(records))) == (
        "", (), (), []
    )  # fmt: skip
    old = {"compute": {"precision": "32-true", "channels_last": True}}
    assert arithmetic([old, {"compute": TOLD}])[0] == ("matrix products", "float32")


def test_arithmetic_of_one_machine_and_of_two():
    assert arithmetic([{"compute": TOLD}]) == (
        ("matrix products", "float32"), ("convolutions", TENSOR), ("deterministic", "true"),
        ("operations without a repeatable form", "none"),
    )  # fmt: skip
    both = dict(arithmetic([{"compute": TOLD}, {"compute": TOLD | {"convolution": "float32"}}]))
    assert both["convolutions"] == f"{TENSOR}, float32"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, f"Matrix products were computed in float32, convolutions in {TENSOR}. Algorithms that repeat bit by bit "
             "on the same device were used."),
        ({"matmul": "bfloat16", "convolution": "bfloat16", "deterministic": "warn",
          "not_repeatable": ["a median", "bicubic interpolation"]},
         "Matrix products and convolutions were computed in bfloat16. Algorithms that repeat bit by bit on the same "
         "device were used, but for a median and bicubic interpolation."),
        ({"convolution": "float32", "deterministic": "warn", "not_repeatable": None},
         "Matrix products and convolutions were computed in float32. Algorithms that repeat bit by bit on the same "
         "device were used; which operations do not is not known of every network."),
        ({"convolution": "float32", "deterministic": False},
         "Matrix products and convolutions were computed in float32. Algorithms were not restricted to those that "
         "repeat bit by bit."),
    ],
)  # fmt: skip
def test_sentences_for_a_paper(changed, said):
    assert sentences(TOLD | changed) == said


def test_memory_is_that_of_the_largest_cell_and_energy_that_of_all():
    cells = [
        {"spent": {"host_bytes": 2 * 10**9, "cuda_bytes": 3 * 10**8, "energy_j": 1500.0, "energy_of": "GPU (NVML)",
                   "resumed": False}},
        {"spent": {"host_bytes": 10**9, "resumed": False}},
        {"spent": {"host_bytes": 10**9, "energy_j": 700.0, "energy_of": "GPU (NVML)", "resumed": False}},
    ]  # fmt: skip
    assert spent(cells) == (
        ("memory at most, a cell", "2.0 GB"), ("GPU memory at most, a cell", "300.0 MB"),
        ("energy, GPU (NVML)", "2.2 kJ in 2 cells"),
    )  # fmt: skip
    cells[0]["spent"]["resumed"] = True
    assert spent(cells)[-1] == ("energy, GPU (NVML)", "at least 2.2 kJ in 2 cells")
