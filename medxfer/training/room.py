"""Whether the disk has room for what a cell writes, asked before it trains."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from medxfer.base.disk import check_space, free_space
from medxfer.base.words import count, size
from medxfer.model.backbone import count_parameters
from medxfer.training.settled_cell import Prepared

MOMENTS = {"adamw": 2, "sgd": 1}  # numbers that the optimiser keeps of each parameter
_RECORDS = 2_000_000  # bytes: records, curves, and the scores of some ten thousand images
WAY_OUT = "free some space, or move the study by study.root="


@dataclass(frozen=True)
class Room:
    """Bytes that a cell takes on the study's disk: at most, while it trains, and once it is done."""

    training: int
    done: int


def room_of(config: DictConfig, backbone: str) -> Room:
    """What a cell of `backbone` writes: its state and its best epoch, each also as the new file beside the old one."""
    weights = 4 * count_parameters(backbone)
    trained = weights if config.finetune == "full" else 0  # else at most a part, whose size is not worth the count
    state = weights + MOMENTS.get(config.optimizer, 2) * trained
    return Room(2 * (state + weights) + _RECORDS, _RECORDS // 10 + (weights if config.keep == "best" else 0))


def check_room(prepared: Prepared) -> None:
    """Raise MedxferError where the study's disk has no room for this cell."""
    config = prepared.config
    check_space(prepared.cell.study.folder, room_of(config, config.backbone).training, "a cell", WAY_OUT)


def check_room_of_all(folder: Path, config: DictConfig, backbones: Iterable[str]) -> str | None:
    """A sentence where the cells of these `backbones`, one a cell, will not all fit on the disk of `folder`.

    Raises MedxferError where not even one of them does.
    """
    rooms = [room_of(config, backbone) for backbone in backbones]
    if not rooms:
        return None
    most = max(room.training for room in rooms)
    check_space(folder, most, "a cell", WAY_OUT)
    needed, free = most + sum(room.done for room in rooms), free_space(folder)
    if needed <= free:
        return None
    return (
        f"{count(len(rooms), 'cell')} will take about {size(needed)} of disk, and {size(free)} are left: free some "
        "space before it is full, or delete the weights of each cell that is done by keep=none"
    )
