"""Which epoch is the best: the checkpoint and the curves say the same."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from medxfer.training.callbacks import BestEpoch, History

SCORE = torch.tensor(5 / 8)
NEXT = torch.nextafter(SCORE, torch.tensor(1.0))  # the same AUROC, summed in another order
BETTER = torch.tensor(0.6251)


@pytest.mark.parametrize(
    ("monitor", "scores", "best"),
    [
        ("val/auroc", [SCORE, NEXT, NEXT], 0),
        ("val/auroc", [SCORE, NEXT, BETTER], 2),
        ("val/loss", [NEXT, SCORE], 0),
        ("val/loss", [BETTER, NEXT, SCORE], 1),
    ],
)
def test_scores_that_differ_in_rounding_are_equal_and_the_first_is_kept(
    tmp_path: Path, monitor: str, scores: list[torch.Tensor], best: int
) -> None:
    kept, history = BestEpoch(tmp_path, monitor), History()
    saved = -1
    for epoch, score in enumerate(scores):
        trainer: Any = SimpleNamespace(callback_metrics={monitor: score}, current_epoch=epoch)
        history.on_train_epoch_end(trainer, None)  # type: ignore[arg-type]
        if kept.check_monitor_top_k(trainer, score):
            saved, kept.kth_best_model_path = epoch, str(epoch)
            kept.best_k_models = {str(epoch): score}
    assert saved == history.best(monitor, kept.mode) == best
