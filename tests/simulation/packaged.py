"""What the page says of a study's level: the package's part of docs/simulations.csv, written by run.py."""

import re
from importlib.resources import files
from pathlib import Path

import pandas as pd

TABLES = ("levels", "weights", "blocks", "heterogeneity")
PACKAGED = Path(str(files("medxfer.analysis.judge"))) / "simulated.csv"


def packaged(results: pd.DataFrame) -> str:
    """A row a setting of TABLES: a family's error and its intervals' width, which Cochran's Q does not have."""
    some = results[results["table"].isin(TABLES) & results["figure"].isin(["error", "width"])]
    wide = some.pivot_table(index=["table", "setting"], columns="figure", values="value", sort=False).reset_index()
    wide["setting"] = [re.sub(r" (?=\w+=)", ";", setting) for setting in wide["setting"]]
    return wide.to_csv(
        index=False, columns=["table", "setting", "error", "width"], float_format="%.4g", lineterminator="\n"
    )
