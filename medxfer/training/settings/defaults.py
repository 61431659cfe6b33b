"""The defaults of settings as conf/ has them, before anything is chosen; as text, the same on every machine."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from medxfer.base.arguments import MANDATORY
from medxfer.base.config import CONF
from medxfer.base.kinds import shown

_ABSENT = object()
# What stands in conf/ for a value that is made when it is asked for → how one reads it.
_MADE = {
    r"\$\{oc\.select:([\w.]+),(\w+)\}": r"\2, or \1 where the data set has it",
    r"\$\{medxfer\.cache:\}": "medxfer in the user's cache folder",
    r"\$\{\.+([\w.]+)\}": r"<data.\1>",
    r"\$\{([\w.]+)\}": r"<\1>",
}


def default_of(key: str) -> str:
    """The default of a setting; one that differs by the option of its group is told for each. Empty: conf/ has none."""
    group, _, rest = key.partition(".")
    if group == "data":
        return _by_option({name: _text(config, rest) for name, config in _data_sets()}, _text(_file("data/base"), rest))
    if group == "logger":
        return _by_option({path.stem: _text(_file(f"logger/{path.stem}"), rest) for path in _files("logger")}, "")
    return _text(_file("trainer/default"), rest) if group == "trainer" else _text(_file("train"), key)


def options(group: str) -> Iterator[tuple[str, str]]:
    """Each option of a group of conf/ that can be chosen, with the first sentence that its file says of it."""
    for path in _files(group):
        if path.stem != "base":
            lines = [line[2:] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# ")]
            said = " ".join(line.strip() for line in lines if not line.startswith(("@package", "python -m")))
            yield path.stem, re.split(r"\.\s(?=[A-Z])|:?\s{2,}", said)[0].removesuffix(".")


def _files(group: str) -> list[Path]:
    return sorted((CONF / group).glob("*.yaml"))


@cache
def _file(name: str) -> Any:
    return OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml"))


@cache
def _data_sets() -> list[tuple[str, Any]]:
    """Each option of data= with its settings; what all have stands first."""
    found = []
    for name, _ in options("data"):
        own = _file(f"data/{name}")
        above = [f"data/{one.partition('@')[0]}" for one in own["defaults"] if one != "_self_"]
        merged = OmegaConf.merge(*(OmegaConf.create(_file(one)) for one in above), own)
        found.append((name, OmegaConf.to_container(merged)))
    return found


def _text(config: Any, key: str) -> str:
    value = config
    for part in key.split("."):
        value = value.get(part, _ABSENT) if isinstance(value, Mapping) else _ABSENT
    if value is _ABSENT:
        return ""
    text = MANDATORY if value == "???" else shown(value) or "''"
    for made, said in _MADE.items():
        text = re.sub(made, said, text)
    return text


def _by_option(by_option: Mapping[str, str], of_all: str) -> str:
    """The default `of_all`, if there is one, and the others with the options of the group that have them."""
    having: dict[str, list[str]] = {}
    for name, text in by_option.items():
        if text and text != of_all:
            having.setdefault(text, []).append(name)
    if len(by_option) > 2 and len(having) == len(by_option):
        return "each option's own"
    return "; ".join([*([of_all] if of_all else []), *(f"{text} ({', '.join(who)})" for text, who in having.items())])
