"""The answer for a paper: tables of arms and of contrasts in LaTeX and Markdown; the answers in Markdown, and named."""

from collections.abc import Sequence
from dataclasses import dataclass

from medxfer.analysis.judge.arms import ArmFigures
from medxfer.analysis.judge.figures import words_of
from medxfer.analysis.judge.findings import Finding
from medxfer.analysis.judge.flow import Flow, flows
from medxfer.analysis.judge.phrases import (
    ADJUSTED_INTERVAL,
    ADJUSTED_P,
    UNIT,
    interval,
    margin_points,
    method_name,
    metric_name,
    p_value,
    percent,
    points,
)
from medxfer.analysis.judge.results import BLOCK, StudyRecord
from medxfer.analysis.judge.verdict import Verdict
from medxfer.base.words import arm_name, count, listing

HEAD = ("Question", "Contrast", "Difference (points)", "Interval", "p", "Conclusion")


@dataclass(frozen=True)
class PaperTable:
    label: str
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: int  # columns that hold figures, and stand right: the last but those of words
    words: int = 0  # columns of words at the end


def paper_tables(study: StudyRecord, verdict: Verdict) -> list[PaperTable]:
    """The arms; the primary contrasts; the exploratory ones. Tables without a row are left out."""
    exploratory = [finding for family in verdict.tables for finding in family.findings]
    tables = [
        _arms(study, verdict),
        _contrasts("primary", "Primary contrasts", verdict.primary, verdict),
        _contrasts("exploratory", "Exploratory contrasts, which answer no question,", exploratory, verdict),
    ]
    return [table for table in tables if table.rows]


def markdown_tables(tables: Sequence[PaperTable]) -> str:
    """GitHub-flavoured tables, each below its caption."""
    return "\n".join(map(_markdown, tables))


def latex_tables(tables: Sequence[PaperTable]) -> str:
    """Booktabs tables."""
    return "\n".join([r"% needs \usepackage{booktabs}", *map(_latex_table, tables)])


def answers_markdown(verdict: Verdict) -> str:
    """RQ1 and RQ2 with their sentences, for a W&B workspace or a message; then the table of the primary contrasts."""
    parts = []
    for answer in verdict.answers:
        lines = [*answer.text, *answer.notes, *filter(None, [answer.closing]), *answer.beside]
        parts.append(
            f"## {answer.question}: {answer.asks}\n\n**{answer.headline}**\n\n" + "\n".join(f"- {x}" for x in lines)
        )
    parts.append("\n".join(filter(None, [verdict.scope, *(f"> {notice}" for notice in verdict.notices)])))
    primary = _contrasts("primary", "Primary contrasts", verdict.primary, verdict)
    return "\n\n".join([*parts, *([_markdown(primary)] if primary.rows else [])])


def named_figures(verdict: Verdict) -> dict[str, str | float | bool]:
    """'RQ1/answer' → its headline; 'RQ1/viridis vs none/difference', low, high, p, conclusion of each primary contrast.

    Differences are fractions, as in verdict.json, and p is adjusted.
    """
    found: dict[str, str | float | bool] = {f"{one.question}/answer": one.headline for one in verdict.answers}
    for finding in verdict.primary:
        key, figures = f"{finding.question}/{finding.contrast}", finding.figures
        found[f"{key}/conclusion"] = finding.conclusion
        if figures is not None:
            found |= {
                f"{key}/difference": figures.estimate,
                f"{key}/low": figures.low,
                f"{key}/high": figures.high,
            }
            if _has_p(finding):
                found[f"{key}/p"] = figures.p_adjusted
    return (
        found | {f"cells/{status}": number for status, number in verdict.cells.items()} | {"complete": verdict.complete}
    )


def _arms(study: StudyRecord, verdict: Verdict) -> PaperTable:
    arms = verdict.arms
    varied = [i for i in range(len(arms[0].block) if arms else 0) if len({one.block[i] for one in arms}) > 1]
    keys = [*BLOCK, *study.declared.settings]
    metrics = list(dict.fromkeys(metric for one in arms for metric in one.metrics))
    head = [*(keys[i].replace("_", " ") for i in varied), "Arm", *map(metric_name, metrics), "Trainings"]
    rows = [
        [
            *(str(one.block[i]).removeprefix(f"{keys[i]}=") for i in varied),
            arm_name(one.arm),
            *words_of(one.metrics, metrics),
            _trainings(one),
        ]
        for one in arms
    ]
    tested = "; ".join(map(_tested, flows(study)))
    level = percent(verdict.declared["level"])
    caption = (
        f"Arms: means over trainings on the test images, in {UNIT}, with {level} intervals over trainings "
        f"and patients, not adjusted ({method_name(study.declared.arms)}). Tested: {tested}."
    )
    return PaperTable("arms", caption, head, rows, len(metrics) + 1)


def _tested(flow: Flow) -> str:
    """'phantom_dx, 60 patients (30 no lesion, 30 lesion)'."""
    test = flow.parts["test"]
    number = count(test.patients, "patient") if flow.has_ids else count(flow.tested, flow.unit, f"{flow.unit}s")
    if flow.has_ids and flow.unit == "series":
        number = f"{flow.tested:,} series of {number}"
    counts = [f"{n:,} {name}" for n, name in zip(test.patients_by_class, flow.classes, strict=False)]
    classes = f" ({', '.join(counts)})" if counts else ""
    return f"{flow.data}, {number}{classes}"


def _trainings(one: ArmFigures) -> str:
    return str(one.trainings) if one.trainings == one.planned else f"{one.trainings} of {one.planned}"


def _contrasts(label: str, title: str, findings: Sequence[Finding], verdict: Verdict) -> PaperTable:
    declared = verdict.declared
    level = percent(declared["level"])
    caption = (
        f"{title} in {metric_name(declared['metric'])}, in {UNIT}; positive: the first is better. "
        f"{method_name(declared['arms'])}. "
        f"{level} intervals, {_adjustment(findings, label)} "
        f"Margin ±{margin_points(declared['margin'])}. {verdict.scope}"
    )
    return PaperTable(label, caption, HEAD, [_row(finding, declared["margin"]) for finding in findings], 3, 1)


def _adjustment(findings: Sequence[Finding], label: str) -> str:
    shared = list(dict.fromkeys(f.question for f in findings if f.figures and f.figures.simultaneous))
    family = "each family" if label == "exploratory" else listing(shared)
    looks = " They hold at all declared looks together." if any(f.figures and f.figures.look for f in findings) else ""
    if not shared and looks:
        return f"each family having one contrast.{looks}"
    if not shared:
        return "not adjusted: each family has one contrast."
    return f"simultaneous within {family} ({ADJUSTED_INTERVAL}); p adjusted within it ({ADJUSTED_P}).{looks}"


def _has_p(finding: Finding) -> bool:
    """Whether its p may be said: one training, few patients or arms at chance tell nothing."""
    silent = finding.conclusion in ("too few patients", "no arm beats chance")
    return finding.figures is not None and finding.figures.trainings > 1 and not silent


def _row(finding: Finding, margin: float) -> Sequence[str]:
    f = finding.figures
    if f is None:
        return (finding.question, finding.contrast, "", "", "", finding.conclusion)
    p = p_value(f.p_adjusted).removeprefix("p ").removeprefix("= ") if _has_p(finding) else ""
    ends = interval(f.low, f.high, margin)
    return (finding.question, finding.contrast, points(f.estimate), ends, p, finding.conclusion)


def _markdown(table: PaperTable) -> str:
    rows = [table.head, ["---"] * len(table.head), *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    return "\n".join([table.caption, "", *lines, ""])


def _latex_table(table: PaperTable) -> str:
    body = [" & ".join(map(_latex, row)) + r" \\" for row in table.rows]
    left = len(table.head) - table.right - table.words
    columns = "l" * left + "r" * table.right + "l" * table.words
    return "\n".join(
        [r"\begin{table}", r"\centering", rf"\caption{{{_latex(table.caption)}}}", rf"\label{{tab:{table.label}}}",
         rf"\begin{{tabular}}{{{columns}}}", r"\toprule", " & ".join(map(_latex, table.head)) + r" \\", r"\midrule",
         *body, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    )  # fmt: skip


_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#",
    "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$",
    "<": "$<$", ">": "$>$", "±": r"$\pm$", "×": r"$\times$",
}  # fmt: skip


def _latex(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in text)
