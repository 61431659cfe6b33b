"""On images from elsewhere: answers beside the internal ones, ROC and calibration, arms and flow, a section a set."""

from collections.abc import Iterator

from medxfer.analysis.judge.elsewhere import Elsewhere, runs_of
from medxfer.analysis.judge.findings import Finding
from medxfer.analysis.judge.phrases import interval, metric_name, p_value, points
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.page.arm_tables import arm_rows, decision_rows
from medxfer.analysis.page.layout import Section, Table, colour_classes, key_of
from medxfer.analysis.page.operating_charts import CALIBRATION, calibration_chart, calibration_rows, roc_chart

HOLDS = (
    "No training and no validation saw these images. The intervals hold for other patients of that place, and for "
    "other trainings on these training patients. They are adjusted within a question on this set, not together with "
    "the answer on the study's own test patients."
)


def external_sections(study: StudyRecord, verdict: Verdict) -> Iterator[Section]:
    """One for each external set and data set of training."""
    several = len({one.data for one in verdict.elsewhere}) > 1
    for number, one in enumerate(verdict.elsewhere):
        runs = runs_of(study, one)
        colours = colour_classes(runs)
        charts = [
            roc_chart("ROC", runs, colours, f"ROC curves on {one.name}, {one.data}"),
            calibration_chart("Calibration", runs, colours, f"Calibration on {one.name}, {one.data}"),
        ]
        trained = f", trained on {one.data}" if several else ""
        yield Section(
            f"elsewhere-{number}",
            f"On images from elsewhere: {one.name}{trained}",
            [f"{one.about()}. {HOLDS}", *(text for answer in one.answers for text in answer.text), *one.notices],
            key_of(colours),
            charts,
            tables=[*_tables(one, verdict)],
        )


def _tables(one: Elsewhere, verdict: Verdict) -> Iterator[Table]:
    margin = verdict.declared["margin"]
    internal = {(f.question, f.contrast): f for f in verdict.primary}
    rows = [
        [f.contrast, *_figures(internal.get((f.question, f.contrast)), margin), *_figures(f, margin)]
        for answer in one.answers
        for f in answer.findings
    ]
    head = ["Contrast", "own test patients", "p", f"{one.name}", "p"]
    if rows:
        yield Table(head, rows, f"Difference in {metric_name(verdict.declared['metric'])}, in points, and adjusted p")
    metrics = list(dict.fromkeys(metric for arm in one.arms for metric in arm.metrics))
    yield Table(["Arm", "trainings", *map(metric_name, metrics)], arm_rows(one.arms, metrics), "Metrics, in points")
    if decided := decision_rows(one.arms):
        yield Table(*decided, "Decisions at the threshold that each training's own validation chose")
    if lines := calibration_rows(one.arms):
        yield Table(CALIBRATION, lines, "Calibration: 1 and 0 are perfect; means and range")
    yield _flow(one)


def _figures(finding: Finding | None, margin: float) -> tuple[str, str]:
    if finding is None or finding.figures is None:
        return ("" if finding is None else finding.conclusion), ""
    f = finding.figures
    p = "" if f.trainings == 1 else p_value(f.p_adjusted, "").removeprefix(" = ")
    return f"{points(f.estimate)} ({interval(f.low, f.high, margin)})", p


def _flow(one: Elsewhere) -> Table:
    counted = {"received": one.received} | {f"left out: {reason}": n for reason, n in one.rejected.items()}
    if images := one.left_out["images"]:
        patients, pictures = (f"{one.left_out[what]:,} {what}" for what in ("patients", "pictures"))
        counted[f"left out: {patients} and {pictures} that the training's data set also has"] = images
    by_class = [f"{n:,} / {m:,}" for n, m in zip(one.images_by_class, one.patients_by_class, strict=True)]
    rows = [[name, f"{n:,}", "", *("" for _ in one.classes)] for name, n in counted.items()]
    rows.append(["scored", f"{one.images:,}", f"{one.patients:,}" if one.has_ids else "no ids", *by_class])
    return Table(["Flow (images / patients)", "images", "patients", *one.classes], rows, "From files to scores")
