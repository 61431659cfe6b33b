"""What methods.md says of how arms were compared, on the study's own test images and on external sets."""

from collections.abc import Iterator

from medxfer.analysis.judge.conclusion import weights_in_words
from medxfer.analysis.judge.contrasts import images_name
from medxfer.analysis.judge.flow import flows
from medxfer.analysis.judge.look_words import looks_in_words
from medxfer.analysis.judge.looking import Looks
from medxfer.analysis.judge.phrases import ADJUSTED_INTERVAL, ADJUSTED_P, margin_points, metric_name, percent
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.out.references import (
    CALIBRATION,
    CLUSTERS,
    DELONG,
    DUNNETT,
    HOLM,
    JENNISON,
    KIM_DEMETS,
    LAN_DEMETS,
    ROCKETTE,
    SATTERTHWAITE,
    SERIES,
    SMYTH,
    TOST,
    YOUDEN,
    Cited,
)  # fmt: skip
from medxfer.analysis.stats.looks import HELD_BACK
from medxfer.base.series import IN_WORDS
from medxfer.base.words import count, level_name, listing, weights_name
from medxfer.study.declared import VALIDATION


def comparison_sentences(study: StudyRecord, verdict: Verdict, cited: Cited) -> Iterator[str]:
    declared = study.declared
    level, rules = percent(declared.level), declared.rules
    chosen = f"{metric_name(declared.metric)}, a margin of {margin_points(declared.margin)} (a point is a hundredth)"
    if declared.table:
        yield f"Judged were {chosen} and the contrasts below; all were given together with the scores."
    else:
        yield f"Before the first training, {chosen} and the contrasts that answer were declared."
    asked = {answer.question: answer.findings for answer in verdict.answers}
    if asked.get("RQ1"):
        names = [finding.subject for finding in asked["RQ1"]]
        each = names[0] if len(names) == 1 else f"Each of {listing(names)}"
        yield f"{each} was compared with gray, within {weights_name(rules.weights)} weights."
    if asked.get("RQ2"):
        treated, reference = (weights_in_words(start, study.trained_on) for start in (rules.treated, rules.reference))
        yield f"{treated[0].upper()}{treated[1:]} were compared with {reference} on {images_name(rules.colormap)}."
    for compared in declared.comparisons:
        if findings := asked.get(compared.name):
            than, within = level_name(compared.factor, compared.reference), compared.where
            subjects = listing([finding.subject for finding in findings])
            text = f"{subjects} {'was' if len(findings) == 1 else 'were each'} compared with {than}"
            if declared.arms:
                yield f"Of the arms, {text.removesuffix(than)}{compared.reference}."
                continue
            yield f"{text[0].upper()}{text[1:]}{f', within {within}' if within else ''}."
    rockette = cited(ROCKETTE)
    metric = cited(DELONG, CLUSTERS) if declared.metric == "auroc" else cited(CLUSTERS)
    yield (
        "Trainings were treated as readers and patients as cases of a multi-reader multi-case study, after Obuchowski "
        f"and Rockette {rockette}, with jackknife covariances over patients, all images of a patient being left out "
        f"together {metric}. {_moderated(declared.arms, cited)}; degrees of freedom were Satterthwaite's "
        f"{cited(SATTERTHWAITE)}, lowered for variances that few trainings estimate."
    )
    for flow in flows(study):
        if flow.unit == "series":
            yield (
                f"A series of {flow.data} had one score, {IN_WORDS[flow.score]} {cited(SERIES[flow.score])}; metrics, "
                "thresholds, the choice of the epoch and comparisons were of series."
            )
    if study.divided:
        auroc = "AUROC was taken over pairs of images that one network scored. " if declared.metric == "auroc" else ""
        yield (
            f"{auroc}Because tested patients also trained the other folds' networks, a share of a training's own "
            "patient variance, which simulations chose, was added to the patients' variance."
        )
    yield (
        f"P values were two-sided and adjusted within a question ({ADJUSTED_P} {cited(DUNNETT)}); {level} intervals of "
        f"several contrasts were simultaneous ({ADJUSTED_INTERVAL}); equivalence was concluded by two one-sided tests "
        f"at the margin {cited(TOST)}, adjusted by Holm's method {cited(HOLM)}. Other contrasts were exploratory."
    )
    if declared.budget:
        shorter = listing(declared.budget[:-1])
        yield (
            f"Questions were answered at the longest budget; what is said of RQ2 after {shorter} epochs was not "
            "adjusted for being asked as well."
        )
    yield from _looks(study, verdict.looks, cited)
    decided = any(one.decisions for one in verdict.arms)
    if decided and declared.threshold != VALIDATION:
        yield f"Sensitivity, specificity and predictive values were taken at a score of {declared.threshold:g}."
    elif decided:
        yield (
            "Sensitivity, specificity and predictive values were taken at the threshold of the highest sum of "
            f"sensitivity and specificity on validation {cited(YOUDEN)}."
        )
    if any(one.calibration for one in verdict.arms):
        yield f"Calibration is given as slope and intercept {cited(CALIBRATION)}."


def _moderated(arms: str, cited: Cited) -> str:
    if arms:
        return "The variance of a contrast's trainings was that of its own two arms"
    return (
        "The variance of a contrast's trainings was moderated by that of the other arms with the same weights "
        f"{cited(SMYTH)}"
    )


def _looks(study: StudyRecord, looks: Looks, cited: Cited) -> Iterator[str]:
    """Nothing for a study whose results were reported once."""
    if words := looks_in_words(study, looks):
        yield words
    if not study.declared.looks:
        return
    yield (
        "The error was spent in proportion to the information, that is the variance to expect at the last look over "
        f"the present one {cited(LAN_DEMETS, KIM_DEMETS)}. Intervals and p values of the contrasts that answer are "
        f"repeated ones, which hold at all looks together {cited(JENNISON)}. As information is estimated, at most "
        f"{percent(HELD_BACK * (1 - study.declared.level))} was spent."
    )
    if looks.next is not None:
        yield looks.next.reason


def external_sentences(verdict: Verdict) -> Iterator[str]:
    """Which images, what was left out, when the set was named, and what the figures on it hold for."""
    for one in verdict.elsewhere:
        tested = f"The networks trained on {one.data} were also tested on {one.about()}"
        yield f"{tested}, which no training or validation saw."
        out = one.left_out
        if out["images"]:
            why = [count(out[key], key.removesuffix("s")) for key in ("patients", "pictures") if out[key]]
            yield f"Before that {count(out['images'], 'image')} had been left out ({listing(why)} also in {one.data})."
        if one.results_before:
            yield f"{one.name} was named when {count(one.results_before, 'training')} had a result."
        elif one.results_before == 0:
            yield f"{one.name} was named before the first result."
    yield (
        "Images were prepared as those of training were, each network was that of its tested epoch, and decisions were "
        "made at the threshold of its own validation. The declared contrasts were repeated there with the same "
        "statistics, adjusted within a question and a set and not together with the internal answer; they hold for "
        "other patients of these places and are conditional on the training patients."
    )
