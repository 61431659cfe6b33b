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


def record_answers(
    data: str, patients: int, null: bool, images: int, difference: float, said: Mapping[str, Sequence[tuple]]
) -> None:
    """A row for each way: (trainings, found, decided) of every study, as `ways.Said`."""
    for way, each in said.items():
        trainings, found, decided = (np.array(values) for values in zip(*each, strict=True))
        row = {
            "data": data, "patients": patients, "truth": "no difference" if null else "as the images have it",
            "difference": f"{difference:.4f}", "images": images, "way": way, "studies": len(each),
            "trainings": f"{trainings.mean():.4g}", "better": int((found > 0).sum()), "worse": int((found < 0).sum()),
            "decided": int(decided.sum()),
        }  # fmt: skip
        append(ANSWERS, row | provenance())


def costs(rows: pd.DataFrame) -> pd.DataFrame:
    """By data, patients and way: error (wrong in shares, without a difference), power (right, with one), trainings.

    `cost` is the trainings of all studies over the right answers. `holds`: whether the error's interval reaches down
    to 5 %.
    """
    key = ["data", "patients", "way"]
    rows = rows.drop_duplicates([*key, "truth"], keep="last")
    null, real = (rows[rows["truth"].eq("no difference") == which].set_index(key) for which in (True, False))
    out = real[["difference", "images", "studies", "trainings", "machine", "versions", "date", "commit"]].copy()
    out["power"] = real["better"] / real["studies"]
    out["cost"] = real["trainings"] / out["power"].where(out["power"] > 0)
    wrong = null["better"] + null["worse"]
    out["error"], out["null_studies"], out["null_trainings"] = (
        wrong / null["studies"],
        null["studies"],
        null["trainings"],
    )
    for name, hits, of in (("error", wrong, null["studies"]), ("power", real["better"], real["studies"])):
        ends = [binomtest(int(k), int(n)).proportion_ci(method="wilson") for k, n in zip(hits, of, strict=True)]
        out[f"{name}_low"], out[f"{name}_high"] = [end.low for end in ends], [end.high for end in ends]
    out["holds"] = out["error_low"] <= LEVEL
    return out.reset_index()


def short(way: str) -> str:
    """A way's name where there is little room."""
    return way.replace("two colormaps", "2 colormaps")


def answer_table(costs: pd.DataFrame, seconds: float, epochs: int) -> str:
    """A row for each way, under each data set; `seconds` are those of training on an image."""
    lines = []
    for (data, patients), rows in costs.groupby(["data", "patients"], sort=False):
        one = rows.iloc[0]
        lines += [
            f"**{data}, {patients} patients.** Pretrained features are {100 * one['difference']:.1f} points of AUROC "
            f"better. {one['studies']} studies with this difference, {one['null_studies']} without any.",
            "",
            "| way | wrong, where nothing differs | found, where there is a difference | trainings | minutes "
            "| trainings for a right answer |",
            "|---|--:|--:|--:|--:|--:|",
        ]
        for row in rows.to_dict("records"):
            minutes = row["trainings"] * row["images"] * epochs * seconds / 60
            cost = "none came" if pd.isna(row["cost"]) else f"{row['cost']:.0f}"
            error = f"{_percent(row, 'error')}{'' if row['holds'] else ', too often'}"
            figures = [error, _percent(row, "power"), f"{row['trainings']:.1f}", f"{minutes:.0f}", cost]
            lines.append(f"| {row['way']} | {' | '.join(figures)} |")
        lines += ["", f"*{one['machine']}; {one['versions']}; {one['date']}; commit {one['commit']}.*", ""]
    return "\n".join(lines)


def _percent(row: Mapping[str, Any], name: str) -> str:
    """'4 % (2 to 7)': with its 95 % interval over studies."""
    value, low, high = (100 * row[key] for key in (name, f"{name}_low", f"{name}_high"))
    return f"{value:.0f} % ({low:.0f} to {high:.0f})"
