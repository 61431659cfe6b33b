"""data.slices: which slices of a series are used."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medxfer.base.errors import MedxferError
from medxfer.data.sources.left_out import BY_RULE


@dataclass(frozen=True)
class Slices:
    """What data.slices says: all, the `first` ones in the middle, every `first`-th, or those from `first` to `last`,
    counted from 1 in the order of their positions."""

    kind: Literal["all", "central", "every", "range"]
    first: int = 0
    last: int = 0

    def of(self, number: int) -> NDArray[np.bool_]:
        """Which of a series' `number` slices are used, (number,)."""
        places = np.arange(number)
        if self.kind == "central":
            start = max((number - self.first) // 2, 0)
            return np.asarray((places >= start) & (places < start + self.first))
        if self.kind == "every":
            return np.asarray(places % self.first == 0)
        if self.kind == "range":
            return np.asarray((places + 1 >= self.first) & (places + 1 <= self.last))
        return np.ones(number, bool)


ORDER = ["series", "plane", "position"]  # in which slices follow each other, by columns of headers


def series_names(headers: pd.DataFrame) -> pd.Series:
    """The SeriesInstanceUID of each file, "" for none. A UID that stands in several studies or patients, as of a
    careless anonymisation, is several series, which have a number each."""
    series = headers["series"]
    owners = series.str.cat(headers[["study", "patient"]], sep="/")
    number = owners.groupby(series).transform(lambda of_uid: pd.factorize(of_uid)[0] + 1)
    several = (series != "") & (number.groupby(series).transform("max") > 1)
    return series.where(~several, series + " [" + number.astype(str) + "]")


def unchosen_slices(headers: pd.DataFrame, slices: Slices) -> pd.Series:
    """Why data.slices leaves each slice out, or "": `headers` are those of the slices, in ORDER. Slices of a series
    that lie in two planes, or under one UID in two patients or studies, are two stacks. A file of no series stays: it
    cannot be read, and is refused."""
    stacks = headers["series"].str.cat(headers[["plane", "study", "patient"]], sep="/")
    used = stacks.groupby(stacks).transform(lambda one: slices.of(len(one))).astype(bool) | (headers["series"] == "")
    return pd.Series("", headers.index).mask(~used, f"{BY_RULE}data.slices")


def stacks_caveat(headers: pd.DataFrame) -> tuple[str, ...]:
    """What to say where series have slices in several planes."""
    known = headers[(headers["series"] != "") & (headers["plane"] != "")]
    several = int((known.groupby("series")["plane"].nunique() > 1).sum())
    return (f"slices in several planes, each a stack of its own for data.slices: {several} series",) if several else ()


def parse_slices(text: str) -> Slices:
    """`text` is all, central:<n>, every:<k> or <from>-<to>. Raises MedxferError for anything else."""
    if text == "all":
        return Slices("all")
    if found := re.fullmatch(r"(central|every):(\d+)", text):
        kind, number = found.groups()
        if int(number) > 0:
            return Slices("central" if kind == "central" else "every", int(number))
    if found := re.fullmatch(r"(\d+)-(\d+)", text):
        first, last = map(int, found.groups())
        if 1 <= first <= last:
            return Slices("range", first, last)
    raise MedxferError(
        f"data.slices={text}: no such choice; give all, central:5 (those in the middle), every:2, or 10-20 (from 1, in "
        "the order of their positions)"
    )
