"""data.positive: which of two classes is the positive one, whatever the alphabet says."""

from collections.abc import Iterable
from dataclasses import replace

from medxfer.base.errors import MedxferError, unknown
from medxfer.base.words import listing
from medxfer.data.sources.source import Index
from medxfer.data.sources.tables import clean, nearly_equal


def spellings(classes: Iterable[str]) -> str:
    """What to do where one class is written in two ways, after the rest of an error; "" where none is."""
    return "".join(f"; write '{one}' and '{other}' alike if one class is meant" for one, other in nearly_equal(classes))


def with_positive(index: Index, positive: object) -> Index:
    """`index` with the class `positive` as its second one; case does not count where one class alone is meant.

    Raises MedxferError if it is none of the classes, or if the task is not to tell two classes apart.
    """
    classes, asked = index.classes, clean(str(positive))
    if index.task != "binary":
        if alike := spellings(classes):
            raise MedxferError(
                f"data.positive={positive}: names one of two classes, and there are {listing(classes)}{alike}"
            )
        raise MedxferError(
            f"data.positive={positive}: names one of two classes, and this is a {index.task} task with "
            f"{listing(classes)}: leave it out"
        )
    named = [name for name in classes if name == asked] or [
        name for name in classes if name.casefold() == asked.casefold()
    ]
    if len(named) != 1:
        raise unknown("data.positive", str(positive), classes, f"the classes are {listing(classes)}.")
    if named[0] == classes[1]:
        return index
    return replace(index, classes=(classes[1], classes[0]), labels=1 - index.labels)
