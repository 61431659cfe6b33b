"""One contrast's figures against the declared margin → a conclusion, and the sentence that says it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from medxfer.analysis.judge.contrasts import Contrast, images_name
from medxfer.analysis.judge.figures import Figures
from medxfer.analysis.judge.phrases import (
    ADJUSTED_INTERVAL,
    ADJUSTED_P,
    interval,
    margin_points,
    metric_name,
    p_value,
    percent,
    points,
)  # fmt: skip
from medxfer.base.words import level_name, listing, weights_name
from medxfer.study.declared import Declared

Conclusion = Literal[
    "improves by at least the margin", "improves", "harms by at least the margin", "harms",
    "significant but negligible", "equivalent", "a gain above the margin is excluded", "cannot tell",
    "one training", "too few patients", "no arm beats chance", "incomplete", "before the first look", "refused",
]  # fmt: skip
Kind = tuple[Conclusion, ...]
IMPROVES: Kind = ("improves by at least the margin", "improves")
HARMS: Kind = ("harms by at least the margin", "harms")
SETTLED: Kind = ("equivalent", "significant but negligible")
DESCRIBED: Kind = ("one training", "too few patients", "no arm beats chance")  # figures are given without an answer
PROVISIONAL: Kind = (*DESCRIBED, "incomplete")
NOT_JUDGED: Kind = (*PROVISIONAL, "refused", "before the first look")
UNDECIDED: Kind = (*NOT_JUDGED, "cannot tell")


@dataclass(frozen=True)
class Statement:
    """What is known about one contrast, with the words and the margin by which it is said."""

    better: str  # 'viridis', 'ImageNet-1k weights'
    than: str  # 'gray', 'shuffled:viridis@0', 'random weights'
    metric: str
    margin: float
    alpha: float
    figures: Figures
    gain_of: str = ""  # the colormap whose gain with `better` is compared with that with `than`: an interaction
    where: str = ""  # ', starting from random weights': within what, where it is not what the question asks for
    part: str = ""  # 'CT: ', where the contrast is of a part of the data

    @property
    def quantity(self) -> str:
        metric = metric_name(self.metric)
        return f"the gain of {self.gain_of} in {metric}" if self.gain_of else metric

    @property
    def pair(self) -> str:
        if self.gain_of:
            return f"the gain of {self.gain_of} with {self.better} against that with {self.than}"
        return f"{self.better} against {self.than}{self.where}"

    @property
    def both(self) -> str:
        if self.gain_of:
            return f"the gains of {self.gain_of} with {self.better} and with {self.than}"
        return f"{self.better} and {self.than}{self.where}{',' if self.where else ''}"


def statement(
    contrast: Contrast, declared: Declared, figures: Figures, trained_on: Mapping[bool | str, str] | None = None
) -> Statement:
    """The words for a contrast: what may be better than what, by the sign of its weights, and within what.

    `trained_on`: of weights, the data that they saw, where it is known.
    """

    def words(start: bool | str) -> str:
        return weights_in_words(start, trained_on)

    part = contrast.name.partition(" · ")[2]
    stated = partial(
        Statement, metric=declared.metric, margin=declared.margin, alpha=1 - declared.level, figures=figures,
        part=part and f"{part}: ",
    )  # fmt: skip
    if contrast.compared is not None:
        factor = contrast.compared.factor
        return stated(
            *(words(level) if factor == "pretrained" else _level_in_words(factor, level) for level in contrast.weights)
        )
    if declared.arms:
        return stated(*(arm for arm, _ in contrast.weights))
    better, than = ([arm for arm, weight in contrast.weights.items() if sign * weight > 0] for sign in (1, -1))
    colours = [list(dict.fromkeys(colormap for colormap, _ in arms)) for arms in (better, than)]
    starts = [list(dict.fromkeys(start for _, start in arms)) for arms in (better, than)]
    gain_of, where = "", ""
    if contrast.family == "interaction":
        names = [words(start) for start in dict.fromkeys(start for _, start in contrast.weights)]
        gain_of = contrast.subject
    elif set(starts[0]) == set(starts[1]):
        names = [_colours(of) for of in colours]
        if len(starts[0]) > 1:
            where = ", averaged over both starts"
        elif contrast.family == f"{weights_name(starts[0][0])} weights":
            where = f", starting from {words(starts[0][0])}"
    else:
        names = [listing([words(start) for start in of]) for of in starts]
        if len(colours[0]) > 1:
            where = ", averaged over colormaps"
        elif contrast.family == "other colormaps":
            where = f", on {images_name(colours[0][0])}"
    return stated(*names, gain_of=gain_of, where=where)


def _colours(colormaps: Sequence[str]) -> str:
    """'gray' for images without a colormap, which is not matplotlib's colormap of that name."""
    if list(colormaps) == ["none"]:
        return "gray"
    return listing([f"{name} (the colormap)" if name in ("gray", "grey") else name for name in colormaps])


def _level_in_words(factor: str, level: Any) -> str:
    return "gray" if (factor, level) == ("colormap", "none") else level_name(factor, level)


def weights_in_words(start: bool | str, trained_on: Mapping[bool | str, str] | None = None) -> str:
    """'ImageNet-1k weights' where `pretrained=true` saw that, 'random weights', 'file:own.pth weights'."""
    known = (trained_on or {}).get(start, "")
    return f"{known if known and start is True else weights_name(start)} weights"


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
    margin, estimate = margin_points(s.margin), s.figures.estimate
    size = f"{points(estimate, signed=False)} points"
    level = points(estimate).strip("0.") == ""
    beside = f"that with {s.than}" if s.gain_of else s.than
    lies = f"is level with {beside}" if level else f"lies {size} {'above' if estimate > 0 else 'below'} {beside}"
    higher = f"{s.quantity} is {size} higher with {s.better} than with {s.than}{s.where}"
    lower = f"{s.quantity} is {size} lower with {s.better} than with {s.than}{s.where}"
    equal = "equal" if s.gain_of else "equivalent"
    excluded = f"a gain of {margin} or more with {s.better} over {s.than}{s.where} is excluded"
    if s.gain_of:
        excluded = f"the gain of {s.gain_of} is not larger with {s.better} than with {s.than} by {margin} or more"
    text = {
        "improves by at least the margin": f"{higher}; the whole interval lies above the margin of {margin}",
        "improves": f"{higher}; whether the difference reaches the margin of {margin} is open",
        "harms by at least the margin": f"{lower}; the whole interval lies beyond the margin of {margin}",
        "harms": f"{lower}; whether the difference reaches the margin of {margin} is open",
        "significant but negligible": f"{s.both} differ, but by less than the margin of {margin}",
        "equivalent": f"{s.both} are {equal} within the margin of {margin}",
        "a gain above the margin is excluded": excluded + ("; a loss is not" if s.figures.low < -s.margin else ""),
        "cannot tell": f"{s.pair}: {_open(s)}",
        "one training": f"in this one training, {s.quantity} with {s.better} {lies}{s.where}",
        "too few patients": f"on these few test patients, {s.quantity} with {s.better} {lies}{s.where}",
        "no arm beats chance": f"no arm beats chance: there is no difference to judge between {s.both}".rstrip(","),
        "incomplete": f"so far, {s.quantity} with {s.better} {lies}{s.where}",
    }[conclusion]
    if not text.startswith(s.better) and not s.part:  # the name of a colormap keeps its spelling
        text = text[0].upper() + text[1:]
    return f"{s.part}{text} ({_numbers(s, conclusion)}).{' ' + more if more else ''}"


def _open(s: Statement) -> str:
    if s.figures.low > -s.margin:
        return "a gain and no difference remain possible; a loss above the margin is excluded"
    return "a gain, a loss and no difference all remain possible"


def _numbers(s: Statement, conclusion: Conclusion) -> str:
    """'+1.2 points, 95 % interval −0.3 to +2.7, adjusted p = 0.11'."""
    f = s.figures
    holds = f.simultaneous or f.look is not None  # with others, or at all looks together
    kind = f"{'simultaneous ' if f.simultaneous else ''}{percent(1 - s.alpha if holds else f.level)} interval"
    if f.look is not None:
        kind += f" of look {f.look.number} of {f.look.looks}:"
    span = interval(f.low, f.high, s.margin)
    if f.trainings == 1:
        return f"{points(f.estimate)} points in one training of each; {kind} over patients alone {span}"
    if conclusion in ("too few patients", "no arm beats chance"):
        return f"{points(f.estimate)} points, {kind} {span}"
    p = p_value(f.p_adjusted, "adjusted p" if holds else "p", s.alpha)
    said = conclusion.startswith(("improves", "harms"))  # the sentence itself gives the estimate
    text = f"{kind} {span}, {p}" if said else f"{points(f.estimate)} points, {kind} {span}, {p}"
    if conclusion in ("equivalent", "significant but negligible"):
        text += f"; {p_value(f.p_equivalent, alpha=s.alpha)} for a difference of the margin or more"
    return text


def disagreement(s: Statement) -> str:
    """Says where the interval that is shown and the test that decides disagree, of a difference or of equivalence."""
    f = s.figures
    kind = f"simultaneous interval ({ADJUSTED_INTERVAL})" if f.simultaneous else "interval"
    found, zero = f.p_adjusted < s.alpha, f.low <= 0 <= f.high
    equal, within = f.p_equivalent < s.alpha, -s.margin < f.low and f.high < s.margin
    said = []
    if found == zero:
        p = f"adjusted p ({ADJUSTED_P}) is below" if found else "adjusted p is not below"
        lies = "includes" if found else "excludes"
        said.append(f"the {kind} {lies} zero, while the {p} {s.alpha:.2g}; the verdict follows p")
    if equal != within:
        lies, p = ("reaches beyond", "a p") if equal else ("lies within", "no p")
        said.append(
            f"the {kind} {lies} the margin, while the two one-sided tests of equivalence give {p} below "
            f"{s.alpha:.2g}; the verdict follows these tests"
        )
    return f"{s.part}{s.pair}: {'; '.join(said)}." if said else ""
