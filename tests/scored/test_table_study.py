"""A table of scores judged: the same figures as `compare`, the same page, and no id of the table."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from score_tables import score_table

from medxfer.analysis import compare
from medxfer.base.errors import MedxferError
from medxfer.report import main
from medxfer.study.folder import Study
from medxfer.study.state import read_record

SECRETS = (b"SECRET-IMG", b"DOE^JOHN", b"secretfolder")


def judged(folder: Path, table: pd.DataFrame, *arguments: str) -> Path:
    path = folder / "secretfolder" / "t.csv"
    path.parent.mkdir(exist_ok=True)
    table.to_csv(path, index=False)
    out = folder / "out"
    assert main([f"scores={path}", f"out={out}", *arguments]) == 0
    return out


def finding(out: Path, place: int = 0) -> dict:
    return json.loads((out / "verdict.json").read_text())["answers"][place]["findings"][0]


@pytest.mark.parametrize("folds", [0, 5])
def test_its_figures_are_those_of_compare(tmp_path: Path, folds: int) -> None:
    table = score_table(folds=folds)
    out = judged(tmp_path, table, "with=gray")
    shaped = table.sort_values(["arm", "seed", "image"], ascending=[False, True, True])  # gray before color
    first = shaped[:120]
    expected = compare(
        shaped["score"].to_numpy().reshape(2, 3, 120), first["label"], [-1.0, 1.0],
        patients=first["patient"], folds=shaped["fold"].to_numpy().reshape(2, 3, 120)[0] if folds else None,
    )  # fmt: skip
    figures = finding(out)["figures"]
    for name in ("estimate", "se", "df", "low", "high", "p"):
        assert figures[name] == pytest.approx(getattr(expected, name), rel=1e-6)
    results = pd.read_csv(out / "results.csv")
    assert len(results) == 2 * 3 * max(folds, 1)
    assert list(results["arm"].unique()) == ["gray", "color"]


def test_the_page_and_the_texts_speak_of_arms_and_hold_no_id(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = judged(tmp_path, score_table(folds=5), "with=gray", "margin=0.02")
    page, methods = (out / "report.html").read_text(), (out / "methods.md").read_text()
    assert "Does another arm than gray improve AUROC?" in page
    assert "The scores of these images were made by another program" in methods
    assert "Of the arms, color was compared with gray." in methods
    assert "ROC of the pairs compared" in page
    for words in ("pretrained", "colormap", "Before the first training", "None", "moderated", "phantom", "px"):
        assert words not in methods.split("## Checklists")[0], words
    text = page[page.index("<main") : page.index("<script")]
    for words in ("Does colour improve", "weights on gray", "declared beforehand", "None", "image_size", "RQ1", "RQ2"):
        assert words not in text, words
    content = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    for parquet in out.rglob("*.parquet"):
        content += pd.read_parquet(parquet).to_csv().encode()
    assert not [secret for secret in SECRETS if secret in content]
    assert "report.html" in capsys.readouterr().out


def test_colormap_and_pretrained_answer_both_questions(tmp_path: Path) -> None:
    effects = {"none-true": 0.4, "viridis-true": 0.9, "none-false": 0.0, "viridis-false": 0.3}
    table = score_table(effects)
    table[["colormap", "pretrained"]] = table.pop("arm").str.split("-", expand=True).to_numpy()
    out = judged(tmp_path, table.assign(backbone="resnet18"))
    assert [finding(out, place)["contrast"] for place in (0, 1)] == [
        "viridis − none, pretrained", "pretrained − random, none",
    ]  # fmt: skip
    one = judged(tmp_path, table, "compare=colormap", "with=viridis")
    verdict = json.loads((one / "verdict.json").read_text())
    assert [answer["question"] for answer in verdict["answers"]] == ["colormap"]
    assert finding(one)["contrast"] == "none − viridis"


def test_several_classes_are_judged(tmp_path: Path) -> None:
    table = score_table(patients=60)
    rng = np.random.default_rng(0)
    number = table["patient"].str.extract(r"(\d+)$")[0].astype(int) % 3
    raw = (
        rng.dirichlet(np.ones(3), len(table)) + np.where(table["arm"] == "color", 1.0, 0.3)[:, None] * np.eye(3)[number]
    )
    scores = raw / raw.sum(axis=1, keepdims=True)
    names = np.array(["a", "b", "c"])
    table = table.drop(columns="score").assign(
        label=names[number], **{f"score_{name}": scores[:, k] for k, name in enumerate(names)}
    )
    found = finding(judged(tmp_path, table, "with=gray"))
    assert found["conclusion"] == "improves by at least the margin"


def test_a_table_is_judged_again_in_its_folder_which_is_of_no_training(tmp_path: Path) -> None:
    out = judged(tmp_path, score_table(seeds=(0, 1)), "with=gray")
    assert len(Study(out).planned) == 4
    judged(tmp_path, score_table(), "with=color")
    assert len(Study(out).planned) == 6
    assert finding(out)["contrast"] == "gray − color"
    with pytest.raises(MedxferError, match="made of a table of scores, so that nothing is trained in it"):
        read_record(out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["study=.", f"scores={__file__}"], "leave out study="),
        ([], "study=DIR or scores=FILE must be given"),
        (["study=.", "with=gray"], "with is of scores="),
    ],
)
def test_settings_that_do_not_go_together(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folds", "end"),
    [
        (0, "what its networks were trained on is not known here."),
        (5, "that a network saw no patient of its fold is taken from the table."),
    ],
)
def test_the_scope_says_what_a_table_cannot_tell(tmp_path: Path, folds: int, end: str) -> None:
    out = judged(tmp_path, score_table(folds=folds), "with=gray")
    scope = json.loads((out / "verdict.json").read_text())["scope"]
    assert scope.startswith(
        "These answers hold for the table's images (modality not said, 50 % label 1), from 3 trainin"
    )
    assert scope.endswith(f"The scores are of another program: {end}")
