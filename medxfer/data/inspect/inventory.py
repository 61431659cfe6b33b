"""What lies in a folder, before labels exist: a row a file, of what its header says."""

import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from medxfer.base.display import Step
from medxfer.base.errors import ImageError, MedxferError
from medxfer.base.files import whole_file
from medxfer.data.dicom import describe, silence
from medxfer.data.header_facts import HEADER_VERSION, HeaderFacts, no_image
from medxfer.data.processes import in_processes
from medxfer.data.sources.file_kinds import ARCHIVES, is_picture
from medxfer.data.sources.folder_walk import walk
from medxfer.data.sources.keep import left_out_by_rule
from medxfer.data.sources.nifti_file import NiftiReader, is_volume
from medxfer.data.sources.picture_file import PictureReader

# The table's columns. The names of identifiers are DICOM's, so that a table of labels made from it is joined by them.
COLUMNS: Final = {
    "path": "path", "label": "label", "patient_id": "patient", "StudyInstanceUID": "study",
    "SeriesInstanceUID": "series", "SOPInstanceUID": "instance", "AccessionNumber": "accession",
    "modality": "modality", "sop_class": "sop_class", "image_type": "image_type", "view": "view",
    "body_part": "body_part", "frames": "frames", "rows": "rows", "columns": "columns", "bits": "bits",
    "photometric": "photometric", "burned_in": "burned_in", "date_order": "date_order", "left_out": "left_out",
}  # fmt: skip
_IDENTIFIERS = ("patient", "study", "series", "instance", "accession")
_FILES_AT_ONCE = 100  # a process reads so many headers before it answers: an answer takes as long as several headers
_MOST_FAULTS = 20.0  # seconds that so many files may take, if a file hangs on a network drive
OTHER_KIND: Final = "neither DICOM nor a picture"
PACKED: Final = "archive, to be unpacked first"
VOLUMES: Final = "volumes"  # as the modality of NIfTI files, which state none


@dataclass(frozen=True)
class Inventory:
    """The files of a folder: `table` has the columns COLUMNS, a row a file; `links` are the reasons for which links and
    files are no files of the folder, with how many there are."""

    table: pd.DataFrame
    links: dict[str, int]


def take_inventory(root: Path, out: Path, pseudonyms: bool, progress: Step | None = None) -> Inventory:
    """Describe every file under `root`, and write the table to `out`, a CSV that its owner alone can read.

    What was read is kept beside `out` until the table is whole, so that a second call goes on where the first stopped.
    With `pseudonyms`, patients, UIDs and accession numbers are keyed by a random key that is thrown away: the same
    within this table, and not in another.

    Raises MedxferError if `root` holds no file, `out` is there already, or cannot be written.
    """
    if not root.is_dir():
        raise MedxferError(f"root={root}: no such folder; give the folder that holds the images")
    if out.exists():
        raise MedxferError(f"out={out}: is there already, perhaps with labels in it; give another name, or remove it")
    files, links = walk(root)
    files = [file for file in files if root / file != out]
    if not files:
        raise MedxferError(f"root={root}: holds no file; give the folder that holds the images")
    of_root = hashlib.sha256(f"{root.resolve()} {HEADER_VERSION}".encode()).hexdigest()[:12]
    journal = out.with_name(f".{out.name}.{of_root}.partial")
    try:
        facts = _read(root, files, journal, progress)
        inventory = Inventory(_table(facts, root, pseudonyms), {reason: len(names) for reason, names in links.items()})
        with whole_file(out) as file:
            os.fchmod(file.fileno(), 0o600)
            inventory.table.to_csv(file, index=False)
    except OSError as error:
        raise MedxferError(
            f"out={out}: cannot be written ({error.strerror}); give a file in a folder that can"
        ) from error
    journal.unlink(missing_ok=True)
    return inventory


def describe_file(path: Path) -> HeaderFacts:
    """What the header of a DICOM file or a picture, found by content, or of a NIfTI volume says."""
    if is_volume(path):
        return _volume(path)
    if not is_picture(path):
        facts = describe(path)
        if facts.unreadable != "not DICOM" or path.suffix.lower() in (".dcm", ".dicom", ".dic", ".ima", ""):
            return facts
        return facts._replace(unreadable=PACKED if path.name.lower().endswith(ARCHIVES) else OTHER_KIND)
    try:
        return PictureReader().header(path)
    except ImageError as error:
        return HeaderFacts("images", unreadable=error.kind)


def _volume(path: Path) -> HeaderFacts:
    """Of its axial slices. That it is CT, as data=nifti takes it for, its header does not say."""
    try:
        return NiftiReader().header(path)._replace(modality=VOLUMES)
    except ImageError as error:
        return HeaderFacts(VOLUMES, unreadable=error.kind)


def _read(root: Path, files: Sequence[str], journal: Path, progress: Step | None) -> pd.DataFrame:
    """The facts of each file, of which `journal` keeps what has been read."""
    known = {file: facts for file, stamp, facts in _kept(journal) if stamp == _stamp(root / file)}
    todo = [file for file in files if file not in known]
    parts = [todo[start : start + _FILES_AT_ONCE] for start in range(0, len(todo), _FILES_AT_ONCE)]
    descriptor = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as kept:
        kept.write("\n")  # after a line that was torn
        for part in _described(root, parts):
            known.update(part)
            lines = (json.dumps([file, _stamp(root / file), facts]) for file, facts in part.items())
            kept.writelines(f"{line}\n" for line in lines)
            kept.flush()
            if progress:
                progress("reading headers", len(known), len(files))
    rows = [known.pop(file) for file in files]
    return pd.DataFrame(rows, columns=HeaderFacts._fields, index=pd.Index(files, name="file"))


def _stamp(path: Path) -> list[int]:
    """Size and time, by which a file that was changed or mended since is read again."""
    try:
        stat = path.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]


def _described(root: Path, parts: Sequence[Sequence[str]]) -> Iterator[dict[str, list[Any]]]:
    """The facts of the files of each part. One file that hangs or ends its process costs itself alone."""

    def facts_of(part: Sequence[str]) -> list[list[Any]]:
        with silence():
            return [list(describe_file(root / file)) for file in part]

    if len(parts) < 2:  # read sooner than processes start
        yield from (dict(zip(part, facts_of(part), strict=True)) for part in parts)
        return
    outcomes = in_processes(facts_of, parts, seconds=lambda _: _MOST_FAULTS, few=2)
    with closing(outcomes):
        for place, outcome in outcomes:
            part = parts[place]
            if not isinstance(outcome, str):
                yield dict(zip(part, outcome, strict=True))
                continue
            alone = in_processes(facts_of, [[file] for file in part], few=1)
            with closing(alone):
                for one, found in alone:
                    yield {part[one]: list(no_image(found)) if isinstance(found, str) else found[0]}


def _kept(journal: Path) -> Iterator[tuple[str, list[int], list[Any]]]:
    """What an earlier call has read, but for what it could not open."""
    with suppress(FileNotFoundError), journal.open(encoding="utf-8") as lines:
        for line in lines:
            with suppress(ValueError):  # torn, or blank
                file, stamp, facts = json.loads(line)
                if HeaderFacts(*facts).unreadable != "unreadable":
                    yield file, stamp, facts


def _table(facts: pd.DataFrame, root: Path, pseudonyms: bool) -> pd.DataFrame:
    """`facts` (a row a file below `root`) as the table of the inventory."""
    rules = left_out_by_rule(facts, path_of=root.joinpath)
    # What a rule leaves out is no fault, though nothing could be read of it as an image.
    facts = facts.assign(
        left_out=rules.where(rules != "", facts["unreadable"]), label="", date_order=_date_order(facts)
    )
    facts[["rows", "columns"]] = facts["size"].str.partition("×")[[0, 2]]
    if pseudonyms:
        key = os.urandom(32)
        for name in _IDENTIFIERS:
            facts[name] = [_pseudonym(key, name, value) for value in facts[name]]
    table = facts.reset_index(names="path")[list(COLUMNS.values())].set_axis(list(COLUMNS), axis=1)
    # Pictures carry no patients: a column of nothing would be taken for one of patients that are not known.
    return table if (table["patient_id"] != "").any() else table.drop(columns="patient_id")


def _date_order(facts: pd.DataFrame) -> pd.Series:
    """1 for the first study of a patient, 2 for the next, and so on; "" where the date or the patient is not known."""
    known = facts[(facts["studied"] != "") & (facts["patient"] != "")]
    order = known.groupby("patient")["studied"].rank(method="dense").astype(int).astype(str)
    return order.reindex(facts.index, fill_value="")


def _pseudonym(key: bytes, kind: str, value: str) -> str:
    """Keyed by `kind` also: a patient's number and an accession number may be the same."""
    return hmac.new(key, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()[:16] if value else ""
