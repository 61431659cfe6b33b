"""How files and patients come into the parts of a data set, in counts alone: a study's folder holds nothing more.

No text of a header or of a table is among them. Manufacturers and scanners are letters; 1 to 4 is not told.
"""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.data.header_facts import SEXES, sex_of, years_of
from medxfer.data.inspect.shortcuts import class_counts
from medxfer.data.split import PARTS
from medxfer.data.store.dataset import DatasetInfo
from medxfer.data.store.gray_store import GrayStore

SMALLEST = 5  # a count of patients below it, and not 0, is not told
LETTERS = 6  # manufacturers or scanners that are told apart, those with the most patients; "others" are the rest
UNKNOWN, OTHERS = "unknown", "others"

Counts = dict[str, int | None]  # None: from 1 to 4


def flow_of(
    dataset: DatasetInfo, store: GrayStore, parts: NDArray[np.str_], tested: NDArray[np.str_] | None = None
) -> dict[str, Any]:
    """The way of a data set's files into the parts `parts` (N,) of the store's images.

    received: files, and the patients of those that have a label. used: readable images and their patients. by_class:
    for each part, the images and the patients of each class; a patient counts in every class of which there is an
    image. people: of each part's patients age, sex and manufacturer, or scanner, as far as they are known;
    people_tested: the same of those whose images are "test" in `tested` (N,), where folds test others than this one.
    """
    index, patients = dataset.index, store.images["patient"]
    facts = _facts(dataset, store)
    by_class = {part: class_counts(store.labels, patients, store.classes, parts == part) for part in PARTS}
    return {
        "received": {
            "files": len(index.images) + sum(map(len, index.left_out.values())),
            "patients": int(index.images["patient"].nunique()),
        },
        "used": {"images": len(store), "patients": int(patients.nunique())},
        "by_class": {
            part: {"images": [images for _, images, _ in counts], "patients": [n for _, _, n in counts]}
            for part, counts in by_class.items()
        },
        "people": people(facts, patients, parts),
        **({} if tested is None else {"people_tested": people(facts, patients, tested)["test"]}),
    }


def _facts(dataset: DatasetInfo, store: GrayStore) -> pd.DataFrame:
    """Of each image of the store, by a column of the table or by headers: age (years or NaN), sex, and scanner.

    Headers have the manufacturer in place of scanner: single models have too few patients each to be counted.
    """
    images = dataset.index.images.iloc[store.rows].reset_index(drop=True)
    headers = dataset.headers.loc[images["file"]].reset_index(drop=True)
    facts = pd.DataFrame(
        {
            "age": images["age"].map(years_of) if "age" in images else headers["age"].astype(float),
            "sex": images["sex"].map(sex_of) if "sex" in images else headers["sex"],
        }
    )
    if "scanner" in images:
        return facts.assign(scanner=images["scanner"])
    return facts.assign(manufacturer=headers["manufacturer"].str.strip().str.casefold())


def people(facts: pd.DataFrame, patients: pd.Series, parts: NDArray[np.str_]) -> dict[str, dict[str, Any]]:
    """For each part what is known of its patients; what is known of nobody is left out.

    `facts` has the columns age (years or NaN), sex, and scanner or manufacturer ("" where unknown), a row an image, as
    `patients` and `parts`. age: how many are known, median and quartiles. sex: patients of each. scanner, manufacturer:
    patients with an image of each; one with images of two counts twice. A patient's age and sex are those of the first
    image that has them.
    """
    machine = "scanner" if "scanner" in facts else "manufacturer"
    letters = _letters(facts[machine], patients)
    has_age, has_sex = bool(facts["age"].notna().any()), bool((facts["sex"] != "").any())
    found: dict[str, dict[str, Any]] = {}
    for part in PARTS:
        among = facts[parts == part].assign(patient=patients.to_numpy()[parts == part])
        first = among.assign(sex=among["sex"].replace("", None)).groupby("patient")[["age", "sex"]].first()
        found[part] = {}
        if has_age:
            found[part]["age"] = _ages(first["age"].dropna().to_numpy(float))
        if has_sex:
            counts = first["sex"].fillna(UNKNOWN).value_counts()
            found[part]["sex"] = _told(counts, [*SEXES, UNKNOWN])
        if letters:
            named = among[machine].map(letters).fillna(UNKNOWN)
            counts = among["patient"].groupby(named).nunique()
            found[part][machine] = _told(counts, list(dict.fromkeys([*letters.values(), UNKNOWN])))
    return found


def _letters(machines: pd.Series, patients: pd.Series) -> Mapping[str, str]:
    """The letter of each: A has the most patients; those after the first LETTERS are "others"."""
    known = machines != ""
    counts = patients[known].groupby(machines[known]).nunique().sort_index().sort_values(ascending=False, kind="stable")
    return {str(name): ascii_uppercase[i] if i < LETTERS else OTHERS for i, name in enumerate(counts.index)}


def _ages(years: NDArray[np.float64]) -> dict[str, float | None]:
    if len(years) < SMALLEST:
        return {"known": None if len(years) else 0}
    low, median, high = np.quantile(years, [0.25, 0.5, 0.75])
    return {"known": len(years), "median": round(median, 1), "low": round(low, 1), "high": round(high, 1)}


def _told(counts: pd.Series, names: Sequence[str]) -> Counts:
    """`counts` of `names`; of "unknown" only where there are some."""
    told: Counts = {}
    for name in names:
        n = int(counts.get(name, 0))
        if n or name != UNKNOWN:
            told[name] = n if n == 0 or n >= SMALLEST else None
    return told
