"""The charts of docs/benchmarks.md, drawn from committed figures."""

from pathlib import Path

import matplotlib
import pandas as pd
from answers import LEVEL, short
from full_page import latest_of
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

matplotlib.use("Agg")
STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "medxfer", "font.family": "sans-serif", "font.size": 10,
    "axes.spines.top": False, "axes.spines.right": False, "figure.facecolor": "white",
    "figure.constrained_layout.w_pad": 0.12,
}  # fmt: skip
PEERS = {  # as they are measured -> as they are named, and their colour
    "(a) script / medxfer": ("a script", "#4477aa"),
    "(b) MONAI / medxfer": ("MONAI", "#66ccee"),
    "(c) Lightning + Hydra / medxfer": ("Lightning + Hydra", "#bbbbbb"),
}
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44")
BAR = 0.26


def grid_chart(results: pd.DataFrame, path: Path) -> None:
    """How many times medxfer's time each peer takes for the whole grid."""
    rows = latest_of(results)
    rows = rows[(rows["topic"] == "grid_peers") & rows["measured"].isin(list(PEERS))]
    rows = rows.drop_duplicates(["benchmark", "measured"], keep="last")
    table = rows.pivot(index="benchmark", columns="measured", values="value")[list(PEERS)]
    table = table.sort_values("(a) script / medxfer")
    with matplotlib.rc_context(STYLE):
        figure = Figure((8, 0.72 * len(table) + 1.1), layout="constrained")
        axes = figure.add_subplot()
        for place, (measured, (name, colour)) in enumerate(PEERS.items()):
            heights = [row + BAR * (1 - place) for row in range(len(table))]
            axes.barh(heights, table[measured], BAR, color=colour, label=name)
            for height, value in zip(heights, table[measured], strict=True):
                end, side = (value + 0.03, "left") if value > 1 else (value - 0.03, "right")  # beside medxfer's line
                axes.text(end, height, f"{value:.2f}", ha=side, va="center", fontsize=8)
        top = len(table) - 0.5
        axes.plot([1, 1], [-0.5, top], color="black", lw=1)
        axes.text(1, top, "medxfer", ha="center", va="bottom", fontsize=9)
        axes.set_ylim(-0.5, top + 0.3)
        axes.set_yticks(range(len(table)), [wrapped(name) for name in table.index])
        axes.set_xlim(0, table.max().max() + 0.35)
        axes.set_xlabel("time of the 3 × 2 grid, over medxfer's")
        axes.legend(loc="lower right", frameon=False)
        _save(figure, path)


def wrapped(benchmark: str) -> str:
    """Network, then images, in two lines."""
    network, data, images, _ = benchmark.replace("tf_efficientnet_lite0", "EfficientNet-Lite0").split(", ")
    return f"{network}\n{data}, {images}"


def answer_chart(costs: pd.DataFrame, path: Path) -> None:
    """Of each way to an answer, how often it is wrong, and the trainings for each right answer."""
    ways = list(dict.fromkeys(costs["way"]))[::-1]
    settings = list(dict.fromkeys(zip(costs["data"], costs["patients"], strict=True)))
    with matplotlib.rc_context(STYLE):
        figure = Figure((9, 0.42 * len(ways) + 1.5), layout="constrained")
        wrong, cost = figure.subplots(1, 2, sharey=True)
        for number, (data, patients) in enumerate(settings):
            rows = costs[(costs["data"] == data) & (costs["patients"] == patients)]
            shift, colour = 0.16 * ((len(settings) - 1) / 2 - number), COLOURS[number]
            places = [ways.index(way) + shift for way in rows["way"]]
            ends = [rows["error"] - rows["error_low"], rows["error_high"] - rows["error"]]
            wrong.errorbar(rows["error"], places, xerr=ends, fmt="o", ms=4, lw=1, color=colour)
            cost.plot(rows["cost"], places, "o", ms=4, color=colour, label=f"{data}, {patients} patients")
            fails = ~rows["holds"].to_numpy()
            cost.plot(rows["cost"][fails], [p for p, f in zip(places, fails, strict=True) if f], "wo", ms=2.5)
        _finish(wrong, cost, ways)
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
        _save(figure, path)


def _finish(wrong: Axes, cost: Axes, ways: list[str]) -> None:
    wrong.axvline(LEVEL, color="black", lw=1, ls=":")
    wrong.set_xlim(left=0)
    wrong.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    wrong.set_title("wrong, where nothing differs\n(dotted: 5 %)", fontsize=10)
    wrong.set_yticks(range(len(ways)), [short(way) for way in ways])
    cost.set_xscale("log")
    cost.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    cost.set_title("trainings for a right answer\n(hollow: wrong too often)", fontsize=10)
    for axes in (wrong, cost):
        axes.grid(axis="y", color="#eeeeee")
        axes.set_axisbelow(True)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None})
