"""The whole configuration, checked before the first cell."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from medxfer.base.errors import MedxferError
from medxfer.color import parse_colormap
from medxfer.data.external import mounted_sets
from medxfer.data.sources.targets import source_class
from medxfer.data.split import SplitSettings
from medxfer.study.comparison import read_comparisons
from medxfer.study.declared import declaration, read_rules
from medxfer.study.identity import check_budget, check_factors
from medxfer.training.loggers import check_loggers
from medxfer.training.more_callbacks import check_callbacks
from medxfer.training.plugged import check_arguments
from medxfer.training.settings.reading import read_settings, read_value


def checked(config: DictConfig) -> DictConfig:
    """`config`, with numbers in place of texts that are numbers.

    Raises MedxferError at the first setting that no cell can have, by itself or beside the others.
    """
    config = read_settings(config)
    _check_budget(config)
    check_loggers(config)
    check_callbacks(config)
    SplitSettings(**config.data.split)
    _check_source(config)
    mounted_sets(config)
    if config.data.classes:
        raise MedxferError("data.classes renames the classes of external sets alone (external.classes=): leave it out")
    check_factors(config)
    check_budget(config)
    declared = declaration(config)
    for one in read_comparisons(declared.get("contrasts") or ()):
        for key, level in {one.factor: one.reference, **one.within}.items():
            if "file:" not in str(level):  # which stands there without its folder
                read_value(key, level)
    parse_colormap(read_rules(declared["rq1"], declared["rq2"]).colormap)
    return config


def _check_budget(config: DictConfig) -> None:
    """How long, and in which numbers, a cell is trained."""
    trainer = config.trainer
    if trainer.max_epochs == -1 and trainer.max_steps == -1:
        raise MedxferError(
            "trainer.max_epochs=-1 and trainer.max_steps=-1: the learning rate's schedule needs an end; give one of "
            "both"
        )
    if config.compute == "auto" and "precision" in trainer:
        raise MedxferError("compute=auto chooses the precision: leave trainer.precision out, or use compute=float32.")


def _check_source(config: DictConfig) -> None:
    """The arguments of the data set's class, which data.source may name."""
    source: Any = OmegaConf.to_container(config.data.source)
    given = [key for key in source if key != "_target_"]
    check_arguments("data.source", source_class(source["_target_"]), given, f"data={config.data.name} takes")
