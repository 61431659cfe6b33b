"""What a study declares before its first training, so that nobody chooses it by the results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from medxfer.base.errors import MedxferError
from medxfer.base.words import listing, weights_name
from medxfer.study.comparison import Comparison, named_keys, read_comparisons
from medxfer.study.identity import BUDGET, FACTORS, Json, without_paths

VALIDATION = "validation"  # the threshold of a training is the one that its own validation chose


@dataclass(frozen=True)
class Rules:
    """What a study chooses of its two rules (study.rq1 and study.rq2 of the configuration); all else is fixed."""

    weights: bool | str  # within which RQ1 compares colormaps
    colormap: str  # within which RQ2 compares weights
    treated: bool | str = True  # the weights that RQ2 asks about
    reference: bool | str = False  # those that it compares them with


@dataclass(frozen=True)
class Declared:
    """What was written down before the first cell ran; `margin` and `level` are fractions.

    `threshold` is that of binary decisions: VALIDATION, or in studies of earlier versions 0.5 for all trainings.
    """

    metric: str = "balanced_accuracy"
    margin: float = 0.01
    level: float = 0.95
    threshold: float | str = 0.5
    tuned: tuple[str, ...] = ()
    looks: tuple[int, ...] = ()  # after how many seeds an arm the answer may be looked at; none: once, at the end
    budget: tuple[int, ...] = ()  # epochs, fewest first; the questions are answered at the last. None: not a factor
    contrasts: tuple[Mapping[str, Any], ...] = ()  # as study.contrasts gives them, without paths
    table: bool = False  # whether another program made the scores: then this was said beside them, not before
    arms: str = ""  # of such a table: the factor whose levels are the arms; else they are colormap × pretrained
    beside: tuple[str, ...] = ()  # of such arms: colormap or pretrained, where they repeat the comparison
    rq1: Mapping[str, Any] = field(kw_only=True)  # the contrasts that answer, by their rules
    rq2: Mapping[str, Any] = field(kw_only=True)

    @property
    def rules(self) -> Rules:
        return read_rules(self.rq1, self.rq2)

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        return read_comparisons(self.contrasts, self.tuned)

    @property
    def settings(self) -> tuple[str, ...]:
        """What is a factor in this study beside the usual ones: named by a declared comparison, or of a table."""
        named = [key for key in named_keys(self.comparisons) if key not in (*FACTORS, self.arms)]
        return (*named, *self.beside)

    @property
    def budgeted(self) -> tuple[str, ...]:
        """The factor that several declared budgets are; empty where there is one budget."""
        return (BUDGET,) if self.budget else ()


def declaration(config: DictConfig) -> Json:
    """What the study declares before its first cell runs, so that nobody chooses it by the results.

    Raises:
        MedxferError: its looks are no increasing numbers of seeds.
    """
    study = OmegaConf.to_container(config.study, resolve=True)
    assert isinstance(study, dict)
    more = {  # what is not declared does not stand there, so that studies of earlier versions go on
        "looks": list(read_looks(study.get("looks"))),
        "budget": list(read_budget(OmegaConf.select(config, "budget"))),
        "contrasts": without_paths(study.get("contrasts") or []),
    }
    return {
        "metric": study["metric"],
        "margin": float(study["margin"]),
        "level": 0.95,
        "threshold": VALIDATION,
        "tuned": study["tuned"],
        **{key: value for key, value in more.items() if value},
        "rq1": without_paths(study["rq1"]),
        "rq2": without_paths(study["rq2"]),
    }


def read_declared(path: Path, values: Mapping[str, Any]) -> Declared:
    """What the study.json at `path` declares. Raises MedxferError where the analysis cannot judge by it."""
    known = {key: value for key, value in values.items() if key in Declared.__dataclass_fields__}
    lists = {key: tuple(known.get(key) or ()) for key in ("tuned", "looks", "budget", "contrasts", "beside")}
    declared = Declared(**{"rq1": {}, "rq2": {}, **known, **lists})
    try:
        read_looks(declared.looks)
        read_budget(declared.budget)
        read_rules(declared.rq1, declared.rq2)
        _ = declared.comparisons
    except MedxferError as error:
        raise MedxferError(f"cannot judge by what {path} declares: {error}") from error
    return declared


def read_looks(value: Any) -> tuple[int, ...]:
    """study.looks: numbers of seeds, such as (3, 5, 10); empty where none are declared.

    Raises:
        MedxferError: it is something else.
    """
    looks = () if value is None else value
    listed = isinstance(looks, list | tuple)
    if not listed or not all(isinstance(seeds, int) and not isinstance(seeds, bool) and seeds >= 2 for seeds in looks):
        raise MedxferError(
            f"study.looks={value}: it takes whole numbers of seeds, each at least 2, such as study.looks=[3,5,10]; "
            "leave it out for one look at the end"
        )
    if list(looks) != sorted(set(looks)):
        raise MedxferError(f"study.looks={value}: the numbers of seeds must increase, such as study.looks=[3,5,10]")
    return tuple(looks)


def read_budget(value: Any) -> tuple[int, ...]:
    """budget: numbers of epochs, such as (8, 40); empty where none are declared.

    Raises:
        MedxferError: it is something else.
    """
    listed = value is None or (isinstance(value, Sequence) and not isinstance(value, str))
    epochs = tuple(value or ()) if listed else ()
    whole = all(isinstance(one, int) and not isinstance(one, bool) and one >= 1 for one in epochs)
    if not listed or (epochs and (not whole or len(epochs) < 2 or list(epochs) != sorted(set(epochs)))):
        raise MedxferError(
            f"budget={list(epochs) if listed else value}: it takes two or more increasing numbers of epochs, such as "
            "budget=[8,40]; for one budget give trainer.max_epochs="
        )
    return epochs


def read_rules(rq1: Mapping[str, Any], rq2: Mapping[str, Any]) -> Rules:
    """The rules as configuration and study.json hold them.

    Raises:
        MedxferError: a rule asks for what the analysis does not do.
    """
    colour = {"compare": "colormap", "except": "controls", "with": "none", "adjust": "holm"}
    weights, _ = _chosen("rq1", rq1, colour, "pretrained")
    colormap, (treated, reference) = _chosen("rq2", rq2, {"compare": "pretrained"}, "colormap", ("level", "with"))
    if treated == reference:
        raise MedxferError(
            f"study.rq2 compares {weights_name(treated)} weights with themselves: give study.rq2.level and "
            "study.rq2.with two different values of pretrained"
        )
    return Rules(weights, colormap, treated, reference)


def _chosen(
    name: str, rule: Mapping[str, Any], fixed: Mapping[str, Any], factor: str, levels: Sequence[str] = ()
) -> tuple[Any, list[Any]]:
    """The level in a rule's `within`, and the weights under its keys `levels`.

    Raises MedxferError if the rest of the rule is not `fixed`.
    """
    rule = rule if isinstance(rule, Mapping) else {"": rule}
    within = rule.get("within")
    chosen = within.get(factor) if isinstance(within, Mapping) else None
    weights = {key: rule.get(key) for key in levels}
    of_right_kind = isinstance(chosen, (bool, str) if factor == "pretrained" else str)
    of_right_kind &= all(isinstance(value, bool | str) for value in weights.values())
    if not of_right_kind or rule != {**fixed, **weights, "within": {factor: chosen}}:
        can = listing([*levels, f"within.{factor}"])
        raise MedxferError(f"study.{name}={rule.get('', rule)}: only {can} can be chosen, the rest must be {fixed}")
    return chosen, list(weights.values())
