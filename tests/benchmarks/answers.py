"""The cost of an answer: figures of every way in answers.csv, and their table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import append, provenance
from scipy.stats import binomtest

ANSWERS = Path(__file__).parent / "answers.csv"
LEVEL = 0.05
NULL, REAL = "no difference", "as the images have it"


def record_answers(
    data: str, patients: int, null: bool, images: int, difference: float, said: Mapping[str, Sequence[tuple]]
) -> None:
    """A row for each way: (trainings, found, decided) of every study, as `ways.Said`."""
    for way, each in said.items():
        trainings, found, decided = (np.array(values) for values in zip(*each, strict=True))
        row = {
            "data": data, "patients": patients, "truth": NULL if null else REAL,
            "difference": f"{difference:.4f}", "images": images, "way": way, "studies": len(each),
            "trainings": f"{trainings.mean():.4g}", "better": int((found > 0).sum()), "worse": int((found < 0).sum()),
            "decided": int(decided.sum()),
        }  # fmt: skip
        append(ANSWERS, row | provenance())


def recorded(data: str, patients: int, null: bool) -> int:
    """Studies of a setting that are recorded; a run goes on after them."""
    if not ANSWERS.is_file():
        return 0
    rows = pd.read_csv(ANSWERS)
    here = (rows["data"] == data) & (rows["patients"] == patients) & (rows["truth"] == (NULL if null else REAL))
    return int(rows[here].groupby("way")["studies"].sum().min()) if here.any() else 0


def costs(rows: pd.DataFrame) -> pd.DataFrame:
    """Of all runs together, by data, patients and way: how often wrong and right, and the trainings that it takes.

    `error` is the share of studies without a difference in which one is found, and `holds` whether its 95 % interval
    reaches down to 5 %; `power` the share of those with a difference in which it is found; `cost` the trainings of all
    studies over the right answers.
    """
    key, summed = ["data", "patients", "way"], ["studies", "better", "worse", "decided"]
    each = rows.assign(trainings=rows["trainings"] * rows["studies"], difference=rows["difference"] * rows["studies"])
    of = {name: (name, "sum") for name in (*summed, "trainings", "difference")}
    of |= {name: (name, "last") for name in ("images", "machine", "versions")}
    of |= {name: (name, lambda values: ", ".join(dict.fromkeys(values))) for name in ("date", "commit")}
    total = each.groupby([*key, "truth"], sort=False).agg(**of)
    total[["trainings", "difference"]] = total[["trainings", "difference"]].div(total["studies"], axis=0)
    null, real = total.xs(NULL, level="truth"), total.xs(REAL, level="truth")
    out = real[["difference", "images", "studies", "trainings", "machine", "versions", "date", "commit"]].copy()
    out["power"] = real["better"] / real["studies"]
    out["cost"] = real["trainings"] / out["power"].where(out["power"] > 0)
    wrong = null["better"] + null["worse"]
    out["error"], out["null_studies"] = wrong / null["studies"], null["studies"]
    out["null_trainings"] = null["trainings"]
    for name, hits, of in (("error", wrong, null["studies"]), ("power", real["better"], real["studies"])):
        ends = [binomtest(int(k), int(n)).proportion_ci(method="wilson") for k, n in zip(hits, of, strict=True)]
        out[f"{name}_low"], out[f"{name}_high"] = [end.low for end in ends], [end.high for end in ends]
    out["holds"] = out["error_low"] <= LEVEL
    return out.reset_index()


def short(way: str) -> str:
    """A way's name where there is little room."""
    return way.replace("two colormaps", "2 colormaps")


HEAD = """\
| way | wrong, where nothing differs | found, where there is a difference | trainings (nothing differs) | minutes \
| trainings for a right answer |
|---|--:|--:|--:|--:|--:|"""
GOAL = "breastmnist"
SEEDS, LOOKS = "medxfer, one split, 10 seeds", "medxfer, one split, looks"


def answer_table(costs: pd.DataFrame, seconds: float, epochs: int) -> str:
    """A row for each way, under each data set; `seconds` are those of training on an image."""
    lines = []
    for (data, patients), rows in costs.groupby(["data", "patients"], sort=False):
        one = rows.iloc[0]
        lines += [
            f"**{data}, {patients} patients.** {one['studies']:,} studies in which pretrained features are "
            f"{100 * one['difference']:.1f} points of AUROC better, {one['null_studies']:,} in which nothing differs.",
            "",
            HEAD,
        ]
        for row in rows.to_dict("records"):
            minutes = row["trainings"] * row["images"] * epochs * seconds / 60
            cost = "none came" if pd.isna(row["cost"]) else f"{row['cost']:.0f}"
            error = f"{_percent(row, 'error')}{'' if row['holds'] else ', too often'}"
            trainings = f"{row['trainings']:.1f} ({row['null_trainings']:.1f})"
            lines.append(
                f"| {' | '.join([row['way'], error, _percent(row, 'power'), trainings, f'{minutes:.0f}', cost])} |"
            )
        lines += ["", *_beside_ten_seeds(rows.set_index("way"), data == GOAL)]
        lines += [f"*{one['machine']}; {one['versions']}; {one['date']}; commit {one['commit']}.*", ""]
    return "\n".join(lines)


def _beside_ten_seeds(ways: pd.DataFrame, goal: bool) -> list[str]:
    """Looks beside ten seeds that the same test judges, with the goal where one is set."""
    if not {SEEDS, LOOKS} <= set(ways.index):
        return []
    seeds, looks = ways.loc[SEEDS], ways.loc[LOOKS]
    share = looks["cost"] / seeds["cost"]
    of_answers = "" if pd.isna(share) else f", so {share:.2f} of the trainings for a right answer"
    missed = "" if share <= 0.5 and looks["holds"] else ": **missed**"
    aim = f" (goal: at most half, at a level that is held{missed})" if goal else ""
    return [
        f"Under the same test, one split with looks takes {looks['trainings'] / seeds['trainings']:.2f} of the "
        f"trainings of ten seeds and finds {100 * looks['power']:.0f} % instead of {100 * seeds['power']:.0f} %"
        f"{of_answers}{aim}.",
        "",
    ]


def _percent(row: Mapping[str, Any], name: str) -> str:
    """'4 % (2 to 7)': with its 95 % interval over studies."""
    value, low, high = (100 * row[key] for key in (name, f"{name}_low", f"{name}_high"))
    return f"{value:.0f} % ({low:.0f} to {high:.0f})"
