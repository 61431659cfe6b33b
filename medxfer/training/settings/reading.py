"""Settings as they are described: every key is known, every value is one that it can have. Light: without torch."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError, MissingMandatoryValue, OmegaConfBaseException

from medxfer.base.errors import MedxferError, Refusals, unknown
from medxfer.base.kinds import Anything, shown
from medxfer.base.overrides import check_resolved, unresolved
from medxfer.training.settings.data_keys import DATA, EVERY, EXTERNAL, OF_SOURCES, OF_TRAININGS, SETS
from medxfer.training.settings.described import Group, Setting
from medxfer.training.settings.keys import CALLBACKS, CONFIG, LOGGER

# A class, and what it is made with; those who make it check it.
SOURCE = Setting(Anything("what makes the data set"), "the class of the data set, and what it is made with")
PLUGGED = Setting(Anything("a _target_ and its arguments"), "a logger or callback, and what it is made with")
SHOW_ALL = "python -m medxfer.train --help lists all that there are."


def read_settings(config: DictConfig) -> DictConfig:
    """`config`, with numbers in place of texts that are numbers.

    Raises MedxferError with every key that is unknown or missing, or whose value no cell can have; or at the first that
    cannot be resolved, because others may refer to it.
    """
    read: dict[str, Any] = {}
    refusals = Refusals()
    for key, value, now in _settings(config, CONFIG, "", refusals):
        if type(value) is not type(now):
            read[key] = now
    refusals.raise_all()
    if read:
        config = config.copy()
        for key, value in read.items():
            OmegaConf.update(config, key, value)
    return config


def read_value(key: str, value: Any) -> Any:
    """The value of one setting, as `read_settings` reads it in a configuration; as it is where the key is none."""
    return setting.kind.read(key, value) if (setting := _setting(key)) else value


def offered_values(key: str) -> list[str]:
    """Values of a setting that a shell can complete; none where it is no setting."""
    return setting.kind.offered if (setting := _setting(key.lstrip("+"))) else []


def _setting(key: str) -> Setting | None:
    one: Setting | Group | None = CONFIG
    for part in key.split("."):
        one = one.keys.get(part) if isinstance(one, Group) else None
    return one if isinstance(one, Setting) else None


def known_keys(group: Group = CONFIG, before: str = "") -> Iterator[str]:
    """Every key of the schema, with its groups' names before it."""
    for key, one in group.keys.items():
        yield f"{before}{key}"
        if isinstance(one, Group):
            yield from known_keys(one, f"{before}{key}.")


def unknown_key(key: str) -> MedxferError:
    """The error for a key that is not there, whoever found it out."""
    keys = list(known_keys())
    if key in keys:
        group = key.partition(".")[0]
        if group == "trainer":
            return MedxferError(f"{key} has no default here: give it with a plus, +{key}=…")
        return MedxferError(f"{key} is no setting of the {group} that was chosen by {group}=; {SHOW_ALL}")
    of_sets = [f"{before}{one}" for before in _set_of(key) for one in known_keys(DATA)]
    return unknown("setting", key, of_sets or keys, SHOW_ALL)


def _set_of(key: str) -> list[str]:
    """What may stand before the settings of the data set that `key` is of: external., external.<name>. and the like."""
    parts = key.split(".")
    if parts[0] == "external" and len(parts) > 1:
        return ["external.", *([f"external.{parts[1]}."] if len(parts) > 2 else [])]
    return [f"data.sets.{parts[2]}."] if parts[:2] == ["data", "sets"] and len(parts) > 3 else []


def _settings(
    node: DictConfig, group: Group, before: str, refusals: Refusals, apart: Collection[str] = ()
) -> Iterator[tuple[str, Any, Any]]:
    """Each setting that has a value: its whole key, the value, and the value as it is read; keys in `apart` aside."""
    if group is EXTERNAL or group is SETS:
        yield from _sets(node, before, refusals)
        return
    if group is DATA:
        group = _of_this_source(node, before)
    if group is LOGGER or group is CALLBACKS:
        group = _with_plugged(node, group)
    keys = [str(key) for key in node if key not in apart]
    for key in keys:
        with refusals:
            if key not in group.keys:
                raise unknown_key(f"{before}{key}")
    for key in group.keys if group.needed is None else group.needed:
        if key not in keys:
            one = group.keys[key]
            instead = one.without if isinstance(one, Group) and one.without else f"leave ~{before}{key} out"
            with refusals:
                raise MedxferError(f"{before}{key} was taken out, and every cell needs it: {instead}")
    for key, one in group.keys.items():
        if key not in keys or one is SOURCE or one is PLUGGED:
            continue
        if (found := _value(node, key, before)) is None:
            continue
        (value,) = found
        if isinstance(one, Setting) and isinstance(value, DictConfig | ListConfig):
            check_resolved(value, f"{before}{key}")
        with refusals:
            if isinstance(one, Setting):
                plain = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
                yield f"{before}{key}", plain, one.kind.read(f"{before}{key}", plain)
            elif isinstance(value, DictConfig):
                yield from _settings(value, one, f"{before}{key}.", refusals)
            elif value is not None or not one.null:
                null = f", or null for {one.null}" if one.null else ""
                raise MedxferError(f"{before}{key}={shown(value)}: give its settings, {before}{key}.<setting>={null}")


def _value(node: DictConfig, key: str, before: str) -> tuple[Any] | None:
    """What `key` is, once interpolations are resolved; None where it is not given yet (???)."""
    try:
        return (node[key],)
    except (MissingMandatoryValue, InterpolationToMissingValueError):
        return None
    except OmegaConfBaseException as error:
        raw: Any = OmegaConf.to_container(node)
        raise unresolved(f"{before}{key}", str(raw[key]), error) from None


def _sets(node: DictConfig, before: str, refusals: Refusals) -> Iterator[tuple[str, Any, Any]]:
    """Those of one set, of several that are named as they are added, or of both."""
    raw: Any = OmegaConf.to_container(node)
    inner = [str(key) for key, value in raw.items() if isinstance(value, dict) and "source" in value]
    if "source" in raw:
        yield from _settings(node, DATA, before, refusals, inner)
    elif others := [key for key in raw if key not in inner]:
        raise MedxferError(
            f"{before}{others[0]}: no data set is there that takes it; name one first, as python -m medxfer.data says"
        )
    for key in inner:
        yield from _settings(node[key], DATA, f"{before}{key}.", refusals)


def _of_this_source(node: DictConfig, before: str) -> Group:
    """What the data set that `node` describes can be given: what each has, and what its source takes."""
    raw: Any = OmegaConf.to_container(node)
    source = raw.get("source")
    if not (isinstance(source, Mapping) and isinstance(source.get("_target_"), str)):
        raise MedxferError(f"{before}source: no data set is there; choose one by {before.rstrip('.')}=")
    more = {str(key): OF_SOURCES.get(str(key), Setting(Anything(""), "")) for key in source if key != "_target_"}
    return replace(DATA, keys={**EVERY, **more, **OF_TRAININGS, "source": SOURCE})


def _with_plugged(node: DictConfig, group: Group) -> Group:
    """`group` with the classes that `node` names in it."""
    raw: Any = OmegaConf.to_container(node)
    named = [str(name) for name, one in raw.items() if isinstance(one, Mapping) and "_target_" in one]
    return replace(group, keys={**group.keys, **dict.fromkeys(named, PLUGGED)})
