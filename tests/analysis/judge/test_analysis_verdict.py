import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from synthetic_study import RULES, records, scored, write_study

from medxfer.analysis import Verdict, read_study
from medxfer.analysis.judge.arms import ArmFigures, Range, by_chance
from medxfer.analysis.judge.figures import Figures, Mean
from medxfer.analysis.judge.findings import Finding
from medxfer.analysis.judge.headline import BY_CHANCE, headline
from medxfer.analysis.judge.phrases import points, size
from medxfer.analysis.judge.question import Answer
from medxfer.analysis.judge.verdict import judge
from medxfer.base.errors import MedxferError


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
    figures = finding.figures
    assert rq2.headline == f"Yes: {size(figures.estimate, figures.low, figures.high)}."
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


def test_rq2_asks_about_weights_of_ones_own(tmp_path: Path) -> None:
    rq2 = {**RULES["rq2"], "level": "file:rad.pth"}
    starts = (True, False, "file:rad.pth")
    gain = {"file:rad.pth": 1.5}
    folder = write_study(
        tmp_path / "s", pretrained=starts, declared={"rq2": rq2}, seeds=3,
        effect=lambda factors: gain.get(factors["pretrained"], 0.0),
    )  # fmt: skip
    verdict, _, weights = answers(folder)
    assert weights.asks == "Do the weights file:rad.pth improve balanced accuracy over a random start?"
    assert weights.text[0].startswith("Balanced accuracy is ")
    assert " higher with file:rad.pth weights than with random weights" in weights.text[0]
    (finding,) = weights.findings
    assert (finding.contrast, finding.conclusion) == ("file:rad.pth − random, none", "improves by at least the margin")
    titles = [family.title for family in verdict.tables]
    assert "Does colour help file:rad.pth weights more than random ones?" in titles
    assert "Weights that RQ2 does not ask about" in titles


def test_rq2_can_compare_with_other_weights_than_random_ones(tmp_path: Path) -> None:
    rq2 = {**RULES["rq2"], "level": "file:rad.pth", "with": True}
    _, _, weights = answers(write_study(tmp_path / "s", declared={"rq2": rq2}))
    assert weights.asks == "Do the weights file:rad.pth improve balanced accuracy over ImageNet-1k weights?"
    assert "colormap=none pretrained=file:rad.pth,true seed=" in weights.text[1]


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"tag": "a1_in1k", "trained_on": "ImageNet-1k"}, "ImageNet-1k"),
        ({"tag": "mim_in22k", "trained_on": "ImageNet-22k"}, "ImageNet-22k"),
        ({"tag": "apple_pt", "trained_on": ""}, "apple_pt"),
        ({}, "pretrained"),  # of an earlier version, which did not record it
    ],
)
def test_the_weights_are_named_by_the_data_that_they_saw(tmp_path: Path, weights: dict, words: str) -> None:
    folder = write_study(tmp_path / "s", seeds=2)
    for record in records(folder):
        if record["weights"]:
            record["weights"] = {"file": "w.pth", "sha256": "0" * 64, **weights}
    verdict, _, answer = answers(folder)
    assert answer.asks == f"Do {words} weights improve balanced accuracy over a random start?"
    assert f"{words} weights" in answer.text[0].replace(words.capitalize(), words)
    known = f" (trained on {words})" if weights.get("trained_on") else f" ({words})" if weights else ""
    assert f"RQ2 holds for these weights alone: w.pth{known}." in verdict.scope


def test_arms_whose_input_is_normalised_differently_are_named(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=2)
    for record in records(folder):
        level = 0.5 if record["factors"]["pretrained"] else 0.45
        record["input"] = {"mean": [level] * 3, "std": [0.25] * 3}
    verdict, *_ = answers(folder)
    (notice,) = [text for text in verdict.notices if "normalise" in text]
    assert "random by mean (0.45, 0.45, 0.45) and standard deviation (0.25, 0.25, 0.25)" in notice


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
    assert viridis.figures.trainings == 2
    assert inferno.conclusion != "incomplete"  # its own cells are all there
    assert rq1.headline.startswith("Cannot tell yet: inferno ")
    assert rq1.headline.endswith("; viridis: 1 of 3 trainings failed.")
    assert rq2.findings[0].conclusion != "incomplete"
    (notice,) = [notice for notice in verdict.notices if "4 of 18" in notice]
    assert "inferno × random, seed 0 and 2 more: missing" in notice


def test_an_arm_without_any_finished_cell_has_no_figures(tmp_path: Path) -> None:
    _, rq1, rq2 = answers(write_study(tmp_path / "s", failed=[{"colormap": "none"}]))
    assert rq1.headline == "Incomplete: gray: 1 of 1 training failed."
    assert (
        rq2.headline
        == "Incomplete: pretrained weights: 1 of 1 training failed; random weights: 1 of 1 training failed."
    )
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
    assert "phantom_ct (CT, 50 % lesion) and phantom_dx (DX, 50 % lesion)" in verdict.scope
    assert "tf_efficientnet_lite0 at 64 px, 3 epochs, from 2 trainings an arm and 120 test patients" in verdict.scope
    assert "this training set" in verdict.scope
    assert verdict.scope.endswith(
        "RQ2 holds for these weights alone: efficientnet_lite0-57934424.pth (trained on ImageNet-1k)."
    )


def test_caveats_are_notices_and_images_are_not_called_patients(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", caveats=["no patient ids: intervals are too narrow"])
    verdict, _, _ = answers(folder)
    assert verdict.notices == ("phantom_dx: no patient ids: intervals are too narrow",)
    assert "60 test images" in verdict.scope  # each counts as a patient, and is not called one


def test_many_classes_are_judged(tmp_path: Path) -> None:
    verdict, _, rq2 = answers(write_study(tmp_path / "s", classes=4, patients=80, seeds=3))
    assert rq2.findings[0].figures is not None
    assert "phantom_dx (DX, 4 classes, each 25 % of the test images)" in verdict.scope
    assert all(arm.chance == 0.25 and not arm.decisions for arm in verdict.arms)


def test_verdict_json_is_plain_json(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", failed=[{"colormap": "none"}])
    content = json.loads(judge(read_study(folder)).to_json())
    assert content["schema"] == 3
    assert "opinions" not in content
    assert [answer["question"] for answer in content["answers"]] == ["RQ1", "RQ2"]


def finding(subject: str, conclusion: str, estimate: float, low: float, high: float) -> Finding:
    figures = Figures(
        estimate, 0.01, 20, low, high, 0.95, 0.3, 0.3, 0.3, None, 5, 100, 100, ("phantom_dx",), ("resnet18",)
    )
    return Finding("RQ1", "primary", f"{subject} − none, pretrained", subject, "auroc", conclusion, "", figures)


def test_a_headline_gives_sizes_and_what_is_known_of_each_colormap() -> None:
    gain, loss = finding("viridis", "improves", 0.06, 0.022, 0.098), finding("jet", "harms", -0.02, -0.03, -0.005)
    open_, excluded = (
        finding("hot", "cannot tell", 0.004, -0.02, 0.03),
        finding("inferno", "a gain above the margin is excluded", -0.015, -0.03, 0.005),
    )
    failed = finding("cool", "incomplete", 0.1, 0.0, 0.2)
    assert headline([gain], 0.01) == "Yes: viridis +6.0 points, 2.2 to 9.8."
    assert headline([loss], 0.01) == "No: jet −2.0 points, −3.0 to −0.5."
    assert headline([excluded], 0.01) == "No gain of 1 point or more: inferno −1.5 points, −3.0 to +0.5."
    assert headline([gain, failed], 0.01, {"cool": "cool: 1 of 5 trainings failed"}) == (
        "Yes: viridis +6.0 points, 2.2 to 9.8; cool: 1 of 5 trainings failed."
    )
    assert headline([gain, loss, open_], 0.01) == (
        "Yes: viridis +6.0 points, 2.2 to 9.8; but lower: jet −2.0 points, −3.0 to −0.5; "
        "cannot tell yet: hot +0.4 points, −2.0 to +3.0."
    )
    few = finding("bone", "too few patients", 0.1, -0.3, 0.5)
    assert headline([few], 0.01) == "Too few test patients to judge."
    assert headline([gain, few], 0.01) == ("Yes: viridis +6.0 points, 2.2 to 9.8; too few test patients: bone.")
    assert headline([gain] * 4, 0.01) == "Yes: 4 colormaps, +6.0 to +6.0 points."
    assert headline([replace(gain, question="RQ2")], 0.01) == "Yes: +6.0 points, 2.2 to 9.8."


def test_where_nothing_was_learned_seeds_are_no_advice(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=3, effect=lambda factors: -2.0, fractions=(0.5, 1.0))
    verdict, rq1, rq2 = answers(folder)
    assert rq1.headline == rq2.headline == BY_CHANCE
    assert verdict.worth is None
    notice = verdict.notices[0]
    assert notice.startswith("No arm beats chance (50.0 points of balanced accuracy)")
    for setting in ("trainer.max_epochs= (3 now)", "lr= (0.001 now)", "image_size= (64 now)"):
        assert setting in notice
    for finding in verdict.primary:
        for advice in ("more", "seeds", "expect"):
            assert advice not in finding.sentence
        assert finding.figures is None or finding.figures.expected == ()
        assert finding.conclusion == "no arm beats chance"
        assert finding.sentence.startswith("No arm beats chance: there is no difference to judge between ")
    assert rq1.closing == rq2.closing == ""
    assert verdict.scope.startswith("These figures are of")


def test_what_differs_by_chance_alone_is_not_called_equivalent_nor_harm(tmp_path: Path) -> None:
    """Without variation between seeds, and with margins of any size, where no arm beats chance."""
    for margin in (0.001, 0.5):
        folder = write_study(
            tmp_path / str(margin), seeds=5, seed_noise=0.0, effect=lambda factors: -2.0, declared={"margin": margin}
        )
        verdict, *_ = answers(folder)
        assert {finding.conclusion for finding in verdict.primary} <= {"no arm beats chance", "refused"}
        assert {f.conclusion for of in verdict.tables for f in of.findings} <= {"no arm beats chance", "refused"}


def test_a_data_set_on_which_nothing_was_learned_is_named(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s",
        seeds=2,
        data=("phantom_ct", "phantom_dx"),
        effect=lambda f: -2.0 * (f["data"] == "phantom_ct"),
        seed_noise=0.0,
    )
    verdict, rq1, _ = answers(folder)
    assert verdict.notices[0].startswith("On phantom_ct, no arm beats chance")
    assert rq1.headline != BY_CHANCE


def test_trainings_that_call_every_image_one_class_are_counted(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=2, colormaps=["none"], effect=lambda factors: -2.0)
    for record, frame in scored(folder):
        frame[["score_0", "score_1"]] = [[0.9, 0.1]] * len(frame)
        frame.loc[frame["image"].str.endswith("1"), ["score_0", "score_1"]] = [0.8, 0.2]
        record["threshold"] = 0.5
    assert "In 4 of 4 trainings every test image is given the same class." in answers(folder)[0].notices[0]


def test_wide_intervals_of_few_trainings_are_not_taken_for_chance() -> None:
    def arm(mean: float, low: float) -> ArmFigures:
        return ArmFigures(
            ("ct", "b", "file", 64), ("none", True), 2, 2, {"auroc": Mean(mean, low, 1.0)}, 0.5, {}, {}, 0
        )

    assert by_chance([arm(0.85, 0.2), arm(0.5, 0.3)], "auroc") == []
    assert by_chance([arm(0.55, 0.51)], "auroc") == []
    assert by_chance([arm(0.6, 0.4), arm(0.5, 0.3)], "auroc") == ["ct"]
    assert by_chance([arm(0.6, 0.4)], "brier") == []


def test_networks_that_rank_well_have_learned_whatever_their_accuracy() -> None:
    """Of 2 % positives, calling none positive is right in 98 %."""

    def arm(auroc: Mean) -> ArmFigures:
        metrics = {"accuracy": Mean(0.979, 0.96, 0.99), "auroc": auroc}
        return ArmFigures(("ct", "b", "file", 64), ("none", True), 3, 3, metrics, 0.98, {}, {}, 1)

    assert by_chance([arm(Mean(0.88, 0.68, 0.96))], "accuracy") == []
    assert by_chance([arm(Mean(0.52, 0.4, 0.64))], "accuracy") == ["ct"]


@pytest.mark.parametrize("threshold", ["validation", 0.5])
def test_decisions_and_metrics_have_the_threshold_that_the_study_declares(tmp_path: Path, threshold: object) -> None:
    folder = write_study(tmp_path / "s", seeds=2, declared={"threshold": threshold})
    for arm in answers(folder)[0].arms:
        shares = arm.decisions["sensitivity"].mean, arm.decisions["specificity"].mean
        assert arm.metrics["balanced_accuracy"].mean == pytest.approx(sum(shares) / 2)


def test_figures_beside_carry_their_level_and_are_called_unadjusted(tmp_path: Path) -> None:
    _, rq1, _ = answers(write_study(tmp_path / "s", seeds=2))
    assert all(text.endswith("95 % intervals, not adjusted") for text in rq1.beside)


def test_disagreements_of_interval_and_test_stand_in_the_answer(tmp_path: Path) -> None:
    verdict = answers(write_study(tmp_path / "s", seeds=3))[0]
    for answer in verdict.answers:
        assert answer.notes == tuple(note for finding in answer.findings for note in finding.notes)


def test_arms_have_their_metrics_and_decisions(tmp_path: Path) -> None:
    verdict = answers(write_study(tmp_path / "s", seeds=2))[0]
    assert len(verdict.arms) == 6
    for arm in verdict.arms:
        assert arm.trainings == arm.planned == 2
        assert set(arm.metrics) == {"balanced_accuracy", "accuracy", "auroc"}
        counts = [arm.decisions[name].mean for name in ("TP", "FP", "FN", "TN")]
        assert sum(counts) == pytest.approx(120)
        assert arm.decisions["sensitivity"].mean == pytest.approx(counts[0] / (counts[0] + counts[2]))
        assert arm.chance == 0.5


def test_one_training_is_described_and_not_said_to_hold(tmp_path: Path) -> None:
    single, *_ = answers(write_study(tmp_path / "one", seeds=1))
    assert single.scope.startswith("These figures are of phantom_dx")
    several, *_ = answers(write_study(tmp_path / "two", seeds=2))
    assert several.scope.startswith("These answers hold for phantom_dx")


def test_advice_that_serves_several_colormaps_is_said_once(tmp_path: Path) -> None:
    colormaps = ("none", *(f"map{k}" for k in range(6)))
    _, rq1, _ = answers(write_study(tmp_path / "many", colormaps=colormaps, seeds=3))
    assert sum(finding.conclusion == "cannot tell" for finding in rq1.findings) > 1
    assert not any("expect" in text or "Of the variance" in text for text in rq1.text)
    assert rq1.closing.count("Of the variance") == rq1.closing.count("expect ±") == 1
    assert " to " in rq1.closing
    _, _, rq2 = answers(write_study(tmp_path / "s", seeds=3))
    assert "expect ±" in rq2.text[0]
    assert rq2.closing == ""


@given(
    value=st.floats(-0.2, 0.2),
    margin=st.sampled_from([0.01, 0.005, 0.02]),
    signed=st.booleans(),
)
def test_a_figure_shows_on_which_side_of_the_margin_it_lies(value: float, margin: float, signed: bool) -> None:
    assume(abs(abs(value) - margin) > 1e-7)  # with six digits at most
    shown = abs(float(points(value, signed, margin).replace("−", "-")))
    assert (shown > 100 * margin) == (abs(value) > margin)
    assert (shown < 100 * margin) == (abs(value) < margin)
    assert abs(shown - 100 * abs(value)) <= 0.05 + 1e-9


def test_an_end_below_the_margin_is_not_shown_as_the_margin() -> None:
    assert points(0.00996, margin=0.01) == "+0.996"
    assert points(-0.01004, margin=0.01) == "−1.004"
    assert points(0.01, margin=0.01) == "+1.0"
    assert points(0.00996) == "+1.0"


def test_shares_have_intervals_and_classes_their_own_figures(tmp_path: Path) -> None:
    two, *_ = answers(write_study(tmp_path / "two", seeds=3, colormaps=["none"], effect=lambda f: -1.0))
    for arm in two.arms:
        assert arm.classes == ()
        for name in ("sensitivity", "specificity", "PPV", "NPV"):
            share = arm.decisions[name]
            assert isinstance(share, Mean)
            assert 0 <= share.low < share.mean < share.high <= 1
        assert isinstance(arm.decisions["TP"], Range)
        sides = [arm.decisions[name].mean for name in ("sensitivity", "specificity")]
        assert sum(sides) / 2 == pytest.approx(arm.metrics["balanced_accuracy"].mean)
    four, *_ = answers(write_study(tmp_path / "four", seeds=3, colormaps=["none"], classes=4, effect=lambda f: -1.0))
    for arm in four.arms:
        assert [of.patients for of in arm.classes] == [15] * 4
        found = [of.metrics["sensitivity"].mean for of in arm.classes]
        assert sum(found) / 4 == pytest.approx(arm.metrics["balanced_accuracy"].mean)
        ranks = [of.metrics["auroc"].mean for of in arm.classes]
        assert sum(ranks) / 4 == pytest.approx(arm.metrics["auroc"].mean)


def test_a_share_that_is_perfect_is_as_sure_as_its_patients_are_many(tmp_path: Path) -> None:
    """30 of 60 patients have the lesion: the interval of a sensitivity of 1 is that of 30."""
    verdict, *_ = answers(write_study(tmp_path / "s", seeds=3, colormaps=["none"], effect=lambda f: 30.0))
    for arm in verdict.arms:
        share = arm.decisions["sensitivity"]
        assert share.mean == share.high == 1
        z = 1.959964
        assert share.low == pytest.approx(1 / (1 + z**2 / 30), abs=1e-6)


def test_a_training_that_calls_no_image_positive_leaves_a_range(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=3, colormaps=["none"], declared={"threshold": "validation"})
    for record in records(folder, "*True*_0"):
        record["threshold"] = 1.0
    by_start = {arm.arm[1]: arm.decisions for arm in answers(folder)[0].arms}
    assert isinstance(by_start[True]["PPV"], Range)
    assert isinstance(by_start[True]["sensitivity"], Mean)
    assert isinstance(by_start[False]["PPV"], Mean)


def test_a_note_that_serves_several_colormaps_is_given_once(tmp_path: Path) -> None:
    _, rq1, _ = answers(write_study(tmp_path / "s", seeds=2, patients=8))
    (note,) = [note for note in rq1.notes if "it takes 5 of each class" in note]
    assert note.startswith("viridis − none, pretrained and inferno − none, pretrained: 4 test patients with ")


def test_the_data_set_that_is_too_small_is_named(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=2, data=("large_dx", "small_ct"))
    for _, frame in scored(folder, "small*"):
        few = sorted(set(frame.loc[frame["split"] == "test", "patient"]))[:8]
        frame.drop(frame[(frame["split"] == "test") & ~frame["patient"].isin(few)].index, inplace=True)
    verdict, rq1, _ = answers(folder)
    assert {finding.conclusion for finding in rq1.findings} == {"too few patients"}
    (note,) = [note for note in rq1.notes if "it takes 5" in note]
    assert " in small_ct; it takes 5 of each class on each data set; other data sets are judged alone" in note
    parts = [f for of in verdict.tables if of.title.startswith("By ") for f in of.findings]
    assert {f.conclusion == "too few patients" for f in parts if "large" in f.contrast or "DX" in f.contrast} == {False}


def test_scores_that_are_gone_are_named_once(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s")
    next(folder.glob("cells/*/predictions.parquet")).unlink()
    with pytest.raises(MedxferError, match=r"^cannot read \S+predictions\.parquet: no such file; delete the cell's"):
        judge(read_study(folder))


@pytest.mark.parametrize("folds", [0, 3])
@pytest.mark.parametrize("lacking", [("factors", "colormap"), ("data", "modality"), ("task",)])
def test_a_record_that_lacks_a_part_is_named(tmp_path: Path, folds: int, lacking: tuple[str, ...]) -> None:
    study = write_study(tmp_path / "s", folds=folds)
    path = min(study.glob("cells/*/metrics.json"))
    record = json.loads(path.read_text())
    part = record
    for key in lacking[:-1]:
        part = part[key]
    del part[lacking[-1]]
    path.write_text(json.dumps(record))
    with pytest.raises(MedxferError, match=rf"^{path} is damaged or .* \(it has no '{lacking[-1]}'\); delete it"):
        judge(read_study(study))
