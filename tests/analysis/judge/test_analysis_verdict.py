import json
from pathlib import Path

import pytest
from synthetic_study import RULES, write_study

from medxfer.analysis import Verdict, read_study
from medxfer.analysis.judge.verdict import Answer, judge


def answers(folder: Path) -> tuple[Verdict, Answer, Answer]:
    verdict = judge(read_study(folder))
    rq1, rq2 = verdict.answers
    return verdict, rq1, rq2


def test_one_training_cannot_tell(tmp_path: Path) -> None:
    verdict, rq1, rq2 = answers(write_study(tmp_path / "s"))
    assert verdict.complete
    for answer in (rq1, rq2):
        assert "One training" in answer.headline
        assert {finding.conclusion for finding in answer.findings} == {"one training"}
        assert all("this one training" in text for text in answer.text)


def test_a_large_gain_is_found_and_measured(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s",
        seeds=5,
        patients=200,
        seed_noise=0.02,
        effect=lambda f: 1.5 if f["pretrained"] is True else 0.0,
    )
    _, rq1, rq2 = answers(folder)
    (finding,) = rq2.findings
    assert finding.conclusion == "improves by at least the margin"
    assert rq2.headline == "Yes: ImageNet weights improve balanced accuracy."
    figures = finding.figures
    assert figures is not None
    assert figures.estimate == pytest.approx((figures.low + figures.high) / 2)
    assert (figures.trainings, figures.patients, figures.images) == (5, 200, 400)
    assert figures.wins == 1.0
    assert {beside.metric for beside in figures.beside} == {"accuracy", "auroc"}
    assert all(not f.conclusion.startswith("improves") for f in rq1.findings)


def test_colormaps_share_a_family_and_the_pretrained_arm_answers(tmp_path: Path) -> None:
    _, rq1, _ = answers(write_study(tmp_path / "s", seeds=3))
    assert [finding.contrast for finding in rq1.findings] == [
        "viridis − none, pretrained",
        "inferno − none, pretrained",
    ]
    for finding in rq1.findings:
        assert finding.figures is not None
        assert finding.figures.contrasts == 2
        assert 0.95 < finding.figures.level < 0.975  # Dunnett's, between one interval's level and Bonferroni's
        assert finding.figures.p_adjusted >= finding.figures.p


def test_the_declared_rules_decide_what_answers(tmp_path: Path) -> None:
    rq1 = {**RULES["rq1"], "within": {"pretrained": False}}
    rq2 = {**RULES["rq2"], "within": {"colormap": "viridis"}}
    folder = write_study(tmp_path / "s", colormaps=("none", "viridis"), declared={"rq1": rq1, "rq2": rq2}, seeds=2)
    verdict, colour, weights = answers(folder)
    assert [finding.contrast for finding in colour.findings] == ["viridis − none, random"]
    assert [finding.contrast for finding in weights.findings] == ["pretrained − random, viridis"]
    assert "RQ1, starting from pretrained weights" in [table.title for table in verdict.tables]
    assert verdict.declared["rq1"] == rq1


def test_a_question_that_is_not_asked_says_what_the_declared_rule_takes(tmp_path: Path) -> None:
    rq1 = {**RULES["rq1"], "within": {"pretrained": "file:own.pth"}}
    _, colour, _ = answers(write_study(tmp_path / "s", declared={"rq1": rq1}))
    assert colour.findings == ()
    assert "both with file:own.pth weights" in colour.text[0]
    assert "pretrained=file:own.pth" in colour.text[1]


def test_unfinished_cells_make_an_answer_incomplete(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s", seeds=3, failed=[{"colormap": "viridis", "pretrained": True, "seed": 1}],
        missing=[{"colormap": "inferno", "pretrained": False}],
    )  # fmt: skip
    verdict, rq1, rq2 = answers(folder)
    assert not verdict.complete
    viridis, inferno = rq1.findings
    assert viridis.conclusion == "incomplete"
    assert len(viridis.unfinished) == 1
    assert viridis.figures is not None
    assert viridis.figures.trainings == 2
    assert inferno.conclusion != "incomplete"  # its own cells are all there
    assert rq1.headline.startswith("Incomplete")
    assert rq2.findings[0].conclusion != "incomplete"
    assert any("4 of 18" in notice for notice in verdict.notices)


def test_an_arm_without_any_finished_cell_has_no_figures(tmp_path: Path) -> None:
    _, rq1, rq2 = answers(write_study(tmp_path / "s", failed=[{"colormap": "none"}]))
    assert {finding.conclusion for finding in (*rq1.findings, *rq2.findings)} == {"incomplete"}
    assert rq2.findings[0].figures is None


@pytest.mark.parametrize(
    ("colormaps", "pretrained", "asked"),
    [
        (["none"], [True], ()),
        (["none", "viridis"], [True], ("RQ1",)),
        (["none", "viridis"], [False], ()),
        (["viridis"], [True, False], ()),
        (["none"], [True, False], ("RQ2",)),
    ],
)
def test_a_question_without_its_arms_is_not_asked(
    tmp_path: Path, colormaps: list[str], pretrained: list[bool], asked: tuple[str, ...]
) -> None:
    verdict = judge(read_study(write_study(tmp_path / "s", colormaps=colormaps, pretrained=pretrained)))
    for answer in verdict.answers:
        if answer.question in asked:
            assert answer.findings
        else:
            assert answer.headline == "Not asked by this study."
            assert "Run" in answer.text[1]


def test_identical_arms_are_refused(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=["none"], seeds=2)
    for cell in folder.glob("cells/*"):
        factors = json.loads((cell / "metrics.json").read_text())["factors"]
        if factors["pretrained"] is False:
            twin = cell.with_name(cell.name.replace("False", "True"))
            (cell / "predictions.parquet").write_bytes((twin / "predictions.parquet").read_bytes())
    _, _, rq2 = answers(folder)
    assert rq2.findings[0].conclusion == "refused"
    assert "identical" in rq2.text[0]


def test_ct_and_x_ray_are_one_answer_and_named(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", data=("phantom_ct", "phantom_dx"), seeds=2)
    verdict, _, rq2 = answers(folder)
    assert rq2.findings[0].figures.datasets == ("phantom_ct", "phantom_dx")
    assert "phantom_ct (CT) and phantom_dx (DX)" in verdict.scope
    assert "this training set" in verdict.scope


def test_caveats_are_notices_and_images_are_not_called_patients(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", caveats=["no patient ids: intervals are too narrow"])
    verdict, _, _ = answers(folder)
    assert verdict.notices == ("phantom_dx: no patient ids: intervals are too narrow",)
    assert "60 test images" in verdict.scope  # each counts as a patient, and is not called one


def test_many_classes_are_judged(tmp_path: Path) -> None:
    _, _, rq2 = answers(write_study(tmp_path / "s", classes=4, patients=80, seeds=3))
    assert rq2.findings[0].figures is not None


def test_verdict_json_is_plain_json(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", failed=[{"colormap": "none"}])
    content = json.loads(judge(read_study(folder)).to_json())
    assert content["schema"] == 2
    assert "opinions" not in content
    assert [answer["question"] for answer in content["answers"]] == ["RQ1", "RQ2"]
