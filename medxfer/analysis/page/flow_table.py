"""What was classified, and the way of images and patients into the parts."""

from collections.abc import Iterator

from medxfer.analysis.judge.phrases import percent
from medxfer.analysis.judge.provenance import flows
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.page.layout import Section, Table
from medxfer.base.words import listing


def flow_sections(study: StudyRecord) -> Iterator[Section]:
    """What was classified, and the way of images and patients into the parts."""
    text, tables = [], []
    found = flows(study)
    for flow in found:
        if flow.positive:
            share = f", {percent(flow.prevalence)} of the test images" if flow.prevalence is not None else ""
            what = f"{flow.positive} (positive{share}) against {flow.classes[0]}"
        else:
            what = listing(flow.classes)
        text.append(f"{flow.data}, {flow.modality}: {what}.")
        names = [f"{name}" for name in flow.classes]
        rows = [["received", f"{flow.received:,}", "", *[""] * len(names)]]
        rows += [[f"refused: {reason}", f"{n:,}", "", *[""] * len(names)] for reason, n in flow.refused.items()]
        for name, part in flow.parts.items():
            classes = [
                f"{images:,} / {patients:,}"
                for images, patients in zip(part.images_by_class, part.patients_by_class, strict=True)
            ]
            patients = f"{part.patients:,}" if flow.has_ids else "no ids"
            rows.append([name, f"{part.images:,}", patients, *(classes or [""] * len(names))])
        tables.append(Table(["Part", "images", "patients", *names], rows, flow.data if len(found) > 1 else ""))
    if tables:
        yield Section(
            "data", "Images and patients", [*text, "By class: images / patients."], tables=tables, folded=True
        )
