"""What was classified, the way of images and patients into the parts, and who the patients of each part were."""

from collections.abc import Iterator

from medxfer.analysis.judge.flow import Flow, Part, flows
from medxfer.analysis.judge.phrases import percent, span
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.scope import scored_words
from medxfer.analysis.page.layout import Section, Table
from medxfer.base.words import listing

COUNTED = ("sex", "scanner", "manufacturer")  # of a part, its patients by these
HIDDEN = "A number of patients from 1 to 4 is shown as < 5."


def flow_sections(study: StudyRecord) -> Iterator[Section]:
    """One section with a table of images and a table of patients for each data set."""
    found = flows(study)
    text, tables, several = [], [], len(found) > 1
    for flow in found:
        text.append(f"{flow.data}, {flow.modality}: {_classified(flow)}.")
        tables.append(_images(flow, flow.data if several else ""))
        if people := list(_people(flow)):
            head = ["Patients", *(["all that are tested"] if flow.folds else flow.parts)]
            tables.append(Table(head, people, f"{flow.data}: patients" if several else "Patients of each part"))
    text += filter(None, map(scored_words, found))
    text.append("By class: images / patients; a patient counts in every class of which there is an image.")
    if any(flow.folds for flow in found):
        text.append("With folds, numbers of train and val are the ranges over the folds of one seed.")
    if any(flow.sites for flow in found):
        text.append("A patient with images at several sites is tested at each, and counts once.")
    if any(map(_hides, found)):
        text.append(HIDDEN)
    if found:
        yield Section("data", "Images and patients", text, tables=tables, folded=True)


def _classified(flow: Flow) -> str:
    """The classes, which of them is positive, and how common each is in the test images."""
    scored = "images" if flow.unit == "image" else "series"
    share = {name: f"{percent(value)} of the test {scored}" for name, value in flow.shares.items()}
    if flow.positive:
        more = f", {share[flow.positive]}" if share else ""
        return f"{flow.positive} (positive{more}) against {flow.classes[0]}"
    named = listing([f"{name} ({share[name]})" if share else name for name in flow.classes])
    return f"labels, any of which an image may have: {named}" if flow.task == "multilabel" else f"one of {named}"


def _images(flow: Flow, title: str) -> Table:
    """Received files, what was left out, and the parts, with images and patients of each class."""
    blank, none = [""] * len(flow.classes), [""] * (flow.unit == "series")

    def row(name: str, images: int, patients: int | None = None) -> list[str]:
        known = patients is not None and flow.has_ids
        return [name, f"{images:,}", *none, f"{patients:,}" if known else "", *blank]

    rows = [row("received", flow.received, flow.received_patients)]
    rows += [row(f"refused: {reason}", n) for reason, n in flow.refused.items()]
    if flow.used is not None:
        rows.append(row("used", *flow.used))
        left = flow.used[0] - sum(part.images for part in flow.parts.values())
        if flow.folds:
            unused = [flow.used[0] - sum(part.images for part in fold.values()) for fold in flow.each_fold]
            rows += [["in no part, a fold", span(unused), *none, "", *blank]] if any(unused) else []
        elif left:
            patients = flow.used[1] - sum(part.patients for part in flow.parts.values())
            rows.append(row("not trained with (train_fraction)", left, patients))
    titles = {"train": "train, a fold", "val": "val, a fold", "test": "test, all folds"} if flow.folds else {}
    for name in flow.parts:
        parts = flow.each(name)
        by_class = [
            f"{span([part.images_by_class[k] for part in parts])} / "
            f"{span([part.patients_by_class[k] for part in parts])}"
            for k in range(min(len(part.images_by_class) for part in parts))
        ]
        people = span([part.patients for part in parts]) if flow.has_ids else "no ids"
        images = span([part.images for part in parts])
        series = [span([part.series or 0 for part in parts])] * len(none)
        rows.append([titles.get(name, name), images, *series, people, *(by_class or blank)])
    return Table(["Part", "images", *(["series"] * len(none)), "patients", *flow.classes], rows, title)


def _people(flow: Flow) -> Iterator[list[str]]:
    """Rows for age, and for each sex, scanner and manufacturer that somebody has; a column for each part."""
    parts = [flow.parts["test"]] if flow.folds else list(flow.parts.values())
    if any(part.age for part in parts):
        yield ["age in years: median (quartiles)", *map(_age, parts)]
        yield ["age known", *(_number(part.age.get("known", 0)) for part in parts)]
    for what in COUNTED:
        counted = [getattr(part, what) for part in parts]
        for name in dict.fromkeys(name for of_part in counted for name, n in of_part.items() if n != 0):
            yield [f"{what}: {name}", *(_number(of_part.get(name, 0)) for of_part in counted)]


def _age(part: Part) -> str:
    if part.age.get("median") is None:
        return ""
    return f"{part.age['median']:g} ({part.age['low']:g}–{part.age['high']:g})"


def _number(n: float | None) -> str:
    return "< 5" if n is None else f"{n:,.0f}"


def _hides(flow: Flow) -> bool:
    parts = flow.parts.values()
    counted = [n for part in parts for what in COUNTED for n in getattr(part, what).values()]
    return None in counted or any(part.age.get("known", 0) is None for part in parts)
