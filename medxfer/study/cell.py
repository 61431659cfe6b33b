"""One training in a study: its folder, its record, whether it is done, and whose turn it is to train it."""

import re
import traceback
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from medxfer.base.errors import MedxferError, PrivateError
from medxfer.base.files import read_json, write_json, write_parquet, write_text
from medxfer.study.checkpoints import clear
from medxfer.study.claim import claim
from medxfer.study.folder import Study
from medxfer.study.identity import Json, public_config, without_paths
from medxfer.study.plan_record import needless_cells

COLOR_FILE = "colormap.csv"  # in a cell's folder: the user's table, of colormap=file:<path>


@dataclass(frozen=True)
class Cell:
    """A cell by its name; everything that is known of it lies in its folder."""

    study: Study
    name: str
    factors: Json

    @property
    def arm(self) -> tuple[str, bool | str]:
        """(colormap, pretrained): the two treatments."""
        return self.factors["colormap"], self.factors["pretrained"]

    @property
    def folder(self) -> Path:
        return self.study.folder / "cells" / self.name

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def is_done(self) -> bool:
        return self.study.has_result(self.name)

    def is_needed(self) -> bool:
        """Whether a look of its study may still need it: not beyond the one at which the study stopped."""
        return self.name not in needless_cells(self.study.record)

    def failure(self) -> str | None:
        """Why the cell failed when it was last tried, or None."""
        path = self.folder / "failed.json"
        return read_json(path)["reason"] if path.is_file() else None

    def metrics(self) -> dict[str, float]:
        return dict(read_json(self.folder / "metrics.json")["metrics"])

    def claim(self) -> AbstractContextManager[None]:
        """Hold the cell while training it, against every other process on every machine. Raises Taken."""
        return claim(self.folder)

    def record_done(
        self,
        config: DictConfig,
        record: dict[str, Any],
        predictions: pd.DataFrame,
        colors: pd.DataFrame | None = None,
        color_file: bytes | None = None,
    ) -> None:
        """Write the cell's records; metrics.json comes last, because its presence says that the cell is done.

        `colors` are learned ones, as trained; `color_file` is the content of colormap=file:<path>.
        """
        settings = OmegaConf.to_yaml(OmegaConf.create(public_config(config)))
        write_text(self.folder / "config.yaml", settings)
        write_parquet(self.folder / "predictions.parquet", predictions)
        if colors is not None:
            write_parquet(self.folder / "colors.parquet", colors)
        if color_file is not None:
            write_text(self.folder / COLOR_FILE, color_file.decode("utf-8-sig"))
        write_json(self.folder / "metrics.json", {"cell": self.name, "factors": self.factors, **record})
        (self.folder / "failed.json").unlink(missing_ok=True)
        clear(self.checkpoints, keep_weights=config.get("keep", "best") == "best")

    def record_failed(self, error: BaseException) -> None:
        """Record the reason and where it happened. The next run of the same command tries again."""
        self.folder.mkdir(parents=True, exist_ok=True)
        record = {
            "cell": self.name,
            "factors": self.factors,
            "reason": reason(error),
            "traceback": _frames(error),
        }
        write_json(self.folder / "failed.json", record)


def public_settings(cell: Cell) -> Json:
    """What a logger may be told of a cell: its factors, and the settings that all cells of its study share."""
    return {**cell.factors, "settings": without_paths(cell.study.record["settings"])}


def reason(error: BaseException) -> str:
    """One line that may be recorded: without paths, which only the terminal shows."""
    if isinstance(error, PrivateError):
        return "its data cannot be used; the command that trains it says why"
    return re.sub(r"(?<![\w.])[/~][^\s,;:'\"]+", "<path>", sentence(error))


def sentence(error: BaseException) -> str:
    """One line for the terminal; it names the type of every error but our own, whose text says enough."""
    text = str(error) if isinstance(error, MedxferError) else f"{type(error).__name__}: {error}"
    return text.strip().splitlines()[0].removesuffix(":")


def _frames(error: BaseException) -> list[str]:
    """Where it happened, without folders' names."""
    return [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)]
