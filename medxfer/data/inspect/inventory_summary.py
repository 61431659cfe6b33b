"""What an inventory holds, for the terminal: counts, and no patient and no file's name."""

from typing import Any

import pandas as pd
from rich.console import Console

from medxfer.base.terminal import show
from medxfer.base.words import count
from medxfer.data.inspect.inventory import VOLUMES, Inventory
from medxfer.data.sources.folder_walk import MASK

_MOST_KINDS = 20
_SERIES, _STUDIES = "SeriesInstanceUID", "StudyInstanceUID"


def show_inventory(inventory: Inventory, console: Console) -> None:
    """Print what there is, and what would be left out and why."""
    table = inventory.table
    if "patient_id" not in table:
        table = table.assign(patient_id="")
    images = table[table["left_out"] == ""]
    rows = [
        (what, len(some), *(_different(some[column]) for column in ("patient_id", _STUDIES, _SERIES)))
        for what, some in (("all files", table), ("images", images))
    ]
    show(console, "What there is", ("", "files", "patients", "studies", "series"), rows)
    _show_kinds(images, console)
    reasons = table["left_out"][table["left_out"] != ""].value_counts()
    left_out = [(str(why), int(n)) for why, n in (*reasons.items(), *inventory.links.items())]
    left_out.sort(key=lambda row: row[1], reverse=True)
    if left_out:
        show(console, "What would be left out", ("why", "files"), left_out)
    for note in _notes(images, inventory):
        console.print(f"Note: {note}.", markup=False)


def _show_kinds(images: pd.DataFrame, console: Console) -> None:
    if images.empty:
        return
    by = ["modality", "sop_class", "body_part", "view"]
    kinds: list[tuple[Any, ...]] = [
        (
            *key,
            len(some),
            _different(some[_SERIES]),
            _different(some["patient_id"]),
            int(some["frames"].astype(int).sum()),
        )
        for key, some in images.groupby(by)
    ]
    kinds.sort(key=lambda row: -row[4])
    shown = kinds[:_MOST_KINDS]
    head = ("modality", "SOP class", "body part", "view", "images", "series", "patients", "frames")
    show(console, "Images", head, shown)
    if len(kinds) > len(shown):
        console.print(f"and {count(len(kinds) - len(shown), 'more kind')}\n", markup=False)


def _notes(images: pd.DataFrame, inventory: Inventory) -> list[str]:
    """What to know before labels are filled in."""
    notes = []
    if len(images) and not (images["patient_id"] != "").any():
        notes.append("no file says whose it is: give the patients in a column patient_id")
    elif _different(images["patient_id"]) == 1 and _different(images[_STUDIES]) > 1:
        notes.append(
            f"all of {count(_different(images[_STUDIES]), 'study', 'studies')} are of one PatientID, as an "
            "anonymisation may leave it: give the patients in a column patient_id"
        )
    several = int(((images["frames"].astype(int) > 1) & (images["modality"] != VOLUMES)).sum())
    if several:
        notes.append(f"{count(several, 'file')} of several frames: data.frame= chooses one, or all")
    if volumes := int((images["modality"] == VOLUMES).sum()):
        notes.append(f"{count(volumes, 'NIfTI volume')}, whose frames are axial slices: data=nifti takes them for CT")
    said = images["burned_in"].value_counts()
    if said.get("yes", 0):
        notes.append(f"{count(int(said['yes']), 'image')} with annotations in the pixels, by their own header")
    if MASK in inventory.links:
        notes.append("what lies in a folder called masks is taken for no image: rename the folder if it is one")
    return notes


def _different(values: pd.Series) -> int:
    return int(values[values != ""].nunique())
