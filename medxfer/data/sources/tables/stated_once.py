"""Rows that speak of one image: what they say together, or that they contradict each other."""

import pandas as pd

from medxfer.base.errors import MedxferError


def stated_once(stated: pd.DataFrame, names: pd.Series, of: pd.Series, where: str) -> pd.DataFrame:
    """One row for each value of `of`, at the place of its first: what its rows say, NaN where none says anything.

    Args:
        stated: (N, columns) labels and patients, NaN for what a row does not say.
        names: (N,) what the rows call their images.
        of: (N,) which rows are of one image.
        where: how an error begins.

    Raises:
        MedxferError: two rows of an image differ.
    """
    if of.is_unique:
        return stated
    by_image = stated.groupby(of.to_numpy(), sort=False)
    odd = by_image.nunique() > 1
    for column in stated.columns[odd.any()]:
        rows = stated[column][of == odd.index[odd[column]][0]].dropna()
        one, other = rows.index[0], rows.index[rows != rows.iloc[0]][0]
        what = "patients" if column == "patient" else "labels"
        said = (
            f"has two {what}" if names[one] == names[other] else f"and '{names[other]}' name one file with two {what}"
        )
        others = names[of.isin(odd.index[odd[column]])].nunique() - len({names[one], names[other]})
        more = f", and {others} more such" * bool(others)
        raise MedxferError(
            f"{where}: '{names[one]}' {said}, '{rows[one]}' and '{rows[other]}'{more}; rows about one image must agree"
        )
    first = ~of.duplicated()
    return by_image.first().set_axis(stated.index[first])
