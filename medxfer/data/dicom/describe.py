"""What a DICOM file's header says of its image, without the pixels."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from pydicom import uid

from medxfer.data.dicom.display_facts import burned_in, not_applied
from medxfer.data.dicom.header import DicomError, Header
from medxfer.data.dicom.pixels import DicomFile, open_dicom
from medxfer.data.dicom.read import check_policy
from medxfer.data.dicom.silence import silence
from medxfer.data.header_facts import HeaderFacts, sex_of, years_of

A = TypeVar("A")
T = TypeVar("T")

PLANES: Final = ("sagittal", "coronal", "axial")  # by the axis of the patient that their normals come nearest to
_TEXTS: Final = {
    "modality": "Modality",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "view": "ViewPosition",
    "patient": "PatientID",
    "series": "SeriesInstanceUID",
    "study": "StudyInstanceUID",
    "instance": "SOPInstanceUID",
    "accession": "AccessionNumber",
    "body_part": "BodyPartExamined",
    "series_description": "SeriesDescription",
    "photometric": "PhotometricInterpretation",
}


def inspect(path: str | Path, *, luminance: bool = False, for_processing: bool = False) -> HeaderFacts:
    """The header alone, no pixels; `frames` counts all that the file has. Raises DicomError for what `read_gray`
    refuses before it decodes."""
    with silence(), open_dicom(Path(path), checked=False) as file:
        _check(file, luminance, for_processing)
        return _facts(file)


def describe(path: str | Path, *, luminance: bool = False, for_processing: bool = False) -> HeaderFacts:
    """As `inspect`, and for what it refuses the kind of the error and whatever the header says besides: a report or a
    plan has a patient, too."""
    try:
        with silence(), open_dicom(Path(path), checked=False) as file:
            refused = ""
            try:
                _check(file, luminance, for_processing)
            except DicomError as error:
                refused = error.kind
            return _facts(file)._replace(unreadable=refused)
    except DicomError as error:
        return HeaderFacts("", unreadable=error.kind)


def _check(file: DicomFile, luminance: bool, for_processing: bool) -> None:
    file.check()
    check_policy(file, luminance, for_processing)
    file.header.of_frame(0)


def _facts(file: DicomFile) -> HeaderFacts:
    header, file_meta = file.header, Header(file.path, file.header.dataset.file_meta)
    texts = {field: _text(header, keyword) for field, keyword in _TEXTS.items()}
    rows, columns, bits, frames = (
        _described(header.integer, keyword) for keyword in ("Rows", "Columns", "BitsStored", "NumberOfFrames")
    )
    texts["photometric"] = texts["photometric"].upper()
    age, sex, annotations, sop_class, date, time = (
        _text(header, keyword)
        for keyword in ("PatientAge", "PatientSex", "BurnedInAnnotation", "SOPClassUID", "StudyDate", "StudyTime")
    )
    plane, position = _described(_place, header) or ("", None)
    return HeaderFacts(
        **texts | {"modality": texts["modality"] or "unknown"},
        burned_in=burned_in(annotations),
        syntax=file.syntax.name,
        size=f"{rows}×{columns}" if rows and columns else "",
        bits=str(bits or ""),
        age=years_of(age),
        sex=sex_of(sex),
        position=position,
        plane=plane,
        frames=max(frames or 1, 1),
        caveats=not_applied(header, texts["photometric"], _text(header, "PresentationLUTShape")),
        sop_class=uid.UID(sop_class or _text(file_meta, "MediaStorageSOPClassUID")).name,
        image_type=_printable("/".join(_described(header.texts, "ImageType") or ())),
        studied=date + time.partition(".")[0],
    )


def _text(header: Header, keyword: str) -> str:
    text = _described(header.text, keyword)
    return _printable(text or "")


def _printable(text: str) -> str:
    """`text` with a space for each character that would steer a terminal, or break a table of text."""
    return text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text).strip()


def _described(read: Callable[[A], T], of: A) -> T | None:
    """`read(of)`, which describes an image without deciding its pixels: None if it is damaged."""
    try:
        return read(of)
    except DicomError:
        return None


def _place(header: Header) -> tuple[str, float | None]:
    """The plane that frame 0 comes nearest to (of `PLANES`, "" where unknown), and Image Position (Patient) along the
    normal of Image Orientation (Patient), PS3.3 C.7.6.2.1.1."""
    first = header.of_frame(0)
    where, axes = (first.numbers(keyword) for keyword in ("ImagePositionPatient", "ImageOrientationPatient"))
    if len(where) != 3 or len(axes) != 6:
        return "", None
    (a, b, c), (d, e, f) = axes[:3], axes[3:]
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    place = sum(along * step for along, step in zip(where, normal, strict=True))
    steepest = max(range(3), key=lambda axis: abs(normal[axis]))
    return (PLANES[steepest], place) if math.isfinite(place) and any(normal) else ("", None)
