"""A metric over sites, which are the same folds in every training: the mean of the metrics at each."""

from collections.abc import Sequence

import numpy as np

from medxfer.analysis.stats.influence import Cases, Floats, NotComparable, leave_one_patient_out, per_patient


def over_sites(cases: Cases, metric: str, at: Floats, sites: Sequence[str]) -> tuple[Floats, Floats]:
    """(trainings,) and (trainings, patients): the metric, and each patient's influence on it.

    A patient with images at several sites is one patient, with an influence on each.

    Args:
        cases: with folds, of which number k is the site of that place in `sites`.
        metric: as `leave_one_patient_out` takes it.
        at: thresholds, (trainings, images).
        sites: their names, for the error.

    Raises:
        NotComparable: the metric is undefined at a site, or the sites differ between trainings.
    """
    assert cases.fold is not None
    if (cases.fold != cases.fold[0]).any():
        raise NotComparable("sites are the same folds in every training and arm: give (images,) as folds")
    full, influence = np.zeros(len(cases.scores)), np.zeros((len(cases.scores), cases.count))
    for k, site in enumerate(sites):
        here = cases.fold[0] == k
        present, case = np.unique(cases.case[here], return_inverse=True)
        of_site = Cases(cases.scores[:, here], cases.labels[here], case, tuple(cases.patients[i] for i in present))
        try:
            theta, without = leave_one_patient_out(of_site, metric, at[:, here])
        except NotComparable as reason:
            raise NotComparable(f"{site}: {reason}; leave that site out") from reason
        full += theta / len(sites)
        influence[:, present] += per_patient(without) / len(sites)
    return full, influence
