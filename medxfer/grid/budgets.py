"""budget=[8,40]: a job for each of these numbers of epochs, in place of one."""

from collections.abc import Sequence

from omegaconf import OmegaConf

from medxfer.grid.jobs import Job
from medxfer.study.declared import read_budget
from medxfer.study.identity import BUDGET


def each_budget(jobs: Sequence[Sequence[str]], composed: Sequence[Job]) -> list[list[str]]:
    """The overrides of `jobs`, with one for each budget that its composed configuration declares.

    A job that names its epochs itself stays as it is. Raises MedxferError where a budget is no list of epochs.
    """
    every: list[list[str]] = []
    for job, one in zip(jobs, composed, strict=True):
        budgets = read_budget(OmegaConf.select(one.base, "budget"))  # not `get`, whose errors do not name the key
        if not budgets or any(text.startswith(f"{BUDGET}=") for text in job):
            every.append(list(job))
        else:
            every += [[*job, f"{BUDGET}={epochs}"] for epochs in budgets]
    return every
