from pathlib import Path

import pandas as pd
from packaged import PACKAGED, packaged


def test_the_page_says_of_a_level_what_the_simulations_found() -> None:
    results = pd.read_csv(Path(__file__).parents[2] / "docs" / "simulations.csv")
    assert PACKAGED.read_text(encoding="utf-8") == packaged(results)
