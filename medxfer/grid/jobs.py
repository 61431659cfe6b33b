"""The jobs of a sweep: composed as Hydra composes them, but once for all that differ in plain factors alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from medxfer.study.declared import read_budget
from medxfer.study.identity import BUDGET, FOLD, VALUES, Json

Overrides = Sequence[str]  # of one job
ASKED = "data.split.groups=data"
OF_ALL = ("data.split.", "data.max_rejected", "data.keep_aspect", "data.name")  # settings that joined sets share


@dataclass(frozen=True, eq=False)
class Job:
    """What one cell is asked to be: a composed configuration, and the values of factors that differ from it."""

    base: DictConfig  # shared with other jobs
    values: Json
    overrides: tuple[str, ...] = ()  # what Hydra is to compose it from, in a sweep

    def of_fold(self, fold: int) -> "Job":
        """The same for the cell that tests `fold`."""
        return replace(self, values={**self.values, FOLD: fold}, overrides=(*self.overrides, f"{FOLD}={fold}"))

    def config(self) -> DictConfig:
        config = self.base.copy()
        for key, value in self.values.items():
            config[key] = value
        return config


def asked_jobs(loader: ConfigLoader, master: DictConfig, jobs: Sequence[Overrides]) -> list[Job]:
    """What a sweep's `jobs` ask for: one job for data sets of which each is left out once, and one for each budget."""
    composed = compose_jobs(loader, master, joined(jobs))
    each = each_budget(composed)
    return composed if each == [job.overrides for job in composed] else compose_jobs(loader, master, each)


def compose_jobs(loader: ConfigLoader, master: DictConfig, jobs: Sequence[Overrides]) -> list[Job]:
    """What Hydra would compose for every job, with one composition for all that differ in plain factors alone."""
    parser = OverridesParser.create(config_loader=loader)
    parsed = {text: parser.parse_override(text) for text in dict.fromkeys(text for job in jobs for text in job)}
    plain = {
        text
        for text, override in parsed.items()
        if override.key_or_group in VALUES and not override.is_delete() and "$" not in text  # of ${…}, or its escape
    }
    bases: dict[tuple[str, ...], DictConfig | None] = {}
    composed = []
    for job in jobs:
        rest = tuple(text for text in job if text not in plain)
        if rest not in bases:
            base = without_hydra(loader.load_sweep_config(master, list(rest)))
            texts = _texts(OmegaConf.to_container(base), 0)
            bases[rest] = None if any(_reaches_values(text, depth) for text, depth in texts) else base
        if (shared := bases[rest]) is not None:
            values = {parsed[t].key_or_group: parsed[t].value() for t in job if t in plain}
            composed.append(Job(shared, values, tuple(job)))
        else:  # a plain factor changes more than itself
            composed.append(Job(without_hydra(loader.load_sweep_config(master, list(job))), {}, tuple(job)))
    return composed


def _reaches_values(text: str, depth: int) -> bool:
    """Whether an interpolation in `text`, so many keys below the root, refers to a plain factor.

    `.key` stands beside the text, `..key` beside the group that holds it, and so on.
    """
    found = [one for part in re.findall(r"\$\{[^}]*", text) for one in re.findall(r"(?<![\w.])(\.*)(\w+)", part)]
    return any(word in VALUES and len(dots) in (0, depth) for dots, word in found)


def _texts(value: Any, depth: int) -> Iterator[tuple[str, int]]:
    """Every text in `value`, and how many keys below the root it is."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item, depth + 1)
    elif isinstance(value, str):
        yield value, depth


def without_hydra(config: DictConfig) -> DictConfig:
    """The application's part of a composed configuration, as Hydra hands it to a job."""
    config = config.copy()
    with open_dict(config):
        config.pop("hydra", None)
    return config


def joined(jobs: Sequence[Overrides]) -> list[Overrides]:
    """data=a,b,c data.split.groups=data: `jobs` with data=joined in place of one data set each; every one once.

    A setting of the data, such as data.root, becomes one of each set.
    """
    names = list(dict.fromkeys(text.removeprefix("data=") for job in jobs for text in job if text.startswith("data=")))
    if len(names) < 2:
        return list(jobs)
    return list(dict.fromkeys(tuple(_joined(job, names) if ASKED in job else job) for job in jobs))


def _joined(job: Overrides, names: Sequence[str]) -> Iterator[str]:
    yield "data=joined"
    yield from (f"+data@data.sets.{name}={name}" for name in names)
    for text in job:
        if text.startswith("data.") and not text.startswith(OF_ALL):
            yield from (f"data.sets.{name}.{text.removeprefix('data.')}" for name in names)
        elif not text.startswith("data="):
            yield text


def each_budget(jobs: Sequence[Job]) -> list[Overrides]:
    """budget=[8,40]: the overrides of `jobs`, with one job for each of these numbers of epochs in place of one.

    A job that names its epochs itself stays as it is. Raises MedxferError where a budget is no list of epochs.
    """
    every: list[Overrides] = []
    for job in jobs:
        budgets = read_budget(OmegaConf.select(job.base, "budget"))  # not `get`, whose errors do not name the key
        if not budgets or any(text.startswith(f"{BUDGET}=") for text in job.overrides):
            every.append(job.overrides)
        else:
            every += [(*job.overrides, f"{BUDGET}={epochs}") for epochs in budgets]
    return every
