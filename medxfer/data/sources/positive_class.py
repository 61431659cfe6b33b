"""data.positive: which of two classes is the positive one, whatever the alphabet says."""

from dataclasses import replace

from medxfer.base.errors import MedxferError, unknown
from medxfer.base.words import listing
from medxfer.data.sources.source import Index
from medxfer.data.sources.tables import clean


def with_positive(index: Index, positive: object) -> Index:
    """`index` with the class `positive` as its second one; case does not count where one class alone is meant.

    Raises MedxferError if it is none of the classes, or if the task is not to tell two classes apart.
    """
    classes, asked = index.classes, clean(str(positive))
    if index.task != "binary":
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
