"""Settings that Hydra reads: where its grammar stops at a name, the answer is the form that works."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError, OmegaConfBaseException

from medxfer.base.errors import MedxferError, first_line

# The last parts of keys whose value is a text, however it looks; label may be a list of them.
TEXTS = ("root", "labels", "label", "path", "file", "patient", "key", "groups")
TYPOGRAPHIC = "“”„‟‘’‚‛«»"
CONFIG_DIR, CONFIG_NAME = "--config-dir", "--config-name"
CONFIG_OPTIONS = {CONFIG_DIR: CONFIG_DIR, "-cd": CONFIG_DIR, CONFIG_NAME: CONFIG_NAME, "-cn": CONFIG_NAME}
_PARSER = OverridesParser.create()


def check_overrides(overrides: Sequence[str], sweep: bool = False) -> None:
    """Raise MedxferError for the first of `overrides` that Hydra cannot read, or reads as something else than a name.

    Umlauts, spaces at the ends, '=', brackets, quotes and the like need quotes of Hydra's, which the shell would take
    away; the error has the form that gives the value as it was typed. `sweep`: commas between values are meant.
    """
    for place, text in enumerate(overrides):
        _check_typing(text, overrides[place + 1 : place + 3], sweep)
        before = overrides[place - 1] if place else ""
        if "=" not in text and "=" in before and not text.startswith("~") and (joined := quoted(f"{before} {text}")):
            raise MedxferError(f"'{text}' is no setting: if it belongs to the one before it, write {joined}")
        reason = _misread(text, sweep)
        if reason:
            whole = quoted(text) if "=" in text else ""
            form = f"; write {whole}" if whole else "; settings are key=value, such as colormap=viridis"
            raise MedxferError(f"{text}: {reason}{form}")


def _check_typing(text: str, after: Sequence[str], sweep: bool) -> None:
    """Raise MedxferError for a slip of typing that Hydra reads as something else, or answers with its grammar.

    These are spaces around '=' and after commas, typographic quotes, quotes around several values, and a decimal comma.
    `after` are the two arguments after `text`.
    """
    key, equals, value = text.partition("=")
    following = [*after, "", ""]
    if not equals and following[0].startswith("="):
        whole = text + following[0] + (following[1] if following[0] == "=" else "")
    elif equals and (not value or value.endswith(",")) and following[0] and "=" not in following[0]:
        whole = text + following[0]
    else:
        whole = text
    if key.lstrip("+").rpartition(".")[2] in TEXTS:
        return
    if whole != text and _parsed(whole):
        raise MedxferError(f"{text}: a setting has no space around '=' and after commas; write {shlex.quote(whole)}")
    bare = "".join(mark for mark in text if mark not in TYPOGRAPHIC)
    if bare != text and _parsed(bare):
        raise MedxferError(f"{text}: typographic quotes are part of the value; write {shlex.quote(bare)}")
    if sweep and value.endswith(",") and _parsed(text.rstrip(",")):
        raise MedxferError(f"{text}: no value follows the last comma; write {shlex.quote(text.rstrip(','))}")
    if sweep and re.fullmatch("-?0,0\\d*", value):
        raise MedxferError(f"{text}: the comma divides two values; write {key}={value.replace(',', '.')}")
    one = _read(text) if "." not in key else None
    if sweep and isinstance(one, str) and "," in one and not one.startswith("file:"):
        raise MedxferError(f"{text}: quotes make one value of it; several are {key}={one.replace(' ', '')}")


def _parsed(text: str) -> bool:
    """Whether Hydra can read it."""
    try:
        _PARSER.parse_override(text)
    except HydraException:
        return False
    return True


def quoted(text: str) -> str:
    """The setting key=value, for a shell, in the form in which Hydra gives `value` as a text; "" if there is none."""
    key, _, value = text.partition("=")
    escaped = value.replace("${", r"\${")
    for mark in "\"'":
        inner = escaped.replace(mark, f"\\{mark}")
        if inner.endswith("\\"):
            inner += "\\"  # else it would take away the mark
        candidate = f"{key}={mark}{inner}{mark}"
        if _read(candidate) == value:
            return shlex.quote(candidate)
    return ""


def check_resolved(config: DictConfig | ListConfig, within: str = "") -> None:
    """Raise MedxferError for the first setting of `config` whose ${…} leads nowhere, as part of a name does not.

    `within` is the key of `config` itself. What is not given yet (???) is no error.
    """
    raw: Any = OmegaConf.to_container(config)
    items: Any = raw.items() if isinstance(raw, dict) else enumerate(raw or ())
    # What groups hold refers to what stands beside them, and comes after it.
    for key, value in sorted(items, key=lambda item: isinstance(item[1], dict | list)):
        whole = f"{within}[{key}]" if isinstance(raw, list) else f"{within}.{key}" if within else str(key)
        if isinstance(value, dict | list):
            check_resolved(config[key], whole)
        elif isinstance(value, str) and "${" in value:
            try:
                _ = config[key]
            except InterpolationToMissingValueError:
                continue
            except OmegaConfBaseException as error:
                raise unresolved(whole, value, error) from None


def unresolved(key: str, value: str, error: OmegaConfBaseException) -> MedxferError:
    """The error for a setting whose ${…} leads nowhere, with the form that takes it for part of a name."""
    form = quoted(f"{key}={value}") if "[" not in key else r"\${ for ${ there"
    way_out = f"if it is part of a name, write {form}" if form else "give another name"
    return MedxferError(f"{key}: cannot be resolved ({first_line(error).rstrip('.')}); {way_out}")


def override(key: str, value: object) -> str:
    """key=value for Hydra itself, without a shell, where `value` is a text of any kind."""
    (argument,) = shlex.split(quoted(f"{key}={value}"))
    return argument


def config_options(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Hydra's options that say which configuration is meant, each in one word, and the other arguments.

    They are --config-dir=<folder>, --config-name=<name>, and the setting hydra.searchpath. Raises MedxferError where an
    option has no value, or where there is no such folder.
    """
    found, rest, waiting = [], [], list(arguments)
    while waiting:
        option, equals, value = (argument := waiting.pop(0)).partition("=")
        if option.startswith("hydra.searchpath"):
            found.append(argument)
        elif option not in CONFIG_OPTIONS:
            rest.append(argument)
        else:
            value = value if equals else waiting.pop(0) if waiting else ""
            if CONFIG_OPTIONS[option] == CONFIG_DIR:
                value = str(_folder(option, value))
            elif not value:
                raise MedxferError(f"{option}: give the name of a configuration of your own")
            found.append(f"{CONFIG_OPTIONS[option]}={value}")
    return found, rest


def _folder(option: str, value: str) -> Path:
    folder = Path(value).expanduser()
    if not folder.is_dir() or not value:
        raise MedxferError(f"{option} {folder}: no such folder; give one with configurations of your own")
    return folder.resolve()


def _read(text: str) -> Any:
    """The value that a configuration has by this setting; None if Hydra cannot read it, or reads a sweep."""
    try:
        parsed = _PARSER.parse_override(text)
        return None if parsed.is_sweep_override() else OmegaConf.create({"value": parsed.value()}).value
    except (HydraException, OmegaConfBaseException):
        return None


def _misread(text: str, sweep: bool) -> str:
    """Why Hydra does not take the setting as it was meant; "" if it does."""
    try:
        parsed = _PARSER.parse_override(text)
    except HydraException as error:
        readable = "=" in text and quoted(text)
        return (
            "Hydra cannot read this value without quotes of its own"
            if readable
            else f"no setting ({first_line(error)})"
        )
    last = parsed.key_or_group.rpartition(".")[2]
    if parsed.is_delete() or last not in TEXTS:
        return ""
    if parsed.is_sweep_override():
        return "" if sweep else "Hydra reads several values, and one is wanted"
    value = parsed.value()
    if value is None or isinstance(value, str) or (isinstance(value, list) and last == "label"):
        return ""
    kind = "group" if isinstance(value, dict) else "list" if isinstance(value, list) else "number"
    return f"Hydra reads this as a {kind}, and a text is wanted"
