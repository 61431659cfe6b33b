"""What studies with folds say of two recipes, many studies at once, by the program's own parts."""

from collections.abc import Sequence

import numpy as np
from gaussian import Figures, Floats, halves
from numpy.typing import NDArray

from medxfer.analysis.stats.influence import check_cases, leave_one_patient_out, per_patient
from medxfer.analysis.stats.shared_training import DRAWN
from medxfer.analysis.stats.variance import Term, patients_terms, trainings_terms

Ints = NDArray[np.int64]

SEEDS = (1, 2, 3, 5)  # an arm, at which the same study is judged
SHARES = (0.0, 0.25, 0.75, 1.0)  # of a training's own patient variance, other than the program's
CONTRAST = np.array([[-1.0, 1.0]])
Studies = dict[str, Floats]  # figure -> (studies,)


def measured(scores: Floats, labels: Ints, case: Ints | None, fold: Ints | None, metric: str) -> tuple[Floats, Floats]:
    """The metric (..., 2, seeds) of scores (..., 2, seeds, images), and influences (..., 2, seeds, patients).

    `fold` (..., seeds, images) is that of both arms; None for one split.
    """
    divided = None
    if fold is not None:
        divided = np.broadcast_to(fold[..., None, :, :], scores.shape).reshape(-1, len(labels))
    cases = check_cases(scores.reshape(-1, len(labels)), labels, case, divided)
    full, without = leave_one_patient_out(cases, metric, 0.0)
    return full.reshape(scores.shape[:-1]), per_patient(without).reshape(*scores.shape[:-1], cases.count)


def judged(theta: Floats, influence: Floats, seeds: Sequence[int], owed: float = DRAWN) -> Studies:
    """Of (n, 2, seeds) and (n, 2, seeds, patients): whether a study of the first R seeds finds a difference, with the
    program's share (`owed`) of what folds add and with others; and the parts of the variance."""
    out: Studies = {}
    for r in seeds:
        of, d = theta[:, :, :r], (influence[:, 1, :r] - influence[:, 0, :r])[:, None]
        estimate = of[:, 1].mean(1) - of[:, 0].mean(1)
        trainings = [trainings_terms(of, CONTRAST, np.zeros(2, np.int64))] if r > 1 else []
        half = _half_width(trainings, d, owed)
        out |= {f"R{r} error": np.abs(estimate) > half, f"R{r} half-width": 100 * half}
        if owed:
            out |= {f"R{r} error at {share:g}": np.abs(estimate) > _half_width(trainings, d, share) for share in SHARES}
        out |= {
            f"R{r} estimate": 100 * estimate,
            f"R{r} trainings": trainings[0].variance[:, 0] if r > 1 else np.zeros(len(of)),
            f"R{r} patients": patients_terms(d)[0].variance[:, 0],
            f"R{r} own": (d**2).sum((1, 2, 3)) / r,
        }
    return out


def _half_width(trainings: list[Term], d: Floats, share: float) -> Floats:
    return halves([*trainings, patients_terms(d, share)[0]], 1)[:, 0]


def means(chunks: Sequence[Studies], seeds: Sequence[int]) -> Figures:
    """Over all studies; and the share of a training's own patient variance that the estimates' variance lacks."""
    every = {name: np.concatenate([chunk[name] for chunk in chunks]).astype(float) for name in chunks[0]}
    out = {name: float(values.mean()) for name, values in every.items()}
    for r in seeds:
        variance = float((every[f"R{r} estimate"] / 100).var())
        own = out.pop(f"R{r} own")
        lacks = variance - out.pop(f"R{r} trainings") - out.pop(f"R{r} patients")
        out[f"R{r} share needed"] = lacks / own if own > 0 else 0.0
    return out
