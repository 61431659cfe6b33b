"""What is kept of a cell besides its record, and what is deleted."""

import pytest
from cells import train_small

from medxfer.base.errors import MedxferError
from medxfer.status import main
from medxfer.study.checkpoints import BEST, LAST, clear, saved, tell_saved
from medxfer.trained.trained_cell import open_cell


def test_what_is_saved_is_told_and_cleared(tmp_path):
    assert saved(tmp_path) is None
    (tmp_path / LAST).write_bytes(b"1234")
    (tmp_path / BEST).write_bytes(b"12")
    tell_saved(tmp_path, 2, 5)
    assert (saved(tmp_path).epoch, saved(tmp_path).epochs) == (2, 5)
    assert clear(tmp_path, keep_weights=True) > 4
    assert [path.name for path in tmp_path.iterdir()] == [BEST]
    assert clear(tmp_path, keep_weights=False) == 2
    assert clear(tmp_path, keep_weights=False) == 0


def test_without_weights_a_cell_has_its_record_and_says_so_to_what_needs_them(tmp_path, capsys):
    kept, _ = train_small(tmp_path, "trainer.max_epochs=1")
    dropped, _ = train_small(tmp_path, "trainer.max_epochs=1", "keep=none", "seed=1")
    assert kept.parent == dropped.parent  # one study: what is kept is no part of what is compared
    assert (kept / "checkpoints" / BEST).is_file()
    assert not list((dropped / "checkpoints").iterdir())
    assert (dropped / "metrics.json").is_file()
    with pytest.raises(MedxferError, match="its weights were not kept"):
        open_cell(dropped)
    assert open_cell(kept).classes
    assert main([f"study={kept.parent.parent}", "prune=true"]) == 0
    assert "weights deleted: 1 cell," in capsys.readouterr().err
    with pytest.raises(MedxferError, match="its weights were not kept"):
        open_cell(kept)
