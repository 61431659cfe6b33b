"""How losses and the declared metric went over the epochs: two charts an arm, with all its trainings."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from medxfer.analysis.judge.phrases import metric_name
from medxfer.analysis.judge.results import CellRecord, StudyRecord
from medxfer.analysis.judge.selection import select
from medxfer.analysis.page.drawing import Axis, Chart, Line, chart_axes
from medxfer.analysis.page.layout import Section, block_title

LOSSES = (("train/loss", "arm1", False), ("val/loss", "arm2", True))  # (name, colour, dashed)
VALUE = ("arm3", False)
OUTLIERS = 99.0  # percentile of the losses at which their axis ends: one that diverges runs along the edge


def training_curves(study: StudyRecord) -> Iterator[Section]:
    """Nothing where no cell has a history of two epochs and more."""
    metric = study.declared.metric
    blocks = {block: [cell for one in cells for cell in one.cells] for block, cells in select(study).items()}
    charts, valued = [], False
    for block, cells in blocks.items():
        done = [cell for cell in cells if len(cell.record.get("epochs", ())) > 1]
        losses = _axis(done, [name for name, _, _ in LOSSES], 1.0)
        values = _axis(done, [f"val/{metric}"], 100.0)
        last = max((float(cell.record["epochs"][-1]["epoch"]) + 1 for cell in done), default=1.0)
        for arm in dict.fromkeys(cell.arm for cell in done):
            of_arm = [cell for cell in done if cell.arm == arm]
            name = block_title(block, blocks, arm)
            if losses:
                lines = [
                    line
                    for cell in of_arm
                    for loss, colour, dashed in LOSSES
                    for line in _lines(cell, loss, 1.0, colour, dashed)
                ]
                charts.append(_chart(f"{name}: loss", lines, last, losses, "loss"))
            if values:
                valued = True
                lines = [line for cell in of_arm for line in _lines(cell, f"val/{metric}", 100.0, *VALUE)]
                charts.append(_chart(f"{name}: validation", lines, last, values, f"{metric_name(metric)}, points"))
    if charts:
        key = [("training loss", "arm1", False), ("validation loss", "arm2", True)]
        key += [(f"{metric_name(metric)} on validation", *VALUE)] if valued else []
        text = [
            f"A line for each training{' and fold' * study.divided}; a dot marks the epoch whose weights were tested."
        ]
        yield Section("curves", "Training curves", text, key, charts, folded=True)


def _series(cell: CellRecord, name: str, scale: float) -> tuple[list[float], list[float]]:
    """(epochs from 1, values) of the epochs that have the value."""
    found = [(float(one["epoch"]) + 1, scale * float(one[name])) for one in cell.record["epochs"] if name in one]
    finite = [(epoch, value) for epoch, value in found if np.isfinite(value)]
    return [epoch for epoch, _ in finite], [value for _, value in finite]


def _axis(cells: Sequence[CellRecord], names: Sequence[str], scale: float) -> Axis | None:
    values = [value for cell in cells for name in names for value in _series(cell, name, scale)[1]]
    if not values:
        return None
    return Axis.around([min(values), float(np.percentile(values, OUTLIERS)) if len(values) > 100 else max(values)])


def _lines(cell: CellRecord, name: str, scale: float, colour: str, dashed: bool) -> Iterator[Line]:
    epochs, values = _series(cell, name, scale)
    if epochs:
        yield Line(epochs, values, colour, dashed)
        chosen = cell.record["epochs"][cell.record["best_epoch"]]["epoch"] + 1
        if chosen in epochs:
            yield Line([chosen], [values[epochs.index(chosen)]], colour, dashed, marks=True)


def _chart(title: str, lines: Sequence[Line], last: float, y: Axis, label: str) -> Chart:
    axes = chart_axes((1.0, last), (y.low, y.high))
    round_ones = MaxNLocator(nbins=5, integer=True, steps=[1, 2, 5, 10]).tick_values(1, last)
    ticks = [(epoch, f"{epoch:.0f}") for epoch in (1.0, *round_ones) if epoch == 1 or 1 < epoch <= last]
    return Chart(title, lines, *axes, ("epoch", label), f"{title}, over the epochs of each training", ticks)
