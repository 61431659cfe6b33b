"""What one command asks for, once every cell is settled."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig

from medxfer.study.cell import Cell
from medxfer.study.folder import Study
from medxfer.study.identity import FOLD


class Launch(NamedTuple):
    """A cell among the jobs of a command, of which one with folds has several."""

    job: int
    fold: int | None  # None where the job names it, or there are none

    def overrides(self, jobs: Sequence[Sequence[str]]) -> list[str]:
        """What Hydra is to compose the cell from."""
        return [*jobs[self.job], *([] if self.fold is None else [f"{FOLD}={self.fold}"])]


@dataclass(frozen=True)
class Grid:
    """The cells of one command."""

    jobs: tuple[Launch, ...]  # what trains each of `cells`
    cells: tuple[Cell, ...]  # in the order of the jobs
    images: bool  # whether the page shows pictures of patients
    store_root: Path
    config: DictConfig = field(default_factory=lambda: DictConfig({}))  # of the first job: it names external sets

    @property
    def studies(self) -> list[Study]:
        return list(dict.fromkeys(cell.study for cell in self.cells))
