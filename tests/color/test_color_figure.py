"""Figure 1 and the colormaps' curves: what is drawn is what the networks see."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from medxfer.base.errors import MedxferError
from medxfer.color import colormap_table
from medxfer.color.figure import draw_color_curves, draw_figure1
from medxfer.color.lightness import lightness

HU = np.array([[-1000, -160, 40], [239, 240, 3000]], dtype=np.float32)
GRAY = np.array([[0.0, 0.25], [0.5, 1.0]], dtype=np.float32)


def _drawn(figure: Figure, row: int, column: int) -> np.ndarray:
    panels = [axes for axes in figure.axes if axes.get_subplotspec() is not None]
    return np.asarray(panels[2 * row + column].images[0].get_array())


def test_draws_the_colours_that_networks_see() -> None:
    figure = draw_figure1(HU, GRAY, ["none", "viridis"])
    table = colormap_table("viridis").numpy()
    assert np.array_equal(_drawn(figure, 1, 0), table[[[0, 0, 128], [255, 255, 255]]])
    assert np.array_equal(_drawn(figure, 1, 1), table[[[0, 64], [128, 255]]])
    none = _drawn(figure, 0, 0)
    assert np.array_equal(none[..., 0], none[..., 2])


def test_layout_is_ct_left_dx_right_and_a_row_for_each_colormap() -> None:
    figure = draw_figure1(HU, GRAY)
    panels = [axes for axes in figure.axes if axes.get_subplotspec() is not None]
    assert [axes.get_title() for axes in panels[:2]] == ["CT", "DX"]
    assert [axes.get_ylabel() for axes in panels[::2]] == ["none", "viridis", "inferno"]


def test_colour_bars_have_the_windows_units() -> None:
    figure = draw_figure1(HU, GRAY, ["viridis"], ct_window=(-600, 1500))
    ct, dx = (axes.child_axes[0] for axes in figure.axes if axes.get_subplotspec() is not None)
    assert ct.get_title(loc="left") == "HU"
    assert ct.get_ylim() == (-1350, 150)
    assert dx.get_title(loc="left") == "gray"
    assert dx.get_ylim() == (0, 1)
    bar = np.asarray(dx.images[0].get_array())
    assert np.array_equal(bar[[0, -1], 0], colormap_table("viridis").numpy()[[-1, 0]])  # white end on top


def test_rows_of_every_kind() -> None:
    figure = draw_figure1(HU, GRAY, ["single", "windows:lung+mediastinum+bone", "learned:viridis"])
    panels = [axes for axes in figure.axes if axes.get_subplotspec() is not None]
    assert panels[3].texts[0].get_text() == "CT only"
    assert not panels[3].images


def test_no_colormap_and_an_unknown_one_are_refused() -> None:
    with pytest.raises(MedxferError, match="at least one colormap"):
        draw_figure1(HU, GRAY, [])
    with pytest.raises(MedxferError, match="viridis"):
        draw_figure1(HU, GRAY, ["viridos"])


def test_curves_are_lightness_and_normalised_channels() -> None:
    table = colormap_table("viridis").numpy()
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    figure = draw_color_curves({"none": colormap_table("none").numpy(), "viridis": table}, mean, std)
    left, right = [axes for axes in figure.axes if axes.get_subplotspec() is not None][2:]
    assert left.get_ylabel() == "viridis"
    np.testing.assert_allclose(left.lines[0].get_ydata(), lightness(table.astype(np.float64)))
    for channel, line in enumerate(right.lines):
        np.testing.assert_allclose(line.get_ydata(), (table[:, channel] - mean[channel]) / std[channel])
