"""What is known of a study and of its trainings, as the folder has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from medxfer.base.words import NO_START, level_name, listing, lower_is_better, varied
from medxfer.study.declared import Declared
from medxfer.study.identity import FACTORS, FOLD
from medxfer.study.look_record import LookRecord

Arm = tuple[str, bool | str]  # (colormap, pretrained): the two treatments
Block = tuple[Any, ...]  # the levels of BLOCK, then 'finetune=head' of a compared setting: what repeats the comparison
Status = Literal["done", "waiting", "failed", "missing"]
BLOCK = ("data", "backbone", "window", "image_size")


def level_of(block: Block, place: int) -> str:
    """One level of a block in words: 'window lung', '64 px', 'finetune=head'."""
    return level_name(BLOCK[place], block[place]) if place < len(BLOCK) else str(block[place])


PREDICTIONS = "predictions.parquet"  # in a cell's folder


class Network(NamedTuple):
    """One trained network of a training."""

    folder: Path
    threshold: float
    fold: int | None  # that it tests
    written: tuple[int, int]  # `written_at` of its scores, so that what is kept of other scores is not taken for them


def written_at(folder: Path) -> tuple[int, int]:
    """What changes when the scores in a cell's folder are written again; (0, 0) where there are none."""
    try:
        about = (folder / PREDICTIONS).stat()
    except OSError:
        return 0, 0
    return about.st_mtime_ns, about.st_ino


@dataclass(frozen=True)
class CellRecord:
    """One training of the grid: `record` is its metrics.json when done, `reason` says why it is not.

    A training of folds has the cells of its `folds`; its record is what these share (`shared_record`), and its folder
    that of the first. It is waiting if it is trained and its seed belongs to a later look: its test results are not
    used nor shown.
    """

    name: str
    folder: Path
    factors: Mapping[str, Any]
    status: Status
    record: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    threshold: float = 0.5  # what a score of class 1, or of a label, must exceed; chosen on this training's validation
    settings: tuple[str, ...] = ()  # that are factors in this study, because it compares them
    arms: str = ""  # the factor whose levels are the arms (`Declared.arms`)
    folds: tuple["CellRecord", ...] = ()

    @property
    def cells(self) -> tuple["CellRecord", ...]:
        """The training's cells: itself, or those of its folds."""
        return self.folds or (self,)

    @property
    def networks(self) -> tuple[Network, ...]:
        return tuple(
            Network(one.folder, one.threshold, one.factors.get(FOLD), written_at(one.folder)) for one in self.cells
        )

    def with_status(self, old: Status, new: Status) -> "CellRecord":
        """The training and its folds, those with the status `old` in a new one."""
        folds = tuple(fold.with_status(old, new) for fold in self.folds)
        return replace(self, status=new if self.status == old else self.status, folds=folds)

    @property
    def arm(self) -> Arm:
        if self.arms:
            return str(self.factors[self.arms]), NO_START
        return self.factors["colormap"], self.factors["pretrained"]

    @property
    def block(self) -> Block:
        settings = (level_name(key, self.factors.get(key)) for key in self.settings)
        return (*(self.factors.get(key) for key in BLOCK), *settings)

    @property
    def metrics(self) -> Mapping[str, float | None]:
        """By name, such as 'test/auroc'; None where undefined. Empty until the cell is done. Of a training of folds,
        those of validation alone, as means over its folds."""
        return dict(self.record.get("metrics", {}))

    def score(self, metric: str) -> float:
        """A metric, signed so that more is better, as comparisons take it; NaN where undefined."""
        value = self.metrics.get(metric)
        return float("nan") if value is None else -float(value) if lower_is_better(metric) else float(value)


@dataclass(frozen=True)
class StudyRecord:
    """A study's folder as read; `cells` are its trainings, planned and found: block by block, arm by arm."""

    folder: Path
    name: str
    declared: Declared
    settings: Mapping[str, Any]
    command: str
    cells: tuple[CellRecord, ...]
    withdrawn: tuple[tuple[str, str], ...] = ()  # (what and when, the reason): planned cells that `cells` leaves out
    looks: LookRecord = LookRecord()  # noqa: RUF009 (frozen)
    external: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # external sets, and when they were named
    stopped: tuple[str, ...] = ()  # where the study stopped by its looks, in sentences; `cells` leaves out the rest

    @property
    def done(self) -> tuple[CellRecord, ...]:
        return tuple(cell for cell in self.cells if cell.status == "done")

    @property
    def unfinished(self) -> tuple[CellRecord, ...]:
        """Failed and missing cells: they make answers incomplete and are never dropped."""
        return tuple(cell for cell in self.cells if cell.status not in ("done", "waiting"))

    @property
    def rows(self) -> tuple[CellRecord, ...]:
        """The cells: trainings, or their folds."""
        return tuple(cell for training in self.cells for cell in training.cells)

    @property
    def divided(self) -> bool:
        """Whether there is a training of folds."""
        return any(training.folds for training in self.cells)

    @property
    def keys(self) -> tuple[str, ...]:
        """The factors of its cells: tuned settings and compared ones come last."""
        keys = (*FACTORS, *self.declared.budgeted, *self.declared.tuned, *self.declared.settings)
        if not self.declared.table:
            return keys
        return tuple(key for key in (self.declared.arms, *keys) if any(key in cell.factors for cell in self.cells))

    @property
    def varied(self) -> tuple[str, ...]:
        """The factors with several levels in this study."""
        return varied(cell.factors for cell in self.cells)

    @property
    def same_files(self) -> tuple[tuple[str, ...], ...]:
        """Data sets of several names that are the same files and labels: their patients are the same people."""
        names: dict[str, dict[str, None]] = {}
        for cell in self.done:
            names.setdefault(cell.record["data"]["fingerprint"], {})[cell.factors["data"]] = None
        return tuple(tuple(same) for same in names.values() if len(same) > 1)

    @property
    def repeated(self) -> frozenset[str]:
        """Names of data sets that are the same files as one of another name, which stands for them."""
        return frozenset(name for names in self.same_files for name in names[1:])

    @property
    def trained_on(self) -> dict[bool | str, str]:
        """Of each kind of initial weights, the data that they saw: 'ImageNet-1k'; where a tag does not say, the tag.

        Empty where a record says nothing. Backbones whose weights saw different data are named one after another.
        """
        found: dict[bool | str, dict[str, None]] = {}
        for cell in self.done:
            weights = cell.record.get("weights") or {}
            said = weights.get("trained_on") or weights.get("tag") or ""
            found.setdefault(cell.factors.get("pretrained", NO_START), {})[said] = None
        return {start: "" if "" in said else listing(said) for start, said in found.items()}

    @property
    def modality(self) -> dict[str, str]:
        """Of each data set with a finished cell."""
        return {cell.factors["data"]: cell.record["data"]["modality"] for cell in self.done}
