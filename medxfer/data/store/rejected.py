"""How many of a data set's files may be missing or unusable."""

from collections.abc import Mapping

from medxfer.base.errors import MedxferError
from medxfer.data.header_facts import SEVERAL_FRAMES
from medxfer.data.sources.left_out import why
from medxfer.data.store.dataset import DatasetInfo

# Kinds of refusals that a setting of some data sets lifts: its name among theirs, and the way out.
LIFTED_BY = {
    SEVERAL_FRAMES: ("frame", "choose a frame, or all, by data.frame="),
    "no such frame": ("frame", "choose a frame that they have by data.frame="),
    "not grayscale": ("luminance", "take colour as its luminance by data.luminance=true"),
    "for processing": ("for_processing", "take a detector's signal by data.for_processing=true"),
}


def check_rejected(
    dataset: DatasetInfo, rejected: Mapping[str, int], kept: int, max_rejected: float, max_missing: float
) -> None:
    """Raise MedxferError if more than `max_missing` of the files are not there, or more than `max_rejected` of those
    that are cannot be used, or all. `kept` counts files, as `rejected` does: one file may have sixty frames."""
    missing = sum(count for kind, count in rejected.items() if why(kind) == "missing")
    unusable = {kind: count for kind, count in rejected.items() if why(kind) == "broken"}
    there = kept + sum(unusable.values())
    if missing > max_missing * (there + missing):
        raise MedxferError(
            f"{dataset.source.root}: {missing} of {there + missing} files are missing; data.max_missing={max_missing} "
            f"allows {max_missing:.0%}: add them, or, to use what is there, raise it"
        )
    if kept and there - kept <= max_rejected * there:
        return
    reasons = ", ".join(f"{count} {kind}" for kind, count in sorted(unusable.items(), key=lambda item: -item[1]))
    most = max(unusable, key=unusable.__getitem__, default="")
    setting, takes_them = LIFTED_BY.get(most, ("", ""))
    mend = takes_them if setting in dataset.source.settings() else "mend the folder"
    way_out = f"data.max_rejected={max_rejected} allows {max_rejected:.0%}: {mend}, or raise it"
    raise MedxferError(
        f"{dataset.source.root}: {there - kept} of {there} files cannot be used ({reasons}); "
        f"{way_out if kept else f'none is left: {mend}'}"
    )
