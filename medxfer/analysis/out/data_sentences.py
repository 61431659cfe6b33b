"""What methods.md says of a study's data: images, patients, and how they were divided."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from medxfer.analysis.judge.flow import Flow
from medxfer.analysis.judge.phrases import span
from medxfer.base.words import count, listing


def data_sentences(found: Sequence[Flow], resampled: bool) -> Iterator[str]:
    for flow in found:
        used = flow.parts["test"].images if flow.folds else sum(part.images for part in flow.parts.values())
        refused = [f"{reason}: {n:,}" for reason, n in flow.refused.items()]
        number = count(sum(flow.refused.values()), "file")
        left_out = f"; {number} were left out or not there ({', '.join(refused)})" * bool(refused)
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
    of_class = zip(*(part.images_by_class for part in flow.each(name)), strict=False)
    classes = [f"{span(n)} {label}" for n, label in zip(of_class, flow.classes, strict=False)]
    title = {"train": "Training", "val": "validation"}.get(name, name)
    return f"{title} had {flow.said(name, people=flow.has_ids)}" + (f" ({', '.join(classes)})" if classes else "")
