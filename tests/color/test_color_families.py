"""python -m medxfer.color: the table, the picture, and one sentence for what cannot be."""

from pathlib import Path

import pytest

from medxfer.color.__main__ import main
from medxfer.color.families import families


def test_lists_every_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    for family in families():
        assert family.form in printed
    for name in ("viridis", "inferno", "hot_iron", "40/80", "learned:none"):
        assert name in printed


def test_draws_the_picture(tmp_path: Path) -> None:
    out = tmp_path / "colormaps.png"
    assert main([f"out={out}"]) == 0
    assert out.stat().st_size > 10_000


@pytest.mark.parametrize("arguments", [["viridis"], ["out="], ["out=a.png", "b"], ["out=/no/such/folder/a.png"]])
def test_refuses_in_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_without_cmap_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medxfer.color.tables.find_spec", lambda _: None)
    assert "pip install 'medxfer[cmap]'" in families()[-1].meaning
