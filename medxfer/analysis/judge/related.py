"""The same study with one setting changed, where it lies beside this one: a longer budget, normalize=arm."""

from collections.abc import Iterator, Mapping
from typing import Any

from medxfer.analysis.judge.contrasts import PRIMARY, Question
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.results import StudyRecord, read_study
from medxfer.base.errors import MedxferError

BUDGET = "trainer.max_epochs"
NORMALIZE = "normalize"


def longer_budgets(study: StudyRecord) -> list[str]:
    """RQ2 under the declared budget, and under others where they were run: pretraining may only be faster.

    He, Girshick and Dollár 2019 (arXiv 1811.08883): trained long enough, random weights may catch up.
    """
    epochs = flat(study.settings).get(BUDGET)
    if epochs is None or not Judge(study).family("RQ2", PRIMARY):
        return []
    others = list(_related(study, BUDGET, "RQ2"))
    if others:
        return [f"This study trains for {epochs} epochs.", *others]
    return [
        f"RQ2 is answered for {epochs} epochs. Random weights may catch up when trained longer; that was not run "
        f"(the study's command with {BUDGET}={4 * epochs} would)."
    ]


def other_normalisations(study: StudyRecord) -> list[str]:
    """RQ1 with each arm standardised by its own statistics, which tells colour from a shifted mean."""
    texts = list(_related(study, NORMALIZE, "RQ1"))
    if not texts:
        return []
    return [
        *texts,
        "A gain that is gone with normalize=arm came from shifted channel means, not from colour.",
    ]


def _related(study: StudyRecord, key: str, question: Question) -> Iterator[str]:
    for path in sorted(study.folder.resolve().parent.glob("*/study.json")):
        if path.parent == study.folder.resolve():
            continue
        try:
            other = read_study(path.parent)
        except MedxferError:
            continue  # not a study that can be read; it says so when it is reported itself
        if other.declared == study.declared and set(difference(study.settings, other.settings)) == {key}:
            value = flat(other.settings).get(key)
            for finding in Judge(other).family(question, PRIMARY):
                yield f"With {key}={value} (study {other.name}): {finding.sentence}"


def difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The dotted keys in which two configurations differ."""
    a, b = flat(one), flat(other)
    return [key for key in {**a, **b} if a.get(key) != b.get(key)]


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested configuration with dotted keys: {'trainer': {'max_epochs': 8}} → {'trainer.max_epochs': 8}."""
    values: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            values |= flat(value, f"{prefix}{key}.")
        else:
            values[f"{prefix}{key}"] = value
    return values
