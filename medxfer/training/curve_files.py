"""A cell's curves as files in its study's folder, for tables and for TensorBoard; they go on after a stop."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from medxfer.base.display import display
from medxfer.study.cell import Cell


class ResumedCsv(CSVLogger):
    """Goes on with the file of a training that was stopped, which Lightning's own deletes.

    Rows of steps that are trained again are replaced.
    """

    def __init__(self, cell: Cell) -> None:
        super().__init__(save_dir=str(cell.study.folder), name="logs", version=cell.name)
        file = Path(self.log_dir) / "metrics.csv"
        self.kept = file.with_name("metrics.before.csv")  # of an earlier process, until its rows are written again
        if file.is_file() and file.stat().st_size:
            file.replace(self.kept)
        self.before = pd.read_csv(self.kept).to_dict("records") if self.kept.is_file() else []

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        before, self.before = self.before, []
        for row in before:
            kept: dict[str, Any] = {str(key): value for key, value in row.items() if not pd.isna(value)}
            if (number := int(kept.pop("step"))) < (step or 0):
                super().log_metrics(kept, number)
        super().log_metrics(metrics, step)

    def save(self) -> None:
        """A disk that takes no more costs the curves, which a cell's record has as well, and not the training."""
        try:
            super().save()
            if not self.before:
                self.kept.unlink(missing_ok=True)
        except OSError as error:
            display.warn(f"logger=csv: not all curves are written ({error.strerror}); the cells' records have them")


class ResumedTensorBoard(TensorBoardLogger):
    """Goes on with the run of a training that was stopped; TensorBoard drops the steps that are trained again."""

    def __init__(self, cell: Cell) -> None:
        super().__init__(
            save_dir=str(cell.study.folder), name="tensorboard", version=cell.name, default_hp_metric=False
        )
        self.begun = False
        self.resumes = any(Path(self.log_dir).glob("events.out.tfevents.*"))
        # What the table of hyperparameters shows beside them: with declared looks, no cell logs its test results.
        self.judged = [
            f"{part}/{cell.study.metric}" for part in ("val", "test")[: 1 if cell.study.declared.looks else 2]
        ]

    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        """Keep them for `log_metrics`: Lightning would log a metric with them, as a point of step 0."""
        self.hparams.update(params)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        if not self.begun:
            self.begun = True
            self._begin(step or 0)
        super().log_metrics(metrics, step)

    def _begin(self, step: int) -> None:
        """Before the first metrics: hyperparameters, and the step from which an earlier process's events are void."""
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from torch.utils.tensorboard.summary import hparams

        writer = self.experiment._get_file_writer()
        if self.resumes:
            writer.add_event(Event(step=step, session_log=SessionLog(status=SessionLog.START)))
        flat = pd.json_normalize(self.hparams).iloc[0].to_dict()
        shown = {key: value if isinstance(value, bool | int | float) else str(value) for key, value in flat.items()}
        for summary in hparams(shown, dict.fromkeys(self.judged, 0.0)):
            writer.add_summary(summary)
