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
from medxfer.analysis.out.external_sentences import external_sentences
from medxfer.analysis.out.looks_sentences import looks_sentences
from medxfer.base.words import count, level_name, listing, weights_name

ADAMW = "Loshchilov I, Hutter F. Decoupled weight decay regularization. ICLR 2019."
CALIBRATION = "Van Calster B, et al. Calibration: the Achilles heel of predictive analytics. BMC Med 2019;17:230."
CLUSTERS = "Obuchowski NA. Nonparametric analysis of clustered ROC curve data. Biometrics 1997;53:567–578."
DELONG = (
    "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more correlated receiver operating "
    "characteristic curves: a nonparametric approach. Biometrics 1988;44:837–845."
)
DUNNETT = (
    "Dunnett CW. A multiple comparison procedure for comparing several treatments with a control. "
    "J Am Stat Assoc 1955;50:1096–1121."
)
SATTERTHWAITE = (
    "Satterthwaite FE. An approximate distribution of estimates of variance components. Biometrics Bull 1946;2:110–114."
)
SMYTH = (
    "Smyth GK. Linear models and empirical Bayes methods for assessing differential expression in microarray "
    "experiments. Stat Appl Genet Mol Biol 2004;3:3."
)
HOLM = "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65–70."
ROCKETTE = (
    "Obuchowski NA, Rockette HE. Hypothesis testing of diagnostic accuracy for multiple readers and multiple tests: an "
    "ANOVA approach with dependent observations. Commun Stat Simul Comput 1995;24:285–308."
)
TOST = (
    "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power approach for assessing the "
    "equivalence of average bioavailability. J Pharmacokinet Biopharm 1987;15:657–680."
)
YOUDEN = "Youden WJ. Index for rating diagnostic tests. Cancer 1950;3:32–35."
CHECKLISTS = {
    "CLAIM 2024": "Tejani AS, et al. Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 update. "
    "Radiol Artif Intell 2024;6(4):e240300.",
    "TRIPOD+AI": "Collins GS, et al. TRIPOD+AI statement: updated guidance for reporting clinical prediction models "
    "that use regression or machine learning methods. BMJ 2024;385:e078378.",
    "STARD-AI": "Sounderajah V, et al. The STARD-AI reporting guideline for diagnostic accuracy studies using "
    "artificial intelligence. Nat Med 2025.",
}
CLAIM, TRIPOD, STARD = CHECKLISTS
ANSWERED = (  # topic, the checklists that ask for it, where the answer is
    ("how images were prepared", (CLAIM, TRIPOD), "Images"),
    ("how the data were divided, and at which level the parts are disjoint", (CLAIM, TRIPOD), "Data"),
    ("flow of the data, from received to tested, with classes by part", (CLAIM, TRIPOD, STARD), "Data; report.html"),
    ("model, and how its parameters were initialised", (CLAIM, TRIPOD), "Networks"),
    ("training, and how the final model was selected", (CLAIM, TRIPOD), "Training"),
    ("software and its versions", (CLAIM,), "Software"),
    ("measures of performance, and how uncertainty was computed", (CLAIM, TRIPOD, STARD), "Comparison"),
    ("threshold of a decision, and how it was chosen", (TRIPOD, STARD), "Comparison"),
    ("class imbalance, and how it was handled", (TRIPOD,), "Data, Training"),
    ("estimates with their precision", (CLAIM, TRIPOD, STARD), "table.md, table.tex"),
    ("results cross-tabulated with the reference standard", (STARD,), "report.html, for binary tasks"),
    ("calibration", (TRIPOD,), "report.html, for binary tasks"),
)
CLINICAL = "demographic and clinical characteristics"
# Answered where the label table or the headers have them.
DEMOGRAPHIC = ("age and sex by part", (CLAIM, TRIPOD, STARD), "Data; report.html")
EXTERNAL = ("test on external data", (CLAIM, TRIPOD), "External validation; report.html")
AUTHORS = (
    ("intended use and clinical role", (CLAIM, TRIPOD, STARD)),
    ("source of the data: setting, places, dates, eligibility", (CLAIM, TRIPOD, STARD)),
    ("image acquisition: scanners and protocols", (CLAIM,)),
    ("reference standard: definition, reasons, who annotated and with what agreement", (CLAIM, TRIPOD, STARD)),
    ("de-identification", (CLAIM,)),
    (CLINICAL, (CLAIM, TRIPOD, STARD)),
    ("reasons for the sample size", (CLAIM, TRIPOD, STARD)),
    ("missing data", (CLAIM, TRIPOD, STARD)),
    ("test on external data", (CLAIM, TRIPOD)),
    ("fairness between groups of patients", (TRIPOD,)),
    ("patient and public involvement", (TRIPOD,)),
    ("limitations and implications", (CLAIM, TRIPOD, STARD)),
    ("ethics, registration, protocol, funding, interests, availability of data and code", (CLAIM, TRIPOD, STARD)),
)

Settings = Mapping[str, Any]


def methods(study: StudyRecord, verdict: Verdict) -> str:
    """The text of methods.md, in Markdown."""
    if not study.done:
        return f"# Methods of {study.name}\n\nNo training is finished yet, so that there is nothing to describe.\n"
    settings = flat(study.settings)
    cited = _Cited()
    paragraphs = {
        "Data": _data(flows(study), any(cell.record["data"]["resampled"] for cell in study.done)),
        "Images": _images(study, settings),
        "Networks": _networks(study, settings),
        "Training": _training(study, verdict, settings, cited),
        "Comparison": _comparison(study, verdict, cited),
        **({"External validation": external_sentences(verdict)} if verdict.elsewhere else {}),
        "Software": _software(study),
    }
    parts = [f"# Methods of {study.name}"]
    if study.unfinished:
        parts.append(f"{len(study.unfinished)} of {len(study.cells)} trainings are not finished: make this text again.")
    parts += [f"**{title}.** {' '.join(sentences)}" for title, sentences in paragraphs.items()]
    parts.append("## References\n\n" + "\n".join(f"{i}. {text}" for i, text in enumerate(cited.texts, 1)))
    known = any(part.age or part.sex for flow in flows(study) for part in flow.parts.values())
    parts.append(_checklists(known, bool(verdict.elsewhere)))
    return "\n\n".join(parts) + "\n"


class _Cited:
    """References in the order in which they are first cited."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, *texts: str) -> str:
        for text in texts:
            if text not in self.texts:
                self.texts.append(text)
        return f"[{', '.join(str(self.texts.index(text) + 1) for text in texts)}]"


def _data(found: Sequence[Flow], resampled: bool) -> Iterator[str]:
    for flow in found:
        used = flow.parts["test"].images if flow.folds else sum(part.images for part in flow.parts.values())
        refused = [f"{reason}: {n:,}" for reason, n in flow.refused.items()]
        left_out = f"; {count(sum(flow.refused.values()), 'file')} were refused ({', '.join(refused)})" * bool(refused)
        yield f"Of {flow.data} ({flow.modality}), {count(used, 'image')} were used{left_out}."
        classes = f"{flow.classes[0]} or {flow.positive} (the positive class)" if flow.positive else ""
        several = "with any of the labels " if flow.task == "multilabel" else ""
        yield f"They were labelled {classes or several + listing(flow.classes, 'or')}."
        yield f"{listing([_part(name, flow) for name in flow.parts])}."
        yield from _people(flow)
        if not flow.has_ids:
            yield "Patients were not identified, so that each image was taken for a patient."
    for flow in found:
        if flow.folds:
            yield _divided(flow)
    if all(flow.folds for flow in found):
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
        images = f"{span([one.images for one in parts])} images{patients} in a fold"
        return f"{title} had {images}" + (f" ({', '.join(classes)})" if classes else "")
    classes = [f"{n:,} {label}" for n, label in zip(part.images_by_class, flow.classes, strict=False)]
    patients = f" of {count(part.patients, 'patient')}" if flow.has_ids else ""
    return f"{title} had {count(part.images, 'image')}{patients}" + (f" ({', '.join(classes)})" if classes else "")


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


def _training(study: StudyRecord, verdict: Verdict, settings: Settings, cited: _Cited) -> Iterator[str]:
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


def _comparison(study: StudyRecord, verdict: Verdict, cited: _Cited) -> Iterator[str]:
    declared = study.declared
    level, rules = percent(declared.level), declared.rules
    yield (
        f"Before the first training, {metric_name(declared.metric)}, a margin of {margin_points(declared.margin)} "
        "(a point is a hundredth) and the contrasts that answer were declared."
    )
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
            yield f"{text[0].upper()}{text[1:]}{f', within {within}' if within else ''}."
    rockette = cited(ROCKETTE)
    metric = cited(DELONG, CLUSTERS) if declared.metric == "auroc" else cited(CLUSTERS)
    yield (
        "Trainings were treated as readers and patients as cases of a multi-reader multi-case study, after Obuchowski "
        f"and Rockette {rockette}, with jackknife covariances over patients, all images of a patient being left out "
        f"together {metric}. The variance of a contrast's trainings was moderated by that of the other arms with the "
        f"same weights {cited(SMYTH)}; degrees of freedom were Satterthwaite's {cited(SATTERTHWAITE)}, lowered for "
        "variances that few trainings estimate."
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
    if any(one.decisions for one in verdict.arms):
        yield (
            "Sensitivity, specificity and predictive values were taken at the threshold of the highest sum of "
            f"sensitivity and specificity on validation {cited(YOUDEN)}."
        )
    if any(one.calibration for one in verdict.arms):
        yield f"Calibration is given as slope and intercept {cited(CALIBRATION)}."


def _software(study: StudyRecord) -> Iterator[str]:
    versions = _each(cell.record.get("versions", {}) for cell in study.done)
    named = [f"{name} {' and '.join(found)}" for name, found in versions.items()]
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


def _checklists(demographic: bool, external: bool) -> str:
    """`demographic`: whether anything is known of age or sex; `external`: whether there is an external set."""
    answered = (*ANSWERED, *([DEMOGRAPHIC] if demographic else []), *([EXTERNAL] if external else []))
    rows = [f"| {topic} | {', '.join(asked)} | {where} |" for topic, asked, where in answered]
    left = {CLINICAL: "other " + CLINICAL} if demographic else {}
    alone = [
        f"| {left.get(topic, topic)} | {', '.join(asked)} |"
        for topic, asked in AUTHORS
        if not (external and topic == EXTERNAL[0])
    ]
    references = [f"- {name}: {text}" for name, text in CHECKLISTS.items()]
    return "\n".join(
        ["## Checklists", "", "Items are named by their subject; look up their numbers in the checklist.", "",
         "Answered, in part or whole, by this text and the files beside it:", "",
         "| subject | asked for by | answered in |", "| --- | --- | --- |", *rows, "",
         "Only the authors can answer:", "", "| subject | asked for by |", "| --- | --- |", *alone, "", *references]
    )  # fmt: skip
