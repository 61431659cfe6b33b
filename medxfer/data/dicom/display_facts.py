"""What a header says of how its image is to be shown that the gray does not follow, and of annotations in it."""

from __future__ import annotations

from typing import Final

from medxfer.data.dicom.header import Header
from medxfer.data.dicom.read_header import OVERLAY_ROWS
from medxfer.data.header_facts import BurnedIn

_CONTRADICTIONS: Final = (("MONOCHROME2", "INVERSE"), ("MONOCHROME1", "IDENTITY"))


def burned_in(said: str) -> BurnedIn:
    """Of Burned In Annotation (PS3.3 C.7.6.1.1.5): it has two terms; absent or spelt otherwise it says nothing."""
    return "yes" if said == "YES" else "no" if said == "NO" else "unsaid"


def not_applied(header: Header, photometric: str, shape: str) -> tuple[str, ...]:
    """In words that are the same for every file: a display shutter (C.7.6.11), overlays (C.9.2), in a group of their
    own or in unused bits, and a Presentation LUT Shape (`shape`) that contradicts the Photometric Interpretation."""
    found = {
        "Presentation LUT Shape contradicts Photometric Interpretation": (photometric, shape) in _CONTRADICTIONS,
        "a display shutter, which is not applied": "ShutterShape" in header.dataset,
        "a graphic overlay, which is not applied": not OVERLAY_ROWS.isdisjoint(header.dataset.keys()),
    }
    return tuple(caveat for caveat, holds in found.items() if holds)
