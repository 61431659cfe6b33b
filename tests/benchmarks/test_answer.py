"""What an answer on RQ2 costs, how often it is wrong, and how often it comes: the verdict against usual tests.

Studies are drawn from real images (`tests/simulation/start_studies.py`), with and without a difference between the
starting points; every way judges the same trainings. As many studies as the minutes allow (MEDXFER_BENCH_MINUTES); a
further run adds to those that answers.csv has, which is deleted where ways or studies change.
"""

import os
import zlib
from collections import defaultdict
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import count
from time import monotonic
from typing import NamedTuple

import numpy as np
import pytest
import torch
from answers import record_answers, recorded
from real_images import images
from scale import LONG_ONLY, setting
from start_studies import studies
from starting_points import seen
from ways import WAYS, Said, answers, of_folds

pytestmark = [pytest.mark.benchmark, pytest.mark.data, LONG_ONLY]

FIRST = 20_261_126
MINUTES = setting("MINUTES", 2, 60)
STUDIES = {"breastmnist": {300: 10, 780: 4}, "cxr_kermany": {100: 16, 300: 6}}  # by patients, studies at a time
WORKERS = setting("WORKERS", 2, len(os.sched_getaffinity(0)))


class Chunk(NamedTuple):
    """Some studies of one setting."""

    said: list[dict[str, Said]]
    difference: list[float]  # of the mean AUROCs of both arms, of folds
    images: int  # that a network of a fold may train on


def chunk(data: str, patients: int, null: bool, number: int) -> Chunk:
    torch.set_num_threads(1)
    rng = np.random.default_rng([FIRST, zlib.crc32(f"{data}, {patients}, {null}".encode()), number])
    made = studies(rng, STUDIES[data][patients], data, patients, null)
    means = [of_folds(study).theta.mean(1) for study in made]
    training = round(np.mean([len(study.labels) - len(study.tested) for study in made]))
    return Chunk([answers(study) for study in made], [float(m[0] - m[1]) for m in means], training)


@pytest.mark.parametrize("data", list(STUDIES))
def test_the_cost_of_an_answer(data: str) -> None:
    until, found = monotonic() + 60 * MINUTES, defaultdict(list)
    seen(data), images(data)  # computed once, here, if they are not kept
    settings = [(data, patients, null) for patients in STUDIES[data] for null in (True, False)]
    first = {one: recorded(*one) // STUDIES[data][one[1]] for one in settings}
    with ProcessPoolExecutor(WORKERS) as pool:
        running: dict[Future[Chunk], tuple[str, int, bool]] = {}
        for number, one in ((number, one) for number in count() for one in settings):
            running[pool.submit(chunk, *one, first[one] + number)] = one
            if len(running) > WORKERS:
                for job in wait(running, return_when=FIRST_COMPLETED).done:
                    found[running.pop(job)].append(job.result())
            if monotonic() > until and number:
                break
        for job, one in running.items():
            found[one].append(job.result())
    for (_, patients, null), chunks in sorted(found.items()):
        said = [one for of in chunks for one in of.said]
        difference = float(np.mean([one for of in chunks for one in of.difference]))
        training = round(np.mean([of.images for of in chunks]))
        record_answers(data, patients, null, training, difference, {way: [one[way] for one in said] for way in WAYS})
    assert set(found) == set(settings)
