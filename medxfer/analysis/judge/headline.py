"""A family's answer in one short sentence."""

from collections.abc import Mapping, Sequence

from medxfer.analysis.judge.conclusion import HARMS, IMPROVES, SETTLED
from medxfer.analysis.judge.findings import Finding
from medxfer.analysis.judge.phrases import interval, margin_points, points, size
from medxfer.base.words import count, listing

BY_CHANCE = "Cannot tell: no arm beats chance."
_SHORT = {"one training": "one training cannot tell", "too few patients": "too few test patients"}
_LAST = {"before the first look": "not looked at yet", "refused": "cannot be compared"}
MANY = 3  # names that a headline still lists
_ALL = {  # what is said where all findings have the conclusion
    "refused": "These data cannot answer it.",
    "one training": "One training of each cannot tell.",
    "too few patients": "Too few test patients to judge.",
}
_PARTS = (  # of a headline: what is said of the findings with these conclusions
    ("yes", IMPROVES),
    ("no", HARMS),
    ("no difference that matters", SETTLED),
    ("no gain of {margin} or more", ("a gain above the margin is excluded",)),
    ("cannot tell yet", ("cannot tell",)),
)


def headline(
    findings: Sequence[Finding], margin: float, lacking: Mapping[str, str] | None = None, blind: bool = False
) -> str:
    """The family's answer in one short sentence, with sizes and intervals.

    `lacking` says for a finding's subject what keeps it from being answered; `blind`: no arm beats chance.
    """
    if blind:
        return BY_CHANCE
    by_conclusion: dict[str, list[Finding]] = {}
    for finding in findings:
        by_conclusion.setdefault(finding.conclusion, []).append(finding)
    for conclusion, said in _ALL.items():
        if len(by_conclusion.get(conclusion, [])) == len(findings):
            return said
    parts: list[str] = []
    for start, conclusions in _PARTS:
        if of := [finding for name in conclusions for finding in by_conclusion.get(name, [])]:
            start = "but lower" if start == "no" and parts else start
            parts.append(f"{start.format(margin=margin_points(margin))}: {_sizes(of, margin)}")
    parts += [f"{start}: {_names(by_conclusion[name])}" for name, start in _SHORT.items() if name in by_conclusion]
    if open_ := by_conclusion.get("incomplete"):
        whys = list(dict.fromkeys((lacking or {}).get(f.subject) or f"{f.subject}: not finished" for f in open_))
        more = f"; and {len(whys) - MANY} more" if len(whys) > MANY else ""
        parts.append(("" if parts else "incomplete: ") + "; ".join(whys[:MANY]) + more)
    parts += [f"{start}: {_names(by_conclusion[name])}" for name, start in _LAST.items() if name in by_conclusion]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _sizes(findings: Sequence[Finding], margin: float) -> str:
    """'viridis +6.0 points, 2.2 to 9.8'; of many, the range of their estimates."""
    figures = [(f.subject, f.figures) for f in findings if f.figures]
    if len(figures) > MANY:
        effects = [f.estimate for _, f in figures]
        return f"{_names(findings)}, {interval(min(effects), max(effects))} points"
    if len(figures) > 1:
        return listing(
            [f"{name} {points(f.estimate)} points ({interval(f.low, f.high, margin)})" for name, f in figures]
        )
    name = "" if findings[0].question == "RQ2" else f"{figures[0][0]} "
    f = figures[0][1]
    return f"{name}{size(f.estimate, f.low, f.high, margin)}"


def _names(findings: Sequence[Finding]) -> str:
    if len(findings) > MANY:
        return count(len(findings), "colormap" if findings[0].question == "RQ1" else "level")
    return listing([f"{f.subject} weights" if f.question == "RQ2" else f.subject for f in findings])
