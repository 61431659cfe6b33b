"""The configuration as a command line gives it, and what Hydra refuses of it, said in one sentence."""

import re
import warnings
from collections.abc import Sequence
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError, first_line, unknown
from medxfer.base.overrides import CONFIG_DIR, CONFIG_NAME, check_overrides, check_resolved, config_options
from medxfer.training.settings.reading import read_settings, unknown_key

NO_PLACE = r"provider=hydra\.searchpath in [^,]*, path=(.*) is not available"


def compose_config(arguments: Sequence[str]) -> DictConfig:
    """The configuration as medxfer.train would have it, also with --config-dir and --config-name.

    Raises MedxferError if it does not accept an argument.
    """
    options, overrides = config_options(arguments)
    check_overrides(overrides)
    flags = dict(one.split("=", 1) for one in options if one.startswith("--"))
    places = [one for one in options if not one.startswith("--")]
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"), warnings.catch_warnings():
            refuse_no_place()
            if folder := flags.get(CONFIG_DIR):
                _search_in(folder)
            config = compose(flags.get(CONFIG_NAME, "train"), [*places, *overrides])
    except (HydraException, OmegaConfBaseException, UserWarning) as error:
        raise MedxferError(sentence(error)) from error
    check_resolved(OmegaConf.masked_copy(config, [str(key) for key in config if key != "logger"]))  # it knows ${cell}
    return read_settings(config)


def _search_in(folder: str) -> None:
    """Let Hydra find configurations in `folder` too, as its own command line does by --config-dir."""
    loader: Any = GlobalHydra.instance().config_loader()
    search_path = loader.get_search_path()
    search_path.prepend("command-line", f"file://{folder}", SearchPathQuery(provider="schema"))
    loader.repository.initialize_sources(search_path)


def refuse_no_place() -> None:
    """Let a place of hydra.searchpath that is not there raise UserWarning: Hydra only warns, and goes on without it."""
    warnings.filterwarnings("error", message=NO_PLACE, category=UserWarning)


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
    if isinstance(error, InterpolationResolutionError) and (key := getattr(error, "full_key", None)):
        return f"{key}: cannot be resolved ({first_line(error)}); if it is part of a name, write \\${{ for ${{ there"
    if found := re.match(r"Could not (?:override|delete from config\.) '([^']*)'", text):
        return _no_such(found[1])
    for pattern, said in _HYDRAS.items():
        if found := re.match(pattern, text, re.DOTALL):
            return said.format(found[1])
    return re.sub(r"\s+", " ", text.partition("\nSee https")[0].partition("\n    full_key")[0])


def _no_such(key: str) -> str:
    if key.startswith("hydra."):
        return f"unknown setting '{key}': python -m medxfer.train --cfg hydra prints all of Hydra's."
    return str(unknown_key(key))


_GRID = "{}: several values make a grid, which -m trains: give -m as well"
# What Hydra says, as far as it names the culprit → what is said in its place.
_HYDRAS = {
    r"Could not append to config\. An item is already at '([^']*)'": (
        "+{}: the setting is there already: give it without the plus"
    ),
    r"Ambiguous value for argument '(.*?)'\n": _GRID,
    r"Sweep parameters '(.*)' requires --multirun": _GRID,
    r"Cannot find primary config '([^']*)'": (
        "--config-name {}: no such configuration; give the name of a file in the folder of --config-dir"
    ),
    NO_PLACE: (
        "hydra.searchpath: '{}' is not there; give file://FOLDER, a folder of configurations of your own, or "
        "pkg://PACKAGE, one inside a package"
    ),
}
