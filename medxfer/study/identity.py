"""What makes two cells the same training, and two grids the same study: configuration and content, never paths."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from medxfer.base.errors import MedxferError, unknown
from medxfer.base.words import weights_name
from medxfer.study.comparison import named_keys, read_comparisons

FACTORS = ("data", "colormap", "pretrained", "backbone", "window", "image_size", "train_fraction", "seed")
BUDGET = "trainer.max_epochs"  # a factor where `budget` declares several
FOLD = "fold"  # which of a training's folds the cell tests; only cells of divided patients have this factor
VALUES = (*(key for key in FACTORS if key != "data"), FOLD)  # those that are one value; data is a whole group
OUTSIDE = (  # no part of the training's settings
    "budget", "data", "external", "logger", "report", "store", "study", "hydra", "experiment", "keep", "plan",
)  # fmt: skip
TRAINER_OUTSIDE = (  # arguments of the Trainer that cannot change a result
    "accelerator", "devices", "num_nodes", "strategy", "default_root_dir", "profiler", "log_every_n_steps",
)  # fmt: skip
_NEVER_TUNED = {
    "colormap": "RQ1 compares it",
    "pretrained": "RQ2 compares it",
    "seed": "seeds are the trainings, which repeat each arm",
    FOLD: "each fold tests other patients",
}
# Callbacks that tell loggers alone.
ONLY_LOG = ("pytorch_lightning.callbacks.DeviceStatsMonitor", "pytorch_lightning.callbacks.LearningRateMonitor")

Json = dict[str, Any]


def shared_settings(config: DictConfig) -> Json:
    """The settings that all cells of a study share.

    That is `config` without factors, data, tuned keys, keys that study.contrasts names, and settings that cannot change
    a result.
    """
    settings = {str(key): _plain(config[key]) for key in config if key not in (*FACTORS, FOLD, *OUTSIDE)}
    for key in more_factors(config):
        _remove(settings, key.split("."))
    for key in TRAINER_OUTSIDE:
        settings["trainer"].pop(key, None)
    callbacks = _without_places(settings.pop("callbacks", None) or {})
    if changing := {name: one for name, one in callbacks.items() if one.get("_target_") not in ONLY_LOG}:
        settings["callbacks"] = changing  # they may change a result
    return settings


def public_config(config: DictConfig) -> Json:
    """The resolved `config` without paths, and without what a user's own logger is made with: it may be a key."""
    config = config.copy()
    for name, one in (config.get("logger") or {}).items():
        if OmegaConf.is_dict(one) and not str(one.get("_target_", "medxfer.")).startswith("medxfer."):
            config.logger[name] = {"_target_": one["_target_"]}
    plain = _plain(config)
    if plain.get("callbacks"):
        plain["callbacks"] = _without_places(plain["callbacks"])
    published: Json = without_paths(plain)
    return published


def factors(config: DictConfig, values: Mapping[str, Any], window: str) -> Json:
    """The cell's factors: `values` of the plain ones, with `window` the resolved one (never "auto"), and from `config`
    the others, tuned keys and those that study.contrasts names included."""
    plain = {key: values[key] for key in VALUES if key != "window" and not (key == FOLD and values[key] is None)}
    plain |= {key: without_folder(plain[key]) for key in ("colormap", "pretrained")}
    more = {key: values.get(key, OmegaConf.select(config, key)) for key in more_factors(config)}
    return {"data": config.data.name, "window": str(window), **plain, **more}


def more_factors(config: DictConfig) -> list[str]:
    """The settings that are factors in this study: those of study.tuned, and those that study.contrasts names."""
    declared = _plain(config.study.get("contrasts"))
    named = named_keys(read_comparisons(declared, config.study.tuned)) if declared else []
    return [*config.study.tuned, *(key for key in named if key not in FACTORS), *([BUDGET] if _budgets(config) else [])]


def _budgets(config: DictConfig) -> list[int]:
    return list(config.get("budget") or [])


def check_budget(config: DictConfig) -> None:
    """Raise MedxferError where a cell's epochs are none of those that `budget` declares, are a factor twice, or are
    not what ends the cell."""
    budgets = _budgets(config)
    if not budgets:
        return
    if more_factors(config).count(BUDGET) > 1:
        raise MedxferError(f"budget={budgets}: study.tuned or study.contrasts names {BUDGET} too; leave it out there")
    if config.trainer.get("max_steps", -1) != -1:
        raise MedxferError(
            f"budget={budgets}: trainer.max_steps={config.trainer.max_steps} would end the training too; leave it out"
        )
    if config.trainer.max_epochs not in budgets:
        raise MedxferError(
            f"budget={budgets}: this cell has trainer.max_epochs={config.trainer.max_epochs}; begin the options with "
            f"-m, which trains each budget, or take one of them by trainer.max_epochs={budgets[0]}"
        )


def check_factors(config: DictConfig) -> None:
    """Raise MedxferError where a setting of study.tuned or study.contrasts cannot be a factor of the study's cells."""
    tuned = list(config.study.tuned)
    for key in tuned:
        if why := _NEVER_TUNED.get(key):
            raise MedxferError(f"study.tuned: validation cannot pick {key}, because {why}; leave it out")
        if tuned.count(key) > 1:
            raise MedxferError(f"study.tuned: {key} stands there twice; leave one out")
    for key in more_factors(config):
        said = f"study.tuned and study.contrasts take settings of the training, and {key} is"
        first, _, rest = key.partition(".")
        if first in OUTSIDE or (first == "trainer" and rest in TRAINER_OUTSIDE):
            raise MedxferError(f"{said} none: leave it out")
        *parents, last = key.split(".")
        parent = OmegaConf.select(config, ".".join(parents)) if parents else config
        if parent is not None and (not OmegaConf.is_dict(parent) or last not in parent):
            known = [str(name) for name in (parent if OmegaConf.is_dict(parent) else config)]
            raise unknown("setting", key, known, "study.tuned and study.contrasts take keys of the configuration.")
        if OmegaConf.is_config(OmegaConf.select(config, key)):
            raise MedxferError(f"{said} a group of them: name one of the group, such as {key}.<setting>")


def study_name(settings: Mapping[str, Any], declared: Mapping[str, Any]) -> str:
    """A readable name made from what the cells share."""
    epochs, steps = (settings["trainer"].get(key, -1) for key in ("max_epochs", "max_steps"))  # without what is swept
    budget = f"epochs{epochs}" if epochs != -1 else f"steps{steps}" if steps != -1 else ""
    batch = f"batch{settings['batch_size']}" if "batch_size" in settings else ""
    return safe_name("-".join(filter(None, [budget, batch, digest({**settings, "declared": declared})])))


def cell_name(factors: Mapping[str, Any], identity: Mapping[str, Any]) -> str:
    """A readable, unique name, also the W&B run's id: its factors and a digest of its whole `identity`."""
    values = dict(factors)
    start = weights_name(values["pretrained"])
    readable = f"{values['data']}-{values['backbone']}-{values['colormap']}-{start}-seed{values['seed']}"
    readable += f"-fold{values[FOLD]}" if FOLD in values else ""
    return f"{safe_name(readable)[:80]}-{digest(identity)}"


def digest(value: Mapping[str, Any]) -> str:
    """Eight hex digits of a canonical form of `value`."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:8]


def safe_name(text: str) -> str:
    """`text` with nothing but [A-Za-z0-9._-], so that it can be given back on a Hydra command line."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("_")


def without_paths(value: Any) -> Any:
    """`value` with every path replaced: a study's folder holds none (a folder's name can name a patient)."""
    if isinstance(value, Mapping):
        return {key: "<path>" if key in PATH_KEYS and item else without_paths(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(item) for item in value]
    if isinstance(value, str) and value.startswith(("/", "~/")):
        return "<path>"
    return without_folder(value)


def _without_places(callbacks: Mapping[str, Any]) -> Any:
    """`callbacks` without paths, relative ones too: told by the argument's name, or by a slash that is no metric's."""

    def public(key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: public(str(name), item) for name, item in value.items()}
        if isinstance(value, list):
            return [public(key, item) for item in value]
        place = isinstance(value, str) and (_PLACE.search(key) or ("/" in value and not value.startswith(_LOGGED)))
        return "<path>" if place and value else value

    return {name: public("", one) for name, one in callbacks.items()}


def without_folder(value: Any) -> Any:
    """`value` with the file of `file:<path>`, also inside a colormap's name, called by its name alone."""
    return re.sub(r"(^|:)file:(?:.*/)?", r"\1file:", value) if isinstance(value, str) else value


_PLACE = re.compile(r"(dir|path|folder|file|filename|root)$")  # how callbacks call an argument that is a path
_LOGGED = ("train/", "val/", "test/")  # as metrics begin
PATH_KEYS = ("root", "labels", "path", "cache", "file", "uri")


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _remove(settings: Json, keys: list[str]) -> None:
    for key in keys[:-1]:
        settings = settings.get(key) or {}
    settings.pop(keys[-1], None)
