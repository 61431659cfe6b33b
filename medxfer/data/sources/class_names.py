"""Classes → those of another data set, by name: an external set's → the training's, a joined one's → the first's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.base.words import Task, listing


def in_training_classes(
    labels: NDArray[Any],
    own: tuple[Sequence[str], Task],
    training: tuple[Sequence[str], Task],
    renamed: Mapping[str, str],
    key: str,
    other: str = "the training",
) -> NDArray[Any]:
    """`labels` of a data set as another one counts its classes.

    Args:
        labels: (N,) int64 class index, or (N, C) float32 for multi-label.
        own: its classes and task.
        training: the other's.
        renamed: names of its classes → those of the other. Several may become one, in tasks where an image has one
            class.
        key: where its settings stand, for the error.
        other: what the other is called there.

    Returns:
        labels of the same kind, in the other's order.

    Raises:
        MedxferError: the classes do not match, with the difference and how to map them.
    """
    (names, task), (wanted, wanted_task) = own, training
    if (task == "multilabel") != (wanted_task == "multilabel"):
        raise MedxferError(
            f"{key} is a {task} task ({listing(names)}) and {other} a {wanted_task} one ({listing(wanted)}): "
            "choose labels of the same task, or leave the set out"
        )
    if unused := [name for name in renamed if name not in names]:
        raise MedxferError(
            f"{key}.classes renames {listing(unused)}, and the set has the classes {listing(names)}: leave that out"
        )
    become = [renamed.get(name, name) for name in names]
    difference = [
        *(f"'{name}' is no class of the training" for name in dict.fromkeys(become) if name not in wanted),
        *(f"the set has no '{name}'" for name in wanted if name not in become),
    ]
    if difference:
        strange = next((name for name in names if renamed.get(name, name) not in wanted), names[0])
        lacking = next((name for name in wanted if name not in become), wanted[0])
        raise MedxferError(
            f"{key} has the classes {listing(names)} and {other} {listing(wanted)}: {'; '.join(difference)}; "
            f"map them by name, such as '{key}.classes={{{strange}: {lacking}}}', or choose other labels"
        )
    place = [list(wanted).index(name) for name in become]
    if task != "multilabel":
        return np.asarray(np.array(place)[labels])
    if len(set(place)) < len(place):
        raise MedxferError(f"{key}.classes: two findings of a multi-label set cannot become one: leave one out")
    found = np.empty_like(labels)
    found[:, place] = labels
    return found
