"""methods.md: how a study was done, ready to paste into a paper, and which items of three checklists it answers.

Every figure comes from the study's records. No path and no patient is named.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from medxfer.analysis.judge.conclusion import weights_in_words
from medxfer.analysis.judge.contrasts import images_name
from medxfer.analysis.judge.phrases import (
    ADJUSTED_INTERVAL,
    ADJUSTED_P,
    margin_points,
    metric_name,
    percent,
    span,
    trained_part,
)
from medxfer.analysis.judge.provenance import Flow, flows, other_scales
from medxfer.analysis.judge.readings import flat
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.out.checklists import CHECKLISTS, checklists
from medxfer.analysis.out.external_sentences import external_sentences
from medxfer.analysis.out.looks_sentences import looks_sentences
from medxfer.analysis.out.references import (
    ADAMW,
    CALIBRATION,
    CLUSTERS,
    DELONG,
    DUNNETT,
    HOLM,
    ROCKETTE,
    SATTERTHWAITE,
    SERIES,
    SMYTH,
    TOST,
    YOUDEN,
    Cited,
    Reference,
)  # fmt: skip
from medxfer.base.series import IN_WORDS
from medxfer.base.words import count, level_name, listing, weights_name
from medxfer.study.declared import VALIDATION

Settings = Mapping[str, Any]


def methods(study: StudyRecord, verdict: Verdict) -> str:
    """The text of methods.md, in Markdown."""
    return methods_cited(study, verdict)[0]


def methods_cited(study: StudyRecord, verdict: Verdict) -> tuple[str, list[Reference]]:
    """methods.md, and what it cites."""
    if not study.done:
        text = "No training is finished yet, so that there is nothing to describe."
        return f"# Methods of {study.name}\n\n{text}\n", []
    settings = flat(study.settings)
    cited = Cited()
    table = study.declared.table
    made = {
        "Images": _images(study, settings),
        "Networks": _networks(study, settings),
        "Training": _training(study, verdict, settings, cited),
    }
    paragraphs = {
        "Data": _data(flows(study), any(cell.record["data"]["resampled"] for cell in study.done)),
        **({"Scores": _from_table(verdict)} if table else made),
        "Comparison": _comparison(study, verdict, cited),
        **({"External validation": external_sentences(verdict)} if verdict.elsewhere else {}),
        "Software": _software(study),
    }
    parts = [f"# Methods of {study.name}"]
    if study.unfinished:
        parts.append(f"{len(study.unfinished)} of {len(study.cells)} trainings are not finished: make this text again.")
    parts += [f"**{title}.** {' '.join(sentences)}" for title, sentences in paragraphs.items()]
    parts.append("## References\n\n" + cited.listed)
    known = any(part.age or part.sex for flow in flows(study) for part in flow.parts.values())
    parts.append(checklists(known, bool(verdict.elsewhere), table))
    return "\n\n".join(parts) + "\n", [*cited.found, *CHECKLISTS.values()]


def _data(found: Sequence[Flow], resampled: bool) -> Iterator[str]:
    for flow in found:
        used = flow.parts["test"].images if flow.folds else sum(part.images for part in flow.parts.values())
        refused = [f"{reason}: {n:,}" for reason, n in flow.refused.items()]
        left_out = f"; {count(sum(flow.refused.values()), 'file')} were refused ({', '.join(refused)})" * bool(refused)
        yield f"Of {flow.data} ({flow.modality}), {count(used, 'image')} were used{left_out}."
        classes = f"{flow.classes[0]} or {flow.positive} (the positive class)" if flow.positive else ""
        several = "with any of the labels " if flow.task == "multilabel" else ""
        yield f"They were labelled {classes or several + listing(flow.classes, 'or')}."
        parts = listing([_part(name, flow) for name in flow.parts])
        yield f"{parts[0].upper()}{parts[1:]}."
        yield from _people(flow)
        if not flow.has_ids:
            yield "Patients were not identified, so that each image was taken for a patient."
    for flow in found:
        if flow.folds:
            yield _divided(flow)
    if all(flow.folds or "train" not in flow.parts for flow in found):
        return
    if resampled:
        yield "Training and validation were drawn anew with each seed, out of one pool; the test part was fixed."
    else:
        yield "The parts were the same for all trainings."
    if all(flow.has_ids for flow in found):
        yield "No patient was in more than one part."


def _divided(flow: Flow) -> str:
    if flow.sites:
        folds = f"a fold for each {flow.groups} ({listing(flow.sites)}), the same for all seeds"
    else:
        folds = f"{flow.folds} folds" + ("" if flow.official else ", the official test part with the rest")
    estimated = "sites that were not seen in training" if flow.sites else "other patients and other divisions"
    tested = (
        "image was tested once a training, and a patient with images at several at each"
        if flow.sites
        else "patient was tested once a training"
    )
    share = "" if flow.sites else f" at {flow.folds - 1}/{flow.folds} of these patients"
    return (
        f"The patients of {flow.data} were divided into {folds}. A training is one network for each fold, trained and "
        f"validated without the fold's patients, so that every {tested}; the test part above "
        f"is that of all folds. What is estimated is the recipe{share}, over {estimated}."
    )


def _people(flow: Flow) -> Iterator[str]:
    """Age, sex and scanners of each part's patients, as far as they are known."""
    titles = {"train": "training", "val": "validation", **({"test": "all that are tested"} if flow.folds else {})}
    parts = [(titles.get(name, name), part) for name, part in flow.parts.items()]
    ages = [
        f"{part.age['median']:g} ({part.age['low']:g} to {part.age['high']:g}) in {title}"
        for title, part in parts
        if part.age.get("median") is not None
    ]
    if ages:
        yield f"Median age (quartiles) was, in years, {listing(ages)}."
    sexes = []
    for title, part in parts:
        told = [f"{_patients(n)} {sex}" for sex, n in part.sex.items() if n != 0]
        if told:
            sexes.append(f"{listing(told)} in {title}")
    if sexes:
        yield f"By sex, patients were {'; '.join(sexes)}."
    if scanners := _number([part.scanner for _, part in parts]):
        yield f"Images came from {scanners} {'scanner' if scanners == '1' else 'scanners'}."
    if makers := _number([part.manufacturer for _, part in parts]):
        yield f"Images came from scanners of {makers} {'manufacturer' if makers == '1' else 'manufacturers'}."


def _number(counted: Iterable[Mapping[str, int | None]]) -> str:
    """How many kinds there are, such as '3' or 'more than 6'; empty if none is known."""
    names = {name for of_part in counted for name in of_part} - {"unknown"}
    return f"more than {len(names) - 1}" if "others" in names else str(len(names) or "")


def _patients(n: int | None) -> str:
    return "fewer than 5" if n is None else f"{n:,}"


def _part(name: str, flow: Flow) -> str:
    part, title = flow.parts[name], {"train": "Training", "val": "validation"}.get(name, name)
    if flow.each_fold and name != "test":
        parts = [fold[name] for fold in flow.each_fold]
        of_class = zip(*(one.images_by_class for one in parts), strict=False)
        classes = [f"{span(n)} {label}" for n, label in zip(of_class, flow.classes, strict=False)]
        patients = f" of {span([one.patients for one in parts])} patients" if flow.has_ids else ""
        series = f" in {span([one.series or 0 for one in parts])} series" if flow.unit == "series" else ""
        images = f"{span([one.images for one in parts])} images{series}{patients} in a fold"
        return f"{title} had {images}" + (f" ({', '.join(classes)})" if classes else "")
    classes = [f"{n:,} {label}" for n, label in zip(part.images_by_class, flow.classes, strict=False)]
    patients = f" of {count(part.patients, 'patient')}" if flow.has_ids else ""
    return f"{title} had {part.said}{patients}" + (f" ({', '.join(classes)})" if classes else "")


def _images(study: StudyRecord, settings: Settings) -> Iterator[str]:
    sizes = [f"{size} × {size}" for size in sorted({cell.factors["image_size"] for cell in study.done})]
    yield f"Images were resized to {listing(sizes)} pixels."
    windows = list(dict.fromkeys(str(cell.factors["window"]) for cell in study.done))
    if fixed := [window for window in windows if window != "file"]:
        yield f"Hounsfield units were shown through the window {listing(fixed, 'or')} (center/width, or its name)."
    if "file" in windows:
        yield "Images were shown as their header says (its window or lookup table)."
    colormaps = list(dict.fromkeys(cell.factors["colormap"] for cell in study.done))
    colours = [name for name in colormaps if name != "none"]
    if "none" in colormaps:
        yield "Gray images were given to the network as three equal channels."
    if colours:
        levels = f" with {settings['levels']} levels" if "levels" in settings else ""
        yield f"In the other arms gray was replaced by colour through a table{levels}: {listing(colours)}."
    how = {
        "fixed": "by the mean and standard deviation that belong to the network's weights"
        + (", the same in all arms" if not list(other_scales(study)) else ", which differ between arms"),
        "arm": "by the mean and standard deviation of the training images as each arm saw them",
    }.get(str(settings.get("normalize")))
    if how:
        yield f"Channels were standardised {how}."


def _networks(study: StudyRecord, settings: Settings) -> Iterator[str]:
    networks = list(dict.fromkeys(cell.factors["backbone"] for cell in study.done))
    starts = list(dict.fromkeys(cell.factors["pretrained"] for cell in study.done))
    weights = {w["file"]: w for cell in study.done if (w := cell.record.get("weights"))}
    names = listing([weights_in_words(start, study.trained_on) for start in starts], "or")
    yield f"{listing(networks)} started from {names}; its last layer was always new."
    for file, record in weights.items():
        licence = f", licence {record['licence']}" if record.get("licence") else ""
        sha = f" (SHA-256 {str(record['sha256'])[:12]}…{licence})" if record.get("sha256") else ""
        data = f", trained on {record['trained_on']}" if record.get("trained_on") else ""
        yield f"Weights were loaded from {str(file).rpartition('/')[2]}{data}{sha}."
        if record.get("channels") == 1:
            yield "Their first layer had one channel, which was repeated over three, a third of it each."
    if part := trained_part(settings.get("finetune")):
        yield f"{part[0].upper()}{part[1:]} {'were' if ' and ' in part else 'was'} trained."
    elif settings.get("finetune") == "full":
        yield "All layers were trained."


def _from_table(verdict: Verdict) -> Iterator[str]:
    yield (
        "The scores of these images were made by another program and judged as a table; how images were prepared and "
        "networks trained has to be added by the authors."
    )
    arms = sorted({one.trainings for one in verdict.arms})
    number = listing([str(n) for n in arms], "or")
    yield f"Each arm had {number} {'training' if arms == [1] else 'trainings'} (seeds)."


def _training(study: StudyRecord, verdict: Verdict, settings: Settings, cited: Cited) -> Iterator[str]:
    epochs, steps = settings.get("trainer.max_epochs"), settings.get("trainer.max_steps")
    budget = count(epochs, "epoch") if isinstance(epochs, int) and epochs > 0 else None
    if budget is None and isinstance(steps, int) and steps > 0:
        budget = count(steps, "step")
    if budgets := [str(one) for one in study.declared.budget]:
        budget = f"{listing(budgets)} epochs, each budget with a schedule of its own"
    optimizer = {"adamw": f"AdamW {cited(ADAMW)}" if settings.get("optimizer") == "adamw" else "", "sgd": "SGD"}
    clauses = [
        f"for {budget}" if budget else "",
        f"with {optimizer.get(str(settings['optimizer'])) or settings['optimizer']}" if "optimizer" in settings else "",
        *(
            f"{name} {settings[key]:g}"
            for key, name in (("lr", "learning rate"), ("weight_decay", "weight decay"), ("batch_size", "batch size"))
            if isinstance(settings.get(key), int | float)
        ),
    ]
    yield f"Networks were trained {', '.join(filter(None, clauses))}."
    if isinstance(warmup := settings.get("warmup"), int | float):
        start = f"rose linearly over the first {percent(warmup)} of the steps and " if warmup else ""
        yield f"The learning rate {start}fell as half a cosine to 0."
    changes = {
        "rotate": "rotation ±{:g}°", "shift": "shift ±{:g} of the side", "scale": "scale ±{:g}",
        "flip": "left-right flip with probability {:g}", "brightness": "brightness ±{:g}", "contrast": "contrast ±{:g}",
        "gamma": "gamma ±{:g}",
    }  # fmt: skip
    augment = [
        text.format(settings[f"augment.{key}"]) for key, text in changes.items() if settings.get(f"augment.{key}")
    ]
    if augment:
        yield f"Training images were augmented in gray, before colour ({', '.join(augment)})."
    balance = {"weights": "rare classes weighed more in the loss", "sampling": "classes were drawn equally often"}
    if settings.get("balance") in balance:
        yield f"Against class imbalance, {balance[settings['balance']]}."
    if settings.get("label_smoothing"):
        yield f"Labels were smoothed by {settings['label_smoothing']:g}."
    if settings.get("patience") is not None:
        yield f"A training ended after {settings['patience']} epochs without a better {_monitor(study, settings)}."
    yield f"The epoch with the best {_monitor(study, settings)} was kept and tested once."
    for key in study.declared.tuned:
        yield f"{key} was chosen for each arm by {metric_name(study.declared.metric)} on validation."
    for key in study.declared.settings:
        levels = dict.fromkeys(str(cell.factors.get(key)) for cell in study.done)
        yield f"{key} was {listing(list(levels), 'or')}."
    arms = sorted({one.trainings for one in verdict.arms})
    number = f"{listing([str(n) for n in arms], 'or')} {'time' if arms == [1] else 'times'}"
    yield (
        f"Each arm was trained {number}; with the same seed, all arms had the same "
        "new last layer, the same order of images and the same augmentation."
    )


def _monitor(study: StudyRecord, settings: Settings) -> str:
    monitor = settings.get("monitor") or study.done[0].record.get("monitor") or f"val/{study.declared.metric}"
    name = str(monitor).rpartition("/")[2]
    return f"{metric_name(name)} on validation"


def _comparison(study: StudyRecord, verdict: Verdict, cited: Cited) -> Iterator[str]:
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
    yield from looks_sentences(study, verdict.looks, cited)
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


def _software(study: StudyRecord) -> Iterator[str]:
    versions = _each(cell.record.get("versions", {}) for cell in study.done)
    named = [f"{name} {' and '.join(found)}" for name, found in versions.items()]
    if study.declared.table:
        yield f"The scores were judged with {listing(named)}."
        return
    yield f"Everything was done with {listing(named)}." if named else "Versions were not recorded."
    devices = _each(cell.record.get("machine", {}) for cell in study.done).get("device")
    if devices:
        yield f"Networks were trained on {listing(devices)}."


def _each(records: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Every value of each name, once."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, value in record.items():
            found.setdefault(name, {})[str(value)] = None
    return {name: list(values) for name, values in found.items()}
