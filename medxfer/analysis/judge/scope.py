"""For which data, networks and trainings a study's answers hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from medxfer.analysis.judge.conclusion import DESCRIBED
from medxfer.analysis.judge.figures import Figures
from medxfer.analysis.judge.findings import Finding
from medxfer.analysis.judge.flow import Flow, flows
from medxfer.analysis.judge.look_words import at_looks
from medxfer.analysis.judge.phrases import budget_words, percent, trained_part
from medxfer.analysis.judge.readings import flat
from medxfer.analysis.judge.results import StudyRecord
from medxfer.base.series import IN_WORDS
from medxfer.base.words import count, listing

FROM_TABLE = "The scores are of another program: what its networks were trained on is not known here."
FOLDS_FROM_TABLE = (
    "The scores are of another program: that a network saw no patient of its fold is taken from the table."
)
NAMED = 3  # classes whose shares are listed one by one


def scope(study: StudyRecord, findings: Sequence[Finding]) -> str:
    """For which data, networks and trainings the answers hold."""
    judged = [finding.figures for finding in findings if finding.figures]
    if not judged:
        return ""
    names = dict.fromkeys(d for f in judged for d in f.datasets)
    flow = {one.data: one for one in flows(study)}
    data = [f"{name} ({_about(flow[name])})" for name in names]
    networks = list(dict.fromkeys(b for f in judged for b in f.backbones))
    sizes = sorted({size for cell in study.done if (size := cell.factors.get("image_size")) is not None})
    trainings = sorted({f.trainings for f in judged})
    answered = any(f.figures and f.conclusion not in DESCRIBED for f in findings)
    start = "These answers hold for" if answered else "These figures are of"
    if any(f.unfinished for f in findings):
        start = "These figures are so far of"
    judges = [flow[name] for name in names]
    part = trained_part(flat(study.settings).get("finetune"))
    trained = f", of which {part} {'were' if ' and ' in part else 'was'} trained," if part else ""
    made = f" with {listing(networks)}{trained}" if networks else ""
    if not study.declared.table:
        made += f" at {listing(sizes)} px, {_budget(study)}"
    text = (
        f"{start} {listing(data)}{made}, "
        f"from {listing(trainings, 'or')} {'training' if trainings == [1] else 'trainings'} an arm "
        f"and {_tested(judges, judged)}{at_looks(findings)}."
    )
    text += "".join(f" {sentence}" for sentence in map(scored_words, judges) if sentence)
    divided = [one for one in flow.values() if one.folds]
    text += "".join(f" {sentence}" for sentence in map(divided_words, divided))
    if study.declared.table:
        text += f" {FOLDS_FROM_TABLE if divided else FROM_TABLE}"
    elif not divided and any(cell.record["data"]["resampled"] for cell in study.done):
        text += " Each seed drew its training images from one pool: they hold for this pool."
    elif not divided:
        text += " All trainings saw the same training images: they hold for this training set."
    if weights := _weights(study, findings):
        text += f" RQ2 holds for these weights alone: {listing(weights)}."
    return text


def _tested(judges: Sequence[Flow], judged: Sequence[Figures]) -> str:
    """'40 test patients', or '60 test series of 40 patients' where series are scored."""
    people = max(one.patients for one in judged)
    series = all(one.unit == "series" for one in judges)
    if not all(one.has_ids for one in judges):
        return f"{people:,} test series" if series else count(people, "test image")
    if not series:
        return count(people, "test patient")
    return f"{max(one.images for one in judged):,} test series of {count(people, 'patient')}"


def scored_words(flow: Flow) -> str:
    """How series are scored, in a sentence; empty where images are."""
    if flow.unit == "image":
        return ""
    return (
        f"A series of {flow.data} has one score, {IN_WORDS[flow.score]}: metrics, thresholds and comparisons are of "
        "series, each of which counts as one test image."
    )


def divided_words(flow: Flow) -> str:
    """What is estimated where a data set's patients are divided in folds."""
    where = f"On {flow.data} a" if flow.data else "A"
    if flow.sites:
        return (
            f"{where} training has a network for each {flow.groups} ({listing(flow.sites)}), which saw no patient of "
            f"it: the figures are of the recipe on patients of these {flow.groups}s, each unseen in training."
        )
    alone = "" if flow.official else " An official test part was divided with the rest."
    return (
        f"{where} training has {flow.folds} networks, one for each fold, so that every patient is tested once: the "
        f"figures are of the recipe at {flow.folds - 1}/{flow.folds} of these patients, over other patients and other "
        f"divisions.{alone}"
    )


def _about(flow: Flow) -> str:
    """'CT, 23 % lesion': the modality, and how common the positive class, or each class, is in the test images."""
    if flow.prevalence is not None:
        return f"{flow.modality}, {percent(flow.prevalence)} {flow.positive}"
    if flow.shares and len(flow.shares) <= NAMED:
        return f"{flow.modality}, {listing([f'{percent(share)} {name}' for name, share in flow.shares.items()])}"
    several = len(flow.classes)
    kinds = count(several, "label") if flow.task == "multilabel" else count(several, "class", "classes")
    if not flow.shares:
        return f"{flow.modality}, {kinds}"
    ends = dict.fromkeys(percent(end(flow.shares.values())) for end in (min, max))
    scored = "images" if flow.unit == "image" else "series"
    return f"{flow.modality}, {kinds}, each {' to '.join(ends)} of the test {scored}"


def _budget(study: StudyRecord) -> str:
    """'8 epochs', 'at most 8 epochs' where trainings may end before, or a number of steps."""
    settings = flat(study.settings)
    start = "at most " if settings.get("patience") is not None else ""
    if budgets := study.declared.budget:
        return f"{start}{count(budgets[-1], 'epoch')} (the longest of {listing(budgets)})"
    return start + said if (said := budget_words(settings)) else "an unrecorded budget"


def _weights(study: StudyRecord, findings: Sequence[Finding]) -> list[str]:
    """The files of the weights that RQ2 compares, with the data that they saw."""
    if not any(f.question == "RQ2" and f.figures for f in findings):
        return []
    rules = study.declared.rules
    starts = (rules.treated, rules.reference)
    loaded = [cell.record.get("weights") for cell in study.done if cell.factors["pretrained"] in starts]
    return list(dict.fromkeys(_file(weights) for weights in loaded if weights))


def _file(weights: Mapping[str, Any]) -> str:
    """'resnet50.pth (trained on ImageNet-1k)', 'own.pth'."""
    on = f"trained on {weights['trained_on']}" if weights.get("trained_on") else weights.get("tag", "")
    return f"{weights['file']} ({on})" if on else str(weights["file"])
