"""Colormaps: tables that are exactly what their names say, and the list of them."""

import importlib
import importlib.util
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pydicom
import pytest
import torch
from pydicom.data import get_palette_files
from pydicom.pixels import apply_color_lut

from medxfer.base.errors import MedxferError
from medxfer.color import colormap_table, colormaps, maps, parse_colormap
from medxfer.color.__main__ import main
from medxfer.color.colormaps import check_levels, families, known_names
from medxfer.color.figure import draw_colormaps
from medxfer.color.lightness import gray_of, lightness
from medxfer.color.maps.dicom_palettes import DICOM_PALETTES
from medxfer.color.maps.matplotlib_maps import matplotlib_names

RAMP = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("name", matplotlib_names())
def test_matplotlib_bit_for_bit(name: str) -> None:
    cmap = matplotlib.colormaps[name]
    cmap = cmap if cmap.N == 256 else cmap.resampled(256)
    expected = cmap(RAMP)[:, :3].astype(np.float32)
    assert np.array_equal(colormap_table(name).numpy(), expected)


@pytest.mark.parametrize("levels", [256, 1024, 4096])
def test_none_is_a_ramp_from_black_to_white(levels: int) -> None:
    table = colormap_table("none", levels)
    assert table.dtype == torch.float32
    assert torch.equal(table, table[:, :1].expand(levels, 3))
    assert torch.equal(table[:, 0], torch.linspace(0, 1, levels, dtype=torch.float64).float())


@pytest.mark.parametrize("name", ["viridis", "inferno", "twilight", "gray", "cubehelix", "dicom:hot_iron", "random@3"])
def test_finer_tables_interpolate_and_do_not_repeat(name: str) -> None:
    coarse, fine = colormap_table(name, 256), colormap_table(name, 4096)
    assert (fine.diff(dim=0).abs().sum(dim=1) > 0).float().mean() > 0.9
    assert torch.allclose(fine[[0, -1]], coarse[[0, -1]], atol=1e-6)
    nearest = coarse[(torch.linspace(0, 1, 4096) * 255).round().long()]
    assert (fine - nearest).abs().max() <= coarse.diff(dim=0).abs().max()


@pytest.mark.parametrize(("name", "colors"), [("tab10", 10), ("Set1", 9), ("dicom:pet_20_step", 20)])
def test_maps_made_of_steps_keep_their_steps(name: str, colors: int) -> None:
    assert len(torch.unique(colormap_table(name, 4096), dim=0)) == colors


@pytest.mark.parametrize("palette", DICOM_PALETTES)
def test_dicom_palettes_are_the_standards(palette: str) -> None:
    file = pydicom.dcmread(get_palette_files(f"{palette.replace('_', '')}.dcm")[0])
    assert file.ContentLabel.removesuffix(" LUT") == palette.upper()
    expected = apply_color_lut(RAMP[None], file)[0]
    assert np.array_equal((colormap_table(f"dicom:{palette}").numpy() * 255).round().astype(np.uint8), expected)


def test_fall_is_warm_and_winter_is_cold() -> None:
    assert colormap_table("dicom:fall")[[0, -1]].tolist() == [[1, 1, 0], [1, 0, 0]]
    assert colormap_table("dicom:winter")[0].tolist() == [0, 0, 1]


def test_hot_iron_runs_from_black_over_red_to_white() -> None:
    table = colormap_table("dicom:hot_iron")
    assert table[0].tolist() == [0, 0, 0]
    assert table[-1].tolist() == [1, 1, 1]
    assert torch.equal(table[127], torch.tensor([254 / 255, 0, 0]))


@pytest.mark.skipif(importlib.util.find_spec("cmap") is None, reason="the package cmap is not installed")
def test_cmap_catalogue() -> None:
    from cmap import Colormap

    for name in ("crameri:batlow", "colorcet:CET_L1", "cmocean:haline_r"):
        expected = np.asarray(Colormap(name).lut(256))[:, :3].astype(np.float32)
        assert np.array_equal(colormap_table(f"cmap:{name}").numpy(), expected)
    with pytest.raises(MedxferError, match=r"crameri:batlow.*lists all"):
        colormap_table("cmap:crameri:batlov")


def test_cmap_missing_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medxfer.color.maps.cmap_catalogues.find_spec", lambda _: None)
    with pytest.raises(MedxferError, match=r"needs the package cmap: pip install 'medxfer\[cmap\]'"):
        parse_colormap("cmap:crameri:batlow")


def test_shuffled_has_the_same_colours_in_no_order() -> None:
    viridis, shuffled = colormap_table("viridis"), colormap_table("shuffled:viridis@3")
    assert torch.equal(torch.unique(viridis, dim=0), torch.unique(shuffled, dim=0))
    assert torch.equal(shuffled, colormap_table("shuffled:viridis@3"))
    assert not torch.equal(shuffled, colormap_table("shuffled:viridis@4"))
    ranks = np.corrcoef(np.arange(256), lightness(shuffled.double().numpy()))[0, 1]
    assert abs(ranks) < 0.3


def test_random_is_smooth_seeded_and_one_curve_at_all_levels() -> None:
    table = colormap_table("random@7", 256)
    assert table.min() >= 0
    assert table.max() <= 1
    assert table.diff(dim=0).abs().max() < 0.05
    assert torch.allclose(colormap_table("random@7", 511)[::2], table, atol=1e-6)
    assert not torch.equal(table, colormap_table("random@8", 256))


@pytest.mark.parametrize("name", ["viridis", "inferno", "jet", "dicom:hot_iron"])
def test_luminance_keeps_lightness_and_no_hue(name: str) -> None:
    color, gray = colormap_table(name).double().numpy(), colormap_table(f"{name}:luminance").double().numpy()
    assert np.array_equal(gray[:, 0], gray[:, 1])
    assert np.array_equal(gray[:, 0], gray[:, 2])
    np.testing.assert_allclose(lightness(gray), lightness(color), atol=1e-3)


def test_lightness_of_known_colours() -> None:
    known = np.array([[0.0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.5]])
    np.testing.assert_allclose(lightness(known), [0, 100, 53.24, 87.74, 32.30, 53.39], atol=0.01)
    np.testing.assert_allclose(gray_of(np.repeat(np.linspace(0, 1, 99)[:, None], 3, axis=1)), np.linspace(0, 1, 99))


@pytest.mark.parametrize("name", [n for n in known_names() if n not in matplotlib_names()])
def test_every_example_name_parses(name: str) -> None:
    assert parse_colormap(name).name == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "viridos",
            r"unknown colormap 'viridos': did you mean .*viridis.* python -m medxfer.color lists all\.",
        ),
        ("", "unknown colormap"),
        ("learned:viridos", "viridis"),
        ("learned:", "unknown colormap"),
        ("learned:single", "no fixed table"),
        ("shuffled:viridis", "whole number after '@'"),
        ("shuffled:viridos@1", "viridis"),
        ("shuffled:viridis@-1", "whole number"),
        ("random@x", "random@0"),
        ("viridos:luminance", "viridis"),
        ("dicom:hot_irn", "dicom:hot_iron"),
        ("windows:brain+bone", "three windows"),
        ("windows:brain+bone+lungs", "lung"),
        ("windows:brain+bone+file", "unknown CT window 'file'"),
        ("windows:40/80+80/0+600/2800", "width above 1"),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_one_sentence(name: str, message: str) -> None:
    with pytest.raises(MedxferError, match=message) as caught:
        parse_colormap(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["single", "windows:brain+bone+lung", "learned:viridis"])
def test_names_without_a_table_are_refused(name: str) -> None:
    with pytest.raises(MedxferError, match="no fixed table"):
        colormap_table(name)


@pytest.mark.parametrize("levels", [0, 1, 100, 131072])
def test_levels_that_cannot_be(levels: int) -> None:
    with pytest.raises(MedxferError, match="power of two"):
        check_levels(levels)


# python -m medxfer.color


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
    monkeypatch.setattr("medxfer.color.maps.cmap_catalogues.find_spec", lambda _: None)
    (cmap,) = [family for family in families() if family.form.startswith("cmap:")]
    assert "pip install 'medxfer[cmap]'" in cmap.listed()


SEPIA = """
import numpy as np

from medxfer.color.colormaps import Colormap, Family


@Family("sepia", "old photographs", "sepia", ("sepia",))
def sepia(name: str) -> Colormap:
    return Colormap(name, build=lambda levels: np.linspace(0, 1, levels)[:, None] * np.array([1.0, 0.85, 0.65]))
"""


def test_a_new_kind_is_one_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    added = Path(maps.__path__[0]) / "zz_sepia.py"  # after matplotlib's, which take any name
    monkeypatch.setattr("medxfer.color.colormaps._READERS", {**colormaps._READERS})
    try:
        added.write_text(SEPIA)
        importlib.invalidate_caches()
        assert parse_colormap("sepia").name == "sepia"
        assert torch.allclose(colormap_table("sepia")[-1], torch.tensor([1.0, 0.85, 0.65]))
        assert colormap_table("shuffled:sepia@0").unique(dim=0).shape == (256, 3)
        with pytest.raises(MedxferError, match="sepia"):
            parse_colormap("sepai")
        assert "sepia" in [axes.texts[0].get_text() for axes in draw_colormaps().axes if axes.texts]
        assert main([]) == 0
        assert "old photographs" in capsys.readouterr().out
    finally:
        added.unlink()
        sys.modules.pop("medxfer.color.maps.zz_sepia", None)


# colormap=file:…


@pytest.mark.parametrize("scale", [1, 255])
@pytest.mark.parametrize("levels", [16, 256, 1024])
def test_a_table_of_ones_own_is_read_as_it_stands(tmp_path: Path, scale: int, levels: int) -> None:
    colors = np.round(255 * colormap_table("viridis").numpy().astype(np.float64))
    np.savetxt(tmp_path / "lut.csv", colors if scale == 255 else colors / 255, delimiter=",", fmt="%.17g")
    found = colormap_table(f"file:{tmp_path}/lut.csv", levels).double().numpy()
    at, knots = np.linspace(0, 1, levels), np.linspace(0, 1, 256)
    expected = np.stack([np.interp(at, knots, channel / 255) for channel in colors.T], axis=1)
    assert np.abs(found - expected).max() < 1e-7
    assert np.array_equal(colormap_table(f"file:{tmp_path}/lut.csv").numpy(), (colors / 255).astype(np.float32))


def test_a_table_of_ones_own_has_controls(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "lut.csv", colormap_table("viridis").numpy(), delimiter=",", fmt="%.9g")
    name = f"file:{tmp_path}/lut.csv"
    assert torch.equal(colormap_table(f"shuffled:{name}@3"), colormap_table("shuffled:viridis@3"))
    assert torch.allclose(colormap_table(f"{name}:luminance"), colormap_table("viridis:luminance"), atol=1e-6)
    for made in (name, f"shuffled:{name}@3", f"{name}:luminance", f"learned:{name}"):
        assert parse_colormap(made).file == tmp_path / "lut.csv"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("r,g,b\n" + "0,0,0\n" * 256, "numbers"),
        ("0,0,0\n" * 255, "255 × 3"),
        ("0,0,0,1\n" * 256, "256 × 4"),
        ("0;0;0\n" * 256, "numbers"),
        ("0,0,0\n" * 255 + "0,0,nan\n", "no colours"),
        ("0,0,0\n" * 255 + "0,0,-1\n", "no colours"),
        ("0,0,0\n" * 255 + "0,0,256\n", "no colours"),
        ("0,0,0.5\n" * 255 + "0,0,255\n", "fractions"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_sentence(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "patient_smith" / "lut.csv"
    path.parent.mkdir()
    if text is not None:
        path.write_text(text)
    with pytest.raises(MedxferError, match=message) as caught:
        parse_colormap(f"file:{path}")
    assert "\n" not in str(caught.value)
    assert "smith" not in str(caught.value)
