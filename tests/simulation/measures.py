"""What is asked of one simulated study: a function from a truth and a generator to named numbers, whose means
are reported.

NaN stands for "not asked" (a refused comparison, a forecast that was not needed) and is left out of the mean.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from studies import THRESHOLD, Truth, draw

from medxfer.analysis import BlockScores, Comparison, compare_blocks
from medxfer.analysis.stats.decisions import equivalence_p, holm, simultaneous_level
from medxfer.analysis.stats.forecasts import forecast, with_trainings
from medxfer.analysis.stats.influence import check_cases, leave_one_patient_out

Numbers = dict[str, float]


def judge(blocks: list[BlockScores], truth: Truth, contrast: tuple[float, ...] = (-1.0, 1.0)) -> Comparison:
    """The comparison, as a study of this kind would make it."""
    return compare_blocks(blocks, contrast, truth.metric, threshold=THRESHOLD, resampled=truth.resampled)


def error(truth: Truth, rng: np.random.Generator) -> Numbers:
    """Whether the interval misses the true difference (at no difference: a false positive), and what it
    found."""
    blocks = draw(truth, rng)
    ours = judge(blocks, truth)
    off = abs(ours.estimate - (truth.difference if any(truth.effects) else 0.0))
    half, plain = (replace(ours.uncertainty, small_sample=few).half_width(0.95) for few in (True, False))
    return {
        "misses": float(off > half),
        "plain misses": float(off > plain),
        "finds": float(ours.p < 0.05),
        "half-width": half,
        "plain half-width": plain,
        "from trainings": sum(t.term() for t in ours.uncertainty.trainings) / ours.se**2,
    }


def equivalence(truth: Truth, rng: np.random.Generator, margin: float) -> Numbers:
    """Whether two one-sided tests call the arms equivalent: wrongly at the margin, rightly at no
    difference."""
    at_margin = replace(truth, effects=(0.0, truth.effect_of(margin)))
    wrong = equivalence_p(judge(draw(at_margin, rng), at_margin), margin) < 0.05
    right = equivalence_p(judge(draw(truth, rng), truth), margin) < 0.05
    return {"wrongly": float(wrong), "rightly": float(right)}


def family(truth: Truth, rng: np.random.Generator) -> Numbers:
    """Every other arm against the first, all without a difference: whether anything is found in the
    family."""
    blocks = draw(truth, rng)
    arms = len(truth.effects)
    each = [judge(blocks, truth, (-1.0, *np.eye(arms - 1)[k])) for k in range(arms - 1)]
    together = [c.interval(simultaneous_level(0.95, len(each))) for c in each]
    return {
        "unadjusted": float(min(c.p for c in each) < 0.05),
        "Holm": float(min(holm([c.p for c in each])) < 0.05),
        "simultaneous": float(any(low > 0 or high < 0 for low, high in together)),
    }


def others(truth: Truth, rng: np.random.Generator) -> Numbers:
    """Whether usual tests find a difference where there is none."""
    blocks = draw(truth, rng)
    first, second = np.hstack([_runs(block, truth) for block in blocks])
    one = replace(blocks[0], scores=np.asarray(blocks[0].scores)[:, :1])
    p_values = {
        "Welch, all runs": stats.ttest_ind(first, second, equal_var=False).pvalue,
        "paired t, all runs": stats.ttest_rel(first, second).pvalue,
        "Wilcoxon, all runs": stats.wilcoxon(first, second).pvalue,
        "DeLong, one run an arm": judge([one], truth).p,
        "trainings and patients": judge(blocks, truth).p,
    }
    return {name: float(p < 0.05) for name, p in p_values.items()}


def _runs(block: BlockScores, truth: Truth) -> NDArray[np.float64]:
    """(arms, trainings): each training's metric."""
    scores = np.asarray(block.scores)
    cases = check_cases(scores.reshape(-1, scores.shape[-1]), block.labels)
    return leave_one_patient_out(cases, truth.metric, THRESHOLD)[0].reshape(scores.shape[:2])


MOST = 60  # trainings in all that are simulated to see a forecast come true


def foretold(truth: Truth, rng: np.random.Generator, margin: float) -> Numbers:
    """A pilot that cannot tell says how many more trainings it takes; they are added, to the same
    patients."""
    whole = replace(truth, trainings=MOST)
    (block,) = draw(whole, rng)
    scores = np.asarray(block.scores)
    pilot = judge([replace(block, scores=scores[:, : truth.trainings])], truth)
    if _concludes(pilot, margin):
        return {"pilot concludes": 1.0}
    more = forecast(pilot, margin).more_trainings
    if more is None or truth.trainings + more > MOST:
        return {"pilot concludes": 0.0, "out of reach": 1.0}
    later = judge([replace(block, scores=scores[:, : truth.trainings + more])], truth)
    return {
        "pilot concludes": 0.0,
        "out of reach": 0.0,
        "more": float(more),
        "later concludes": float(_concludes(later, margin)),
        "foretold half-width": _foretold(pilot, more),
        "half-width": (later.high - later.low) / 2,
    }


def _concludes(comparison: Comparison, margin: float) -> bool:
    return comparison.p < 0.05 or equivalence_p(comparison, margin) < 0.05


def _foretold(pilot: Comparison, more: int) -> float:
    return with_trainings(pilot.uncertainty, more).half_width(0.95)
