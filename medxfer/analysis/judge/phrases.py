"""Metrics, numbers and p values in words that a clinician understands."""

from collections.abc import Mapping, Sequence
from typing import Any

from medxfer.base.words import count

METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC",
    "brier": "Brier score, sign turned round",
}
ALWAYS_SHOWN = ("balanced_accuracy", "accuracy", "auroc")  # beside the declared metric
UNIT = "points (hundredths)"  # of every metric and difference
ADJUSTED_P, ADJUSTED_INTERVAL = "step-down Dunnett", "Dunnett"  # how a family's p values and intervals are adjusted


def method_name(arms: str) -> str:
    """`arms`: as declared; the variance of a table's arms is not moderated."""
    moderated = "" if arms else " with moderated variance"
    return f"Obuchowski-Rockette analysis{moderated}, trainings as readers and patients as cases"


def metric_name(metric: str) -> str:
    return METRICS.get(metric, metric.replace("_", " "))


def points(value: float, signed: bool = True, margin: float | None = None) -> str:
    """A fraction in points (hundredths: percentage points for accuracy), with a real minus sign: '+1.2'.

    With as many digits as it takes to see on which side of ±`margin` it lies: '+0.996' for a margin of 1 point.
    """
    text = f"{100 * value:+.1f}" if signed else f"{100 * abs(value):.1f}"
    if margin and _side(abs(float(text)), 100 * margin) != (side := _side(100 * abs(value), 100 * margin)):
        longer = (
            f"{100 * value:+.{digits}f}" if signed else f"{100 * abs(value):.{digits}f}" for digits in range(2, 7)
        )
        text = next((one for one in longer if _side(abs(float(one)), 100 * margin) == side), text)
    if text in ("+0.0", "-0.0"):
        digits = 2 if abs(value) >= 5e-5 else 3  # the side of zero on which it lies matters
        text = f"{100 * value:+.{digits}f}" if abs(value) >= 5e-6 else "0.0"
    return text.replace("-", "−")


def trained_part(finetune: object) -> str:
    """What of a network was trained: 'the last layer alone'; empty where all of it was, or nothing is known."""
    if finetune == "head":
        return "the last layer alone"
    stages = str(finetune).removeprefix("last:")
    return f"the last layer and the {stages} stages before it" if str(finetune).startswith("last:") else ""


def budget_words(settings: Mapping[str, Any]) -> str:
    """'8 epochs', or a number of steps; empty where neither is recorded. `settings` have dotted keys."""
    for key, unit in (("trainer.max_epochs", "epoch"), ("trainer.max_steps", "step")):
        if isinstance(n := settings.get(key), int) and n > 0:
            return count(n, unit)
    return ""


def span(numbers: Sequence[int]) -> str:
    """'46', or '44–48' where they differ."""
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def figure(value: float, digits: int = 1) -> str:
    """With a real minus sign; from 100 on without decimals, and above 10,000 '> 10,000'."""
    if value > 10_000:
        return "> 10,000"
    return f"{value:.{0 if abs(value) >= 100 else digits}f}".replace("-", "−")


def margin_points(margin: float) -> str:
    """The margin as a length: '1 point', '0.5 points'."""
    text = f"{100 * margin:.3g}"
    return f"{text} point" if text == "1" else f"{text} points"


def percent(share: float) -> str:
    """A level or a probability: '95 %', '97.5 %'."""
    return f"{100 * share:.3g} %"


def p_value(p: float, name: str = "p", alpha: float = 0.05) -> str:
    """'p = 0.031', with as many digits as it takes to see on which side of `alpha` it lies: 'p = 0.0496'."""
    if p < 0.001 <= alpha:
        return f"{name} < 0.001"
    if p >= 0.995:
        return f"{name} > 0.99"
    shown = (f"{p:.{digits}g}" for digits in range(2, 16))
    return f"{name} = {next((text for text in shown if _side(float(text), alpha) == _side(p, alpha)), repr(p))}"


def _side(value: float, limit: float) -> int:
    limit = round(limit, 12)  # 1 − 0.95 is not quite 0.05
    return (value > limit) - (value < limit)


def interval(low: float, high: float, margin: float | None = None) -> str:
    """'−0.3 to +2.7', with the digits that show on which side of ±`margin` the ends lie."""
    return f"{points(low, margin=margin)} to {points(high, margin=margin)}"


def size(estimate: float, low: float, high: float, margin: float | None = None) -> str:
    """A difference with its interval, as a headline gives it: '+6.0 points, 2.2 to 9.8'."""
    ends = interval(low, high, margin)
    ends = ends.replace("+", "") if low > 0 else ends
    return f"{points(estimate)} points, {ends}"
