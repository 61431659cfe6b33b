"""What methods.md says of what networks saw, what they were, and how they were trained."""

from collections.abc import Iterator, Mapping
from typing import Any

from medxfer.analysis.judge.caveats import other_scales
from medxfer.analysis.judge.chosen_epochs import chosen_among
from medxfer.analysis.judge.conclusion import weights_in_words
from medxfer.analysis.judge.phrases import budget_words, metric_name, percent, trained_part
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.out.references import ADAMW, Cited
from medxfer.base.words import listing

Settings = Mapping[str, Any]


def image_sentences(study: StudyRecord, settings: Settings) -> Iterator[str]:
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


def network_sentences(study: StudyRecord, settings: Settings) -> Iterator[str]:
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


def training_sentences(study: StudyRecord, verdict: Verdict, settings: Settings, cited: Cited) -> Iterator[str]:
    budget = budget_words(settings)
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
    among = f" ({chosen})" if (chosen := chosen_among(study)) else ""
    yield f"The epoch with the best {_monitor(study, settings)} was kept and tested once{among}."
    for key in study.declared.tuned:
        yield f"{key} was chosen for each arm by {metric_name(study.declared.metric)} on validation."
    for key in study.declared.settings:
        levels = dict.fromkeys(str(cell.factors.get(key)) for cell in study.done)
        yield f"{key} was {listing(levels, 'or')}."
    arms = sorted({one.trainings for one in verdict.arms})
    number = f"{listing(arms, 'or')} {'time' if arms == [1] else 'times'}"
    yield (
        f"Each arm was trained {number}; with the same seed, all arms had the same "
        "new last layer, the same order of images and the same augmentation."
    )


def _monitor(study: StudyRecord, settings: Settings) -> str:
    monitor = settings.get("monitor") or study.done[0].record.get("monitor") or f"val/{study.declared.metric}"
    name = str(monitor).rpartition("/")[2]
    return f"{metric_name(name)} on validation"
