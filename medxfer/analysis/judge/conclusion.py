"""One contrast's figures against the declared margin → a conclusion, and the sentence that says it."""

from dataclasses import dataclass
from typing import Literal

from medxfer.analysis.judge.evidence import Figures
from medxfer.analysis.judge.phrases import interval, margin_points, metric_name, p_value, percent, points
from medxfer.analysis.stats.forecasts import Forecast
from medxfer.base.words import count, listing

Conclusion = Literal[
    "improves by at least the margin", "improves", "harms by at least the margin", "harms",
    "significant but negligible", "equivalent", "a gain above the margin is excluded", "cannot tell",
    "one training", "incomplete", "refused",
]  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """What is known about one contrast, with the words and the margin by which it is said."""

    better: str  # 'viridis', 'ImageNet weights'
    than: str  # 'gray', 'random weights'
    metric: str
    margin: float
    alpha: float
    figures: Figures


def conclude(s: Statement) -> Conclusion:
    """The verdict follows the adjusted p, equivalence its two one-sided tests, the rest the interval."""
    f, inside = s.figures, s.figures.p_equivalent < s.alpha
    if f.p_adjusted < s.alpha:
        if inside:
            return "significant but negligible"
        if f.estimate > 0:
            return "improves by at least the margin" if f.low > s.margin else "improves"
        return "harms by at least the margin" if f.high < -s.margin else "harms"
    if inside:
        return "equivalent"
    return "a gain above the margin is excluded" if f.high < s.margin else "cannot tell"


def sentence(s: Statement, conclusion: Conclusion, more: str = "") -> str:
    """The conclusion with estimate, interval and adjusted p; `more` is a sentence to follow it."""
    better, than, metric, margin = s.better, s.than, metric_name(s.metric), margin_points(s.margin)
    estimate = s.figures.estimate
    size = f"{points(estimate, signed=False)} points"
    if points(estimate).strip("0.") == "":
        lies = f"is level with {than}"
    else:
        lies = f"lies {size} {'above' if estimate > 0 else 'below'} {than}"
    text = {
        "improves by at least the margin": f"{metric} is {size} higher with {better} than with {than}, "
        f"and the gain is surely above the margin of {margin}",
        "improves": f"{metric} is {size} higher with {better} than with {than}; "
        f"whether the gain reaches the margin of {margin} is open",
        "harms by at least the margin": f"{metric} is {size} lower with {better} than with {than}, "
        f"and the loss is surely above the margin of {margin}",
        "harms": f"{metric} is {size} lower with {better} than with {than}; "
        f"whether the loss reaches the margin of {margin} is open",
        "significant but negligible": f"{better} and {than} differ, but by less than the margin of {margin}",
        "equivalent": f"{better} and {than} are equivalent: {metric} differs by less than the margin of {margin}",
        "a gain above the margin is excluded": f"if {better} gains on {than} at all, "
        f"it is less than the margin of {margin}; a loss is not excluded",
        "cannot tell": f"{better} against {than}: {_open(s)}",
        "one training": f"in this one training, {metric} with {better} {lies}",
        "incomplete": f"so far, {metric} with {better} {lies}",
    }[conclusion]
    if not text.startswith(better):  # the name of a colormap keeps its spelling
        text = text[0].upper() + text[1:]
    return f"{text} ({_numbers(s, conclusion)}).{' ' + more if more else ''}"


def _open(s: Statement) -> str:
    if s.figures.low > -s.margin:
        return "a gain and no difference remain possible; a loss above the margin is excluded"
    return "a gain, a loss and no difference all remain possible"


def _numbers(s: Statement, conclusion: Conclusion) -> str:
    """'+1.2 points, 95 % interval −0.3 to +2.7, adjusted p = 0.11'."""
    f = s.figures
    simultaneous = f.level > 1 - s.alpha + 1e-9
    kind = f"simultaneous {percent(1 - s.alpha)} interval" if simultaneous else f"{percent(f.level)} interval"
    span = interval(f.low, f.high)
    if f.trainings == 1:
        return f"{points(f.estimate)} points in one training of each; {kind} over patients alone {span}"
    p = p_value(f.p_adjusted, "adjusted p" if simultaneous else "p")
    text = f"{points(f.estimate)} points, {kind} {span}, {p}"
    if conclusion in ("equivalent", "significant but negligible"):
        text += f"; {p_value(f.p_equivalent)} for a difference of the margin or more"
    return text


def disagreement(s: Statement) -> str:
    """Says where the simultaneous interval and the adjusted p disagree; the verdict follows p."""
    significant = s.figures.p_adjusted < s.alpha
    if significant != (s.figures.low <= 0 <= s.figures.high):
        return ""
    if significant:
        return (
            f"{s.better}: the simultaneous interval (Bonferroni) includes zero, while the adjusted p (Holm) "
            f"is below {s.alpha:.2g}; the verdict follows p."
        )
    return (
        f"{s.better}: the interval excludes zero, while the adjusted p is not below {s.alpha:.2g}; "
        "the verdict follows p."
    )


def needed(ahead: Forecast, trainings: int, patients: int) -> str:
    """What it would take to know: 'To tell, about 12 more seeds or 320 more test patients are needed.'"""
    ways = [
        count(_rounded(more), f"more {noun}")
        for more, noun in ((ahead.more_trainings, "seed"), (ahead.more_patients, "test patient"))
        if more is not None
    ]
    if ways:
        return f"To tell, about {listing(ways, 'or')} are needed, were the truth as estimated here."
    return (
        f"Neither more seeds ({trainings} now) nor more test patients ({patients:,} now) alone would tell: "
        "it takes both."
    )


def _rounded(n: int) -> int:
    """Up to two significant digits: more would claim too much."""
    step = 10 ** max(len(str(n)) - 2, 0)
    return int(max(-(-n // step) * step, 1))
