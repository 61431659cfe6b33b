"""The answer in other forms: tables for the paper in LaTeX and Markdown, and the answers in Markdown."""

from collections.abc import Sequence

from medxfer.analysis.judge.findings import Finding
from medxfer.analysis.judge.phrases import UNIT, interval, metric_name, p_value, points
from medxfer.analysis.judge.verdict import Verdict

HEAD = ("Question", "Contrast", "Difference (points)", "Interval", "Adjusted p", "Conclusion")


def markdown_table(verdict: Verdict) -> str:
    """A GitHub-flavoured table: primary contrasts first, then the exploratory ones."""
    rows = [HEAD, ["---"] * len(HEAD), *_rows(verdict)]
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    return "\n".join([*lines, "", _caption(verdict), ""])


def answers_markdown(verdict: Verdict) -> str:
    """RQ1 and RQ2 with their sentences, for a W&B workspace or a message; then the table."""
    parts = []
    for answer in verdict.answers:
        lines = [*answer.text, *filter(None, [answer.closing]), *answer.beside]
        parts.append(
            f"## {answer.question}: {answer.asks}\n\n**{answer.headline}**\n\n" + "\n".join(f"- {x}" for x in lines)
        )
    parts.append("\n".join(filter(None, [verdict.scope, *(f"> {notice}" for notice in verdict.notices)])))
    return "\n\n".join([*parts, markdown_table(verdict)])


def latex_table(verdict: Verdict) -> str:
    """A booktabs table."""
    body = [" & ".join(map(_latex, row)) + r" \\" for row in _rows(verdict)]
    return "\n".join(
        [r"% needs \usepackage{booktabs}", r"\begin{table}", r"\centering",
         rf"\caption{{{_latex(_caption(verdict))}}}",
         r"\begin{tabular}{llrrrl}", r"\toprule", " & ".join(map(_latex, HEAD)) + r" \\", r"\midrule", *body,
         r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    )  # fmt: skip


def _rows(verdict: Verdict) -> list[Sequence[str]]:
    exploratory = [finding for family in verdict.tables for finding in family.findings]
    return [_row(finding) for finding in (*verdict.primary, *exploratory)]


def _row(finding: Finding) -> Sequence[str]:
    f = finding.figures
    if f is None:
        return (finding.question, finding.contrast, "", "", "", finding.conclusion)
    p = "" if f.trainings == 1 else p_value(f.p_adjusted).removeprefix("p ").removeprefix("= ")
    effect = (points(f.estimate), interval(f.low, f.high))
    return (finding.question, finding.contrast, *effect, p, finding.conclusion)


def _caption(verdict: Verdict) -> str:
    metric = metric_name(verdict.declared["metric"])
    return f"Differences in {metric}, in {UNIT}, with simultaneous intervals. {verdict.scope}"


_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#",
    "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$",
    "<": "$<$", ">": "$>$", "±": r"$\pm$", "×": r"$\times$",
}  # fmt: skip


def _latex(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in text)
