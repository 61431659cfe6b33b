"""A contrast's figures at a declared look: its levels in the place of those of a study of one look."""

from dataclasses import replace

import numpy as np

from medxfer.analysis.judge.contrasts import Contrast
from medxfer.analysis.judge.figures import Figures, clip
from medxfer.analysis.judge.reached import AtLook, key_of
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.stats.critical import Largest, one_contrast
from medxfer.analysis.stats.effects import Effect
from medxfer.analysis.stats.forecasts import outlook, with_size
from medxfer.analysis.stats.looks import Stage, chance_to_decide, fractions, next_stage


def at_look(study: StudyRecord, contrast: Contrast, effect: Effect, family: Largest, figures: Figures) -> Figures:
    """Figures whose interval and p values are repeated ones: they hold at all looks together.

    A difference that an earlier look found stays found: its error was spent there. The p values are the smallest of
    the looks so far whose estimates have the present sign.
    """
    declared, alpha = study.declared, 1 - study.declared.level
    earlier = [one for one in study.looks.declared.get(key_of(contrast), ()) if one.seeds < effect.seeds]
    stage = stage_of(study, contrast, effect)
    alike = [one for one in earlier if (one.estimate > 0) == (effect.estimate > 0)]
    p, p_equivalent = stage.p(figures.p_adjusted), stage.p(figures.p_equivalent)
    p_adjusted = min([p, *(one.p for one in alike)])
    half = effect.half_width(stage.level, family)
    low, high, clipped = clip(effect.estimate, half, contrast.weights, declared.metric)
    is_last = effect.seeds == declared.looks[-1]
    last_level = stage.level if is_last else stage.last_level()
    ahead = outlook(effect, last_level, family, declared.looks[-1:])
    look = AtLook(
        number=declared.looks.index(effect.seeds) + 1,
        looks=len(declared.looks),
        seeds=effect.seeds,
        information=stage.information[-1],
        spent=stage.spent,
        z=stage.z[-1],
        nominal=stage.level,
        chance=None if is_last else _chance(study, effect, family, last_level),
        decided_before=next((one.seeds for one in alike if one.p < alpha), None) if p >= alpha else None,
    )
    return replace(
        figures,
        low=low,
        high=high,
        clipped=clipped,
        level=1 - one_contrast(family.z(stage.level)),
        p_adjusted=p_adjusted,
        p_equivalent=min([p_equivalent, *(one.p_equivalent for one in earlier)]),
        expected=tuple(e for e in ahead if e.half_width < (high - low) / 2),  # no interval is foretold that is wider
        look=look,
    )


def stage_of(study: StudyRecord, contrast: Contrast, effect: Effect) -> Stage:
    """The look that an effect is of: as recorded, or else the next after those that are.

    The effect has as many seeds as one of the declared looks.
    """
    assert effect.trainings is not None  # a look is at two seeds or more
    known = [one for one in study.looks.declared.get(key_of(contrast), ()) if one.seeds <= effect.seeds]
    alpha = 1 - study.declared.level
    before = Stage(alpha, tuple(one.information for one in known), tuple(one.z for one in known)) if known else None
    if before is not None and known[-1].seeds == effect.seeds:
        return before
    taken = [*(one.seeds for one in known), effect.seeds]
    information = fractions(effect.trainings.variance, effect.patients.variance, study.declared.looks, taken)
    return next_stage(before, [float(fraction) for fraction in information], alpha)


def _chance(study: StudyRecord, effect: Effect, family: Largest, last_level: float) -> float:
    """That the last look decides."""
    assert effect.trainings is not None
    seeds = study.declared.looks[-1]
    half = with_size(effect, seeds).half_width(last_level, family)
    trainings, patients = float(effect.trainings.variance), float(effect.patients.variance)
    last = np.array(trainings * effect.seeds / seeds + patients)
    now = np.array(trainings + patients)
    return float(chance_to_decide(np.array(effect.estimate), np.array(half), now, last, study.declared.margin))
