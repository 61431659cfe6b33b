"""Metrics, numbers and p values in words that a clinician understands."""

METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC",
    "brier": "Brier score, sign turned round",
}
ALWAYS_SHOWN = ("balanced_accuracy", "accuracy", "auroc")  # beside the declared metric
UNIT = "points (hundredths)"  # of every metric and difference


def metric_name(metric: str) -> str:
    return METRICS.get(metric, metric.replace("_", " "))


def points(value: float, signed: bool = True) -> str:
    """A fraction in points (hundredths: percentage points for accuracy), with a real minus sign: '+1.2'."""
    text = f"{100 * value:+.1f}" if signed else f"{100 * abs(value):.1f}"
    if text in ("+0.0", "-0.0"):
        text = f"{100 * value:+.2f}" if abs(value) >= 0.00005 else "0.0"  # the side of zero on which it lies matters
    return text.replace("-", "−")


def margin_points(margin: float) -> str:
    """The margin as a length: '1 point', '0.5 points'."""
    text = f"{100 * margin:.3g}"
    return f"{text} point" if text == "1" else f"{text} points"


def percent(share: float) -> str:
    """A level or a probability: '95 %', '97.5 %'."""
    return f"{100 * share:.3g} %"


def p_value(p: float, name: str = "p") -> str:
    return f"{name} < 0.001" if p < 0.001 else f"{name} = {p:.2g}" if p < 0.995 else f"{name} > 0.99"


def interval(low: float, high: float) -> str:
    return f"{points(low)} to {points(high)}"
