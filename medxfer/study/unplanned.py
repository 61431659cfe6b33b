"""What a study declares and no cell of its plan has: said before the first training, because it may be a slip."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from medxfer.base.words import hydra_value, level_name, listing, weights_name
from medxfer.study.comparison import Comparison
from medxfer.study.declared import Declared

Factors = Mapping[str, Any]


def unplanned(declared: Declared, planned: Iterable[Factors]) -> list[str]:
    """A sentence for each question whose declared levels no cell of `planned` has.

    It is no error: a later command may add them. RQ1 and RQ2 are named only where the study varies what they compare,
    or where other weights were declared than the configuration's.
    """
    cells = list(planned)
    lacking = {"RQ1": _of_colours(declared, cells), "RQ2": _of_weights(declared, cells)}
    lacking |= {f"study.contrasts, {one.name}": list(_of_factor(one, cells)) for one in declared.comparisons}
    return [
        f"{question}: no cell of this study has {listing(levels, 'or')}; until a command adds it, this is not answered"
        for question, levels in lacking.items()
        if levels
    ]


def _of_colours(declared: Declared, cells: Sequence[Factors]) -> list[str]:
    within = declared.rules.weights
    arms = {(cell["colormap"], cell["pretrained"]) for cell in cells}
    if len({colormap for colormap, _ in arms}) < 2:
        return []
    name = weights_name(within)
    if not any(colormap != "none" and start == within for colormap, start in arms):
        others = {start for colormap, start in arms if colormap != "none"}
        of_these = f"={hydra_value(*others)} asks it of {weights_name(*others)} weights" if len(others) == 1 else ""
        return [f"a colormap with {name} weights (study.rq1.within.pretrained{of_these})"]
    return [] if ("none", within) in arms else [f"gray images with {name} weights (study.rq1.with)"]


def _of_weights(declared: Declared, cells: Sequence[Factors]) -> list[str]:
    rules = declared.rules
    asked = {"level": rules.treated, "with": rules.reference}
    present = {cell["pretrained"] for cell in cells}
    if len(present) < 2 and list(asked.values()) == [True, False]:
        return []
    there = {cell["pretrained"] for cell in cells if cell["colormap"] == rules.colormap}
    where = "" if rules.colormap == "none" else f" on images in {rules.colormap}"
    return [
        f"{weights_name(start)} weights{where} (study.rq2.{key})" for key, start in asked.items() if start not in there
    ]


def _of_factor(one: Comparison, cells: Sequence[Factors]) -> Iterator[str]:
    for key, level in one.within.items():
        if level not in [cell.get(key) for cell in cells]:
            yield f"{level_name(key, level)} (within)"
            return
    levels = one.levels(cells)
    if one.reference not in levels:
        yield f"{level_name(one.factor, one.reference)} (with)"
    elif len(levels) < 2:
        yield f"another level of {one.factor} than {one.reference}"
