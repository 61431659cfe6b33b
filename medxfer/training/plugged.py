"""Loggers and callbacks that the configuration names by class: `<name>: {_target_: package.Class, argument: value}`."""

from collections.abc import Callable, Mapping
from functools import cache
from inspect import isclass, signature
from typing import Any, cast

from hydra.errors import HydraException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError, first_line, unknown
from medxfer.base.overrides import check_resolved
from medxfer.study.cell import Cell

HYDRAS = ("_target_", "_partial_", "_recursive_", "_convert_", "_args_")  # keys that are no arguments


def plugged(group: DictConfig | None) -> dict[str, str]:
    """The name and `_target_` of each class in the group logger or callbacks, in order."""
    raw: Any = OmegaConf.to_container(group) if group is not None else {}
    return {name: str(one["_target_"]) for name, one in raw.items() if isinstance(one, Mapping) and "_target_" in one}


def responsibilities(config: DictConfig) -> list[str]:
    """A sentence for each logger and callback of `config` that is the user's own: none of conf/."""
    shipped = {one for kind in ("logger", "callbacks") for one in _shipped(kind)}
    said = {
        "logger": "it gets the curves and the cell's public settings; what it sends where is yours to answer for",
        "callbacks": "whether a training with it can be repeated, and goes on after a stop, is yours to answer for",
    }
    return [
        f"{group}.{name} is your own ({target}): {text}"
        for group, text in said.items()
        for name, target in plugged(config.get(group)).items()
        if target not in shipped
    ]


@cache
def _shipped(group: str) -> tuple[str, ...]:
    files = sorted((CONF / group).glob("*.yaml"))
    return tuple(target for file in files for target in plugged(cast(DictConfig, OmegaConf.load(file))).values())


def plug_in(node: DictConfig, cell: Cell) -> Any:
    """What `node` makes; where it says `_partial_: true`, called with `cell`."""
    made = instantiate(node)
    return made(cell=cell) if node.get("_partial_", False) else made


def check_plugged(key: str, node: DictConfig, kind: type) -> Callable[..., Any]:
    """The class or function that `node`, the setting `key`, names; nothing is made.

    Raises MedxferError where it cannot be imported, is a class of another `kind`, or does not take the arguments.
    """
    check_resolved(node, key)
    target = str(node["_target_"])
    try:
        found: Callable[..., Any] = get_object(target)
        given: dict[str, Any] = OmegaConf.to_container(node, resolve=True)  # type: ignore[assignment]
    except (HydraException, ImportError, ValueError) as error:
        raise MedxferError(
            f"{key}._target_={target}: cannot be imported ({first_line(error).rstrip('.')}); install its package, or "
            "start the command in the folder of its file, as python -m medxfer.train"
        ) from None
    partial = bool(given.get("_partial_", False))
    if isclass(found) and not partial and not issubclass(found, kind):
        raise MedxferError(f"{key}._target_={target}: is no {kind.__name__} of Lightning's")
    arguments = [name for name in given if name not in HYDRAS] + ["cell"] * partial
    if "_args_" not in given:
        check_arguments(key, found, arguments, f"{target.rpartition('.')[2]} takes")
    return found


def check_arguments(key: str, function: Callable[..., Any], given: list[str], takes: str) -> None:
    """Raise MedxferError where `function` does not take the arguments `given`, or needs others."""
    taken = signature(function).parameters
    named = {name: one for name, one in taken.items() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    anything = any(one.kind is one.VAR_KEYWORD for one in taken.values())
    for name in given:
        if name not in named and not anything:
            raise unknown("setting", f"{key}.{name}", [f"{key}.{one}" for one in named], f"{takes} {', '.join(named)}.")
    for name, one in named.items():
        if one.default is one.empty and name not in given:
            raise MedxferError(f"{key}.{name}: must be given")
