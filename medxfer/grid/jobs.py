"""The jobs of a sweep: composed as Hydra composes them, but once for all that differ in plain factors alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from medxfer.study.identity import FOLD, VALUES, Json

Overrides = Sequence[str]  # of one job


@dataclass(frozen=True, eq=False)
class Job:
    """What one cell is asked to be: a composed configuration, and the values of factors that differ from it."""

    base: DictConfig  # shared with other jobs
    values: Json

    def of_fold(self, fold: int | None) -> "Job":
        """The same for the cell that tests `fold`."""
        return self if fold is None else Job(self.base, {**self.values, FOLD: fold})

    def config(self) -> DictConfig:
        config = self.base.copy()
        for key, value in self.values.items():
            config[key] = value
        return config


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
            bases[rest] = None if _refers_to_values(base) else base
        if (shared := bases[rest]) is not None:
            composed.append(Job(shared, {parsed[t].key_or_group: parsed[t].value() for t in job if t in plain}))
        else:  # a plain factor changes more than itself
            composed.append(Job(without_hydra(loader.load_sweep_config(master, list(job))), {}))
    return composed


def _refers_to_values(config: DictConfig) -> bool:
    return any(_reaches_values(text, depth) for text, depth in _texts(OmegaConf.to_container(config), 0))


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
