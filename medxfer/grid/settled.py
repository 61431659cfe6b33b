"""What one command asks for, once every cell is settled."""

from dataclasses import dataclass
from pathlib import Path

from medxfer.study.cell import Cell
from medxfer.study.folder import Study


@dataclass(frozen=True)
class Grid:
    """The cells of one command."""

    cells: tuple[Cell, ...]  # in the order of the jobs
    to_train: tuple[int, ...]  # indices into `cells`: cells that can exist and are not done
    images: bool  # whether the page shows pictures of patients
    store_root: Path

    @property
    def studies(self) -> list[Study]:
        return list(dict.fromkeys(cell.study for cell in self.cells))
