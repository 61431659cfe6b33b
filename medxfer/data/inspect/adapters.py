"""Which data sets `data=` takes: read off the configuration and the sources' own words."""

import inspect
from pathlib import Path
from typing import NamedTuple

from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from medxfer.data.sources.source import Source


class Adapter(NamedTuple):
    """A data set that can be named."""

    name: str  # as data= takes it
    meaning: str
    obtain: str  # what to download and where from
    settings: str  # that have to be given


def adapters(conf: Path) -> list[Adapter]:
    """One for each file of `conf`/data: those that need no file first, then by name."""
    found = []
    for path in sorted((conf / "data").glob("*.yaml")):
        if path.stem == "base":
            continue
        config = OmegaConf.load(path)
        assert isinstance(config, DictConfig)
        kind: type[Source] = get_class(config["source"]["_target_"])
        required = [f"data.{key!s}=" for key in config if OmegaConf.is_missing(config, key)]
        found.append(Adapter(path.stem, _meaning(path, kind), kind.obtain, " ".join(required)))
    return sorted(found, key=lambda adapter: (bool(adapter.settings), adapter.name))


def _meaning(path: Path, kind: type) -> str:
    """The source's first line, without the name that it begins with."""
    text = " ".join((inspect.getdoc(inspect.getmodule(kind)) or "").split("\n\n")[0].split())
    head, colon, rest = text.partition(": ")
    return (rest if colon and head.startswith("data=") else text).removesuffix(".")
