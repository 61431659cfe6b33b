"""The configuration as a command line gives it, and what Hydra refuses of it, said in one sentence."""

import re
from collections.abc import Callable, Sequence

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError, first_line, unknown
from medxfer.base.overrides import check_overrides, check_resolved, config_folders
from medxfer.training.settings.reading import read_settings, unknown_key


def compose_config(arguments: Sequence[str]) -> DictConfig:
    """The configuration as medxfer.train would have it, also with --config-dir.

    Raises MedxferError if it does not accept an argument.
    """
    folders, overrides = config_folders(arguments)
    check_overrides(overrides)
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", [*folders, *overrides])
    except (HydraException, OmegaConfBaseException) as error:
        raise MedxferError(sentence(error)) from error
    check_resolved(config)
    return read_settings(config)


def sentence(error: Exception) -> str:
    """What is wrong, in one sentence with the way out."""
    text = str(error).strip() or str(error.__cause__ or "").strip() or type(error).__name__
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, name = error.missing_cfg_file.rpartition("/")
        options = [one for one in error.options if one not in ("base", "options")]
        return str(unknown(group, name, options, f"there are {', '.join(options)}."))
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override}: cannot be read ({first_line(error)}); quote what the shell or Hydra may not read itself"
        )
    for pattern, said in _HYDRAS.items():
        if found := re.match(pattern, text, re.DOTALL):
            return said(found[1])
    return re.sub(r"\s+", " ", text.partition("\nSee https")[0].partition("\n    full_key")[0])


def _no_such(key: str) -> str:
    if key.startswith("hydra."):
        return f"unknown setting '{key}': python -m medxfer.train --cfg hydra prints all of Hydra's."
    return str(unknown_key(key))


def _several(argument: str) -> str:
    return f"{argument}: several values make a grid, which -m trains: give -m as well"


def _there(key: str) -> str:
    return f"+{key}: the setting is there already: give it without the plus"


# What Hydra says, as far as it names the culprit → what is said in its place.
_HYDRAS: dict[str, Callable[[str], str]] = {
    r"Could not override '([^']*)'": _no_such,
    r"Could not delete from config\. '([^']*)' does not exist": _no_such,
    r"Could not append to config\. An item is already at '([^']*)'": _there,
    r"Ambiguous value for argument '(.*?)'\n": _several,
    r"Sweep parameters '(.*)' requires --multirun": _several,
}
