"""A cell's folder `checkpoints`: the state of a training that was stopped, and the weights of one that is done."""

from dataclasses import dataclass
from pathlib import Path

from medxfer.base.errors import MedxferError
from medxfer.base.files import read_json, write_json

LAST, BEST = "last.ckpt", "best.ckpt"
_SAVED = "saved.json"


@dataclass(frozen=True)
class Saved:
    """How far a training was when its state was saved."""

    epoch: int  # finished epochs
    epochs: int


def tell_saved(checkpoints: Path, epoch: int, epochs: int) -> None:
    """Say beside the saved state how far it is."""
    checkpoints.mkdir(parents=True, exist_ok=True)
    write_json(checkpoints / _SAVED, {"epoch": epoch, "epochs": epochs})


def saved(checkpoints: Path) -> Saved | None:
    """How far the state is from which a stopped training goes on; None where nothing is saved."""
    try:
        return Saved(**read_json(checkpoints / _SAVED))
    except (FileNotFoundError, MedxferError, TypeError):  # a state of an older version tells nothing
        return None


def clear(checkpoints: Path, keep_weights: bool) -> int:
    """Delete what a cell that is done needs no more: the state to go on from, and the weights unless they are kept.

    Returns the bytes that were freed.
    """
    freed = 0
    for name in (LAST, _SAVED, *([] if keep_weights else [BEST])):
        path = checkpoints / name
        if path.is_file():
            freed += path.stat().st_size
            path.unlink(missing_ok=True)
    return freed


def clear_study(study: Path) -> tuple[int, int]:
    """Delete the weights of every cell of `study` that is done: how many cells had some, and the bytes freed.

    Records, scores and the report stay. What needs a network is not possible afterwards: predict, export, external
    sets that are asked later.
    """
    freed = [clear(path.parent / "checkpoints", keep_weights=False) for path in study.glob("cells/*/metrics.json")]
    return sum(size > 0 for size in freed), sum(freed)
