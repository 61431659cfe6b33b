"""What the controls say about why a colormap helps: its order, its lightness, or any change of colour at all."""

from collections.abc import Iterator, Sequence

from medxfer.analysis.judge.contrasts import controlled
from medxfer.analysis.judge.findings import Finding

IMPROVES = ("improves", "improves by at least the margin")
SETTLED = ("equivalent", "significant but negligible")
_UNTOLD = ("one training", "incomplete", "refused")


def read_controls(primary: Sequence[Finding], controls: Sequence[Finding]) -> list[str]:
    """A sentence for each control in the study.

    Args:
        primary: the findings of RQ1's primary family (colormap − none).
        controls: the findings of the family of controls: control − none and colormap − its control.
    """
    gains = {finding.subject: finding for finding in primary}
    by_name = {finding.contrast.partition(", ")[0]: finding for finding in controls}  # all within the same weights
    return list(_sentences(gains, by_name))


def _sentences(gains: dict[str, Finding], controls: dict[str, Finding]) -> Iterator[str]:
    for name, finding in controls.items():
        control = finding.subject
        if name != f"{control} − none":
            continue
        base = controlled(control)
        if base is None:
            yield _alone(finding)
        elif base not in gains:
            yield f"{control}: {base} itself is not in the study, so that the control has nothing to explain."
        else:
            yield _read(gains[base], finding, controls[f"{base} − {control}"])


def _alone(finding: Finding) -> str:
    what = "One gray channel" if finding.subject == "single" else f"Colours without meaning ({finding.subject})"
    if finding.conclusion in _UNTOLD:
        return f"{what}: nothing can be said yet."
    if finding.conclusion in IMPROVES:
        return f"{what} improves on gray as well: a gain of a colormap need not come from its colours."
    return f"{what} is not shown to improve on gray."


def _read(gain: Finding, control: Finding, difference: Finding) -> str:
    """`gain`: colormap − none; `control`: control − none; `difference`: colormap − control."""
    base, name = gain.subject, control.subject
    why = "the order of colours" if name.startswith("shuffled:") else "hue"
    if {gain.conclusion, difference.conclusion} & set(_UNTOLD):
        return f"{name}: nothing can be said yet of why {base} helps or does not."
    if gain.conclusion not in IMPROVES:
        return f"{name}: {base} is not shown to improve on gray, so that there is no gain to explain."
    if difference.conclusion in IMPROVES:
        return f"{base} improves on {name} too: {why} is part of why it helps."
    if difference.conclusion in SETTLED:
        return f"{name} helps as much as {base}: {why} is not why it helps."
    if control.conclusion in IMPROVES:
        return f"{name} improves on gray as {base} does, and the two cannot be told apart: {why} need not be why."
    return f"{name}: whether {why} is why {base} helps cannot be told yet."
