"""Tables: exactly what their names say."""

import importlib.util

import matplotlib
import numpy as np
import pydicom
import pytest
import torch
from pydicom.data import get_palette_files
from pydicom.pixels import apply_color_lut

from medxfer.base.errors import MedxferError
from medxfer.color import colormap_table, parse_colormap
from medxfer.color.lightness import gray_of, lightness
from medxfer.color.names import check_levels
from medxfer.color.tables import DICOM_PALETTES, known_names, matplotlib_names

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
    monkeypatch.setattr("medxfer.color.tables.find_spec", lambda _: None)
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
