"""budget=[1,2]: RQ2 answered at the longest, and better or merely faster beside it."""

from pathlib import Path

import pytest
from synthetic_study import write_study

from medxfer.analysis import read_study
from medxfer.analysis.judge.results_table import results_table
from medxfer.analysis.judge.verdict import Verdict, judge
from medxfer.analysis.out.methods import methods
from medxfer.base.errors import MedxferError
from medxfer.study.declared import read_budget

BUDGET = "trainer.max_epochs"


def judged(
    folder: Path, short: float, long: float, patients: int = 300, margin: float = 0.03, **options: object
) -> Verdict:
    gain = {8: short, 40: long}
    write_study(
        folder, colormaps=("none",), seeds=4, patients=patients, seed_noise=0.05, settings={"trainer": {}},
        declared={"budget": [8, 40], "metric": "auroc", "margin": margin}, compared={BUDGET: [8, 40]},
        effect=lambda f: gain[f[BUDGET]] if f["pretrained"] else 0.0, **options,
    )  # fmt: skip
    return judge(read_study(folder))


@pytest.mark.parametrize(
    ("short", "long", "said"),
    [
        (1.5, 1.5, "Better, and not merely faster"),
        (
            1.5,
            0.0,
            "Merely faster: the gain at the short budget shrinks, and the long one excludes a gain of the margin.",
        ),
        (1.5, -1.0, "Merely faster, and worse in the end"),
        (0.0, 1.5, "Better at the long budget; at the short one that is not shown."),
        (0.0, 0.0, "Neither better nor faster is shown."),
    ],
)
def test_rq2_says_better_or_merely_faster(tmp_path: Path, short: float, long: float, said: str) -> None:
    _, rq2 = judged(tmp_path / "s", short, long).answers
    (finding,) = rq2.findings
    assert finding.figures.trainings == 4  # those of the long budget alone
    assert rq2.text[0].startswith(finding.sentence)
    assert rq2.text[1].startswith("After 8 epochs alone: ")
    assert rq2.text[2].startswith(said)
    assert "The gain after 8 epochs less that after 40 is " in rq2.text[2]


def test_the_difference_of_gains_has_the_sign_of_what_is_lost(tmp_path: Path) -> None:
    fading, growing = (
        judged(tmp_path / name, *gains).answers[1].text[2].partition("that after 40 is ")[2]
        for name, gains in (("a", (1.5, 0.0)), ("b", (0.0, 1.5)))
    )
    assert fading.startswith("+")
    assert growing.startswith("−")


def test_what_is_undecided_is_never_called_merely_faster(tmp_path: Path) -> None:
    _, rq2 = judged(tmp_path / "s", 3.0, 0.05, patients=16).answers
    (finding,) = rq2.findings
    assert finding.conclusion == "cannot tell"
    assert rq2.text[2].startswith("Faster")
    assert "Merely faster" not in rq2.text[2]


def test_a_gain_that_is_not_shown_to_shrink_is_not_called_merely_faster(tmp_path: Path) -> None:
    """+5.0 points and then +4.0, with a margin of 5: only the second is shown to lie within it."""
    _, rq2 = judged(tmp_path / "s", 0.5, 0.4, margin=0.05).answers
    assert rq2.findings[0].conclusion == "significant but negligible"
    assert "is +1.0 points (95 % interval −" in rq2.text[2]
    assert rq2.text[2].startswith(
        "The long budget excludes a gain of the margin; that the gain at the short one shrinks"
    )
    assert "Merely" not in rq2.text[2]


def test_a_budget_that_is_not_trained_yet_leaves_it_open(tmp_path: Path) -> None:
    _, rq2 = judged(tmp_path / "s", 1.5, 1.5, missing=[{BUDGET: 8, "seed": 0}]).answers
    assert rq2.findings[0].conclusion.startswith("improves")
    assert rq2.text[2].startswith("Better or merely faster: this cannot be said before")


def test_the_answer_is_that_of_a_study_with_the_long_budget_alone(tmp_path: Path) -> None:
    both = judged(tmp_path / "both", 1.5, 0.3)
    alone = write_study(
        tmp_path / "alone", colormaps=("none",), seeds=4, patients=300, seed_noise=0.05,
        declared={"metric": "auroc", "margin": 0.03}, compared={BUDGET: [40]},
        effect=lambda f: 0.3 if f["pretrained"] else 0.0,
    )  # fmt: skip
    assert both.answers[1].findings[0].figures == judge(read_study(alone)).answers[1].findings[0].figures


def test_table_scope_and_methods_tell_budgets_apart(tmp_path: Path) -> None:
    verdict = judged(tmp_path / "s", 1.5, 0.0)
    study = read_study(tmp_path / "s")
    assert set(results_table(study)[BUDGET]) == {8, 40}
    assert ", 40 epochs (the longest of 8 and 40), from 4 trainings an arm" in verdict.scope
    told, _ = methods(study, verdict)
    assert "Questions were answered at the longest budget; what is said of RQ2 after 8 epochs" in told
    assert "for 8 and 40 epochs, each budget with a schedule of its own" in told


@pytest.mark.parametrize("value", [[8], [40, 8], [8, 8], [0, 8], [True, 8], [1.5, 8]])
def test_a_budget_is_two_or_more_increasing_numbers_of_epochs(value: list) -> None:
    with pytest.raises(MedxferError, match=r"two or more increasing numbers of epochs.*trainer\.max_epochs="):
        read_budget(value)
