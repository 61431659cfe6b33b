"""data=a,b,c data.split.groups=data: one job for all of these data sets, in place of one for each."""

from collections.abc import Iterator, Sequence

ASKED = "data.split.groups=data"
OF_ALL = ("data.split.", "data.max_rejected", "data.keep_aspect", "data.name")  # settings that the sets share


def joined(jobs: Sequence[Sequence[str]]) -> list[list[str]]:
    """The overrides of `jobs`, with data=joined where they leave one of several data sets out; each once.

    A setting of the data, such as data.root, becomes one of each set.
    """
    names = list(dict.fromkeys(text.removeprefix("data=") for job in jobs for text in job if text.startswith("data=")))
    if len(names) < 2:
        return [list(job) for job in jobs]
    every = [list(_joined(job, names)) if ASKED in job else list(job) for job in jobs]
    return [list(job) for job in dict.fromkeys(map(tuple, every))]


def _joined(job: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    yield "data=joined"
    yield from (f"+data@data.sets.{name}={name}" for name in names)
    for text in job:
        if text.startswith("data.") and not text.startswith(OF_ALL):
            yield from (f"data.sets.{name}.{text.removeprefix('data.')}" for name in names)
        elif not text.startswith("data="):
            yield text
