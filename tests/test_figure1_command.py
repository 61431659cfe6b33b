"""python -m medxfer.figure1: pictures from phantoms and from files, and one sentence for what cannot be."""

import re
from pathlib import Path

import pytest
from pydicom import dcmread

from medxfer import figure1
from medxfer.data.phantom import write_phantoms


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figure1, "PHANTOM_SIZE", 64)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("phantoms")
    folders = {m: write_phantoms(root / m, m, 1, 1, size=64, workers=1) for m in ("CT", "DX")}  # type: ignore[arg-type]
    return {modality: next(folder.glob("*.dcm")) for modality, folder in folders.items()}


def test_phantoms_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert figure1.main([]) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["figure1.png"]


@pytest.mark.parametrize("suffix", ["svg", "pdf"])
def test_ones_own_files_and_rows(tmp_path: Path, phantoms: dict[str, Path], suffix: str) -> None:
    out, curves = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    own = [
        f"ct={phantoms['CT']}",
        f"dx={phantoms['DX']}",
        "colormap=single,windows:lung+bone+liver,learned:viridis",
    ]
    assert figure1.main([*own, "window=lung", f"out={out}", f"curves={curves}"]) == 0
    assert out.stat().st_size > 5_000
    assert curves.stat().st_size > 5_000


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("colormap=viridos", "viridis"),
        ("colormap=", "colormap has no value: give it as colormap=NAME,NAME"),
        ("windw=lung", "did you mean window"),
        ("window=file", "40/400"),
        ("out=figure1.bmp", r"\.png, \.svg or \.pdf"),
        ("out=no/such/folder/a.png", "no folder"),
        ("ct=missing.dcm", "missing.dcm"),
        ("figure1.png", "key=value"),
    ],
)
def test_refuses_in_one_sentence(
    argument: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert figure1.main([argument]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error)
    assert not list(tmp_path.iterdir())


def test_ct_and_dx_are_not_exchanged(phantoms: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert figure1.main([f"ct={phantoms['DX']}"]) == 1
    assert "not a CT image, its modality is DX" in capsys.readouterr().err
    assert figure1.main([f"dx={phantoms['CT']}"]) == 1
    assert "not a DX image, its modality is CT" in capsys.readouterr().err


def test_a_ct_image_without_a_rescale_is_refused_as_elsewhere(
    tmp_path: Path, phantoms: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = dcmread(phantoms["CT"])
    del dataset.RescaleIntercept
    dataset.save_as(tmp_path / "raw.dcm")
    assert figure1.main([f"ct={tmp_path / 'raw.dcm'}"]) == 1
    assert "not in Hounsfield units" in capsys.readouterr().err


def test_curves_need_a_colormap_of_display_gray(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "colormap=windows:lung+bone+liver",
        f"out={tmp_path / 'a.png'}",
        f"curves={tmp_path / 'b.png'}",
    ]
    assert figure1.main(arguments) == 1
    assert "display gray" in capsys.readouterr().err
