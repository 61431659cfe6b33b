"""The primary contrasts on external sets: the same statistics on their images, a mean over the networks of folds."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from synthetic_study import write_study

from medxfer.analysis import compare, read_study
from medxfer.analysis.judge.elsewhere import elsewhere
from medxfer.analysis.judge.layer import measured
from medxfer.analysis.judge.phrases import interval, points
from medxfer.analysis.judge.scores import read_predictions
from medxfer.analysis.judge.verdict import judge
from medxfer.analysis.out.methods import methods
from medxfer.analysis.page.external_sections import external_sections
from medxfer.analysis.page.page import render_page
from medxfer.base.files import write_parquet


def with_clinic(study: Path, gain: float = 0.0, named: int = 0, left_out: int = 0, patients: int = 60) -> Path:
    """Every finished cell of the study scores a clinic's images, on which viridis gains `gain`."""
    for path in study.glob("cells/*/metrics.json"):
        record = json.loads(path.read_text())
        rng, own = np.random.default_rng(5), np.random.default_rng([record["factors"]["seed"], len(path.parent.name)])
        label = np.arange(patients) % 2
        hard = rng.normal(size=patients)
        better = gain * (record["factors"]["colormap"] == "viridis")
        latent = (1.0 + better) * (2 * label - 1) + hard + 0.3 * own.normal(size=patients)
        score = 1 / (1 + np.exp(-latent))
        table = pd.DataFrame(
            {
                "image": [f"e{i}" for i in range(patients)],
                "patient": [f"q{i}" for i in range(patients)],
                "split": "external:clinic",
                "label": label,
                "score_0": 1 - score,
                "score_1": score,
            }
        )
        predictions = path.with_name("predictions.parquet")
        pd.concat([pd.read_parquet(predictions), table]).to_parquet(predictions, index=False)
        half = patients // 2
        record["external"] = {
            "clinic": {
                "fingerprint": "f" * 16, "modality": "CR", "received": patients + left_out, "rejected": {},
                "left_out": {"images": left_out, "patients": left_out, "pictures": 0},
                "images": patients, "patients": patients,
                "by_class": {"images": [half, half], "patients": [half, half]},
                "caveats": ["its images are 'CR' and the training's 'DX'"],
            }
        }  # fmt: skip
        path.write_text(json.dumps(record))
    plan = json.loads((study / "study.json").read_text())
    plan["external"] = {"clinic": {"fingerprint": "f" * 16, "time": "2026-05-01T10:00:00+00:00", "done": named}}
    (study / "study.json").write_text(json.dumps(plan))
    return study


def small(folder: Path, **more: object) -> Path:
    return write_study(folder, colormaps=("none", "viridis"), pretrained=(True,), seeds=3, **more)  # type: ignore[arg-type]


def test_the_figures_are_those_of_compare_on_the_external_scores(tmp_path: Path) -> None:
    study = read_study(with_clinic(small(tmp_path / "s", declared={"metric": "auroc"}), gain=0.5))
    (one,) = elsewhere(study)
    (answer,) = one.answers
    (finding,) = answer.findings
    runs = {
        arm: [
            read_predictions(cell.folder, "external:clinic") for cell in study.done if cell.factors["colormap"] == arm
        ]
        for arm in ("viridis", "none")
    }
    scores = np.array([[run.scores[:, 1] for run in of_arm] for of_arm in runs.values()])
    first = runs["none"][0]
    expected = compare(scores, first.labels, [1, -1], metric="auroc", patients=first.patients)
    assert finding.figures.estimate == pytest.approx(expected.estimate)
    assert finding.figures.patients == 60
    assert finding.figures.df_patients == pytest.approx(float(expected.effect.patients.df))


def test_the_internal_answer_is_the_same_with_an_external_set(tmp_path: Path) -> None:
    plain = judge(read_study(small(tmp_path / "s")))
    beside = judge(read_study(with_clinic(tmp_path / "s")))
    assert [answer.headline for answer in beside.answers] == [answer.headline for answer in plain.answers]
    assert beside.arms == plain.arms
    assert not plain.elsewhere
    assert not plain.answers[0].elsewhere
    assert beside.answers[0].elsewhere[0].startswith("On images from elsewhere (clinic): ")


def test_the_table_of_differences_shows_on_which_side_of_the_margin_an_end_lies(tmp_path: Path) -> None:
    study = read_study(with_clinic(small(tmp_path / "s")))
    verdict = judge(study)
    figures = verdict.primary[0].figures
    margin = figures.high + 1e-6  # so that the end is inside it, and rounded would be at it
    near = replace(verdict, declared={**verdict.declared, "margin": margin})
    (section,) = external_sections(study, near)
    shown = section.tables[0].rows[0][1]
    assert shown == f"{points(figures.estimate)} ({interval(figures.low, figures.high, margin)})"
    assert interval(figures.low, figures.high) not in shown


def test_of_folds_a_trainings_figure_is_the_mean_over_its_networks(tmp_path: Path) -> None:
    folder = with_clinic(small(tmp_path / "s", declared={"metric": "accuracy"}), gain=0.5)
    plain = elsewhere(read_study(folder))[0]
    plan = json.loads((folder / "study.json").read_text())
    planned = {}
    for name, factors in plan["planned"].items():  # every training becomes two networks that score alike
        source = folder / "cells" / name
        for fold in (0, 1):
            cell = folder / "cells" / f"{name}-fold{fold}"
            cell.mkdir()
            record = json.loads((source / "metrics.json").read_text())
            record["factors"] = {**factors, "fold": fold}
            record["data"]["folds"] = 2
            (cell / "metrics.json").write_text(json.dumps(record))
            table = pd.read_parquet(source / "predictions.parquet")
            test = table[table["split"] == "test"]
            own = test["patient"].isin(sorted(test["patient"].unique())[fold::2])
            table = table[(table["split"] != "test") | table.index.isin(own[own].index)]
            table.to_parquet(cell / "predictions.parquet", index=False)
            planned[cell.name] = record["factors"]
        for path in source.iterdir():
            path.unlink()
        source.rmdir()
    plan["planned"] = planned
    (folder / "study.json").write_text(json.dumps(plan))
    folds = elsewhere(read_study(folder))[0]
    assert (folds.scored, folds.planned) == (plain.scored, plain.planned) == (6, 6)
    one, two = plain.answers[0].findings[0].figures, folds.answers[0].findings[0].figures
    assert one is not None and two is not None  # noqa: PT018
    assert two.estimate == pytest.approx(one.estimate)
    assert two.se == pytest.approx(one.se)
    assert two.trainings == one.trainings == 3


def test_trainings_that_have_not_scored_the_set_make_its_answer_incomplete(tmp_path: Path) -> None:
    folder = with_clinic(small(tmp_path / "s"))
    path = sorted(folder.glob("cells/*/metrics.json"))[0]
    record = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in record.items() if key != "external"}))
    verdict = judge(read_study(folder))
    (one,) = verdict.elsewhere
    assert one.answers[0].findings[0].conclusion == "incomplete"
    assert "1 finished training has not scored clinic" in one.notices[0]
    assert verdict.complete


def test_page_methods_and_json_say_what_was_found_elsewhere(tmp_path: Path) -> None:
    study = read_study(with_clinic(small(tmp_path / "s"), gain=1.0, named=4, left_out=3))
    verdict = judge(study)
    page, text = render_page(study, verdict), methods(study, verdict)[0]
    assert "On images from elsewhere: clinic" in page
    assert "when 4 cells had a result" in page
    assert "3 images of clinic are left out, because 3 patients also stand in the training" in page
    assert "External validation" in text
    assert "60 images" in text
    assert "| test on external data | CLAIM 2024, TRIPOD+AI | External validation; report.html |" in text
    found = json.loads(verdict.to_json())["elsewhere"][0]
    assert found["name"] == "clinic"
    assert found["answers"][0]["findings"][0]["figures"]["patients"] == 60
    assert set(found["arms"][0]["calibration"]) == {"slope", "intercept"}
    assert found["arms"][0]["decisions"]["TP"]["mean"] > 0


def test_where_no_arm_beats_chance_the_sentence_agrees_with_the_headline(tmp_path: Path) -> None:
    folder = with_clinic(small(tmp_path / "s", declared={"metric": "auroc"}))
    for place, path in enumerate(sorted(folder.glob("cells/*/predictions.parquet"))):
        frame = pd.read_parquet(path)
        there = frame["split"] == "external:clinic"
        image = np.arange(int(there.sum()))  # classes alternate, and each pair of them has nearly the same scores
        chance = 0.1 + 0.1 * (image // 2 % 7) + 0.05 * np.random.default_rng(place).uniform(size=len(image))
        frame.loc[there, "score_1"], frame.loc[there, "score_0"] = chance, 1 - chance
        frame.to_parquet(path, index=False)
    (one,) = elsewhere(read_study(folder))
    (said,) = one.answers
    assert said.headline == "Cannot tell: no arm beats chance."
    assert said.findings[0].conclusion == "no arm beats chance"
    assert said.text[0].startswith("No arm beats chance")


def test_scores_that_were_written_again_are_seen_in_the_same_process(tmp_path: Path) -> None:
    study = with_clinic(write_study(tmp_path, colormaps=("none", "viridis"), pretrained=(True,), seeds=3))
    before = judge(read_study(study))
    for path in study.glob("cells/*/predictions.parquet"):
        table = pd.read_parquet(path)
        table[["score_0", "score_1"]] = table[["score_1", "score_0"]]
        write_parquet(path, table)
    after = judge(read_study(study))
    assert before.to_json() != after.to_json()
    records = read_study(study)
    first = records.done[0]
    fresh = pd.read_parquet(first.folder / "predictions.parquet", filters=[("split", "==", "test")])
    np.testing.assert_array_equal(read_predictions(first.folder).scores[:, 1], fresh["score_1"])
    assert measured([first], "auroc")[first.folder].theta == pytest.approx(
        roc_auc_score(fresh["label"], fresh["score_1"])
    )
