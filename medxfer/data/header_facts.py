"""What a file says of its image without its pixels, whatever its kind."""

from typing import Final, NamedTuple

# Raise it when a header reader says something else of the same file: headers are kept under this number, and read
# again under the next.
HEADER_VERSION: Final = 4


class HeaderFacts(NamedTuple):
    """What a header says of its image, in the file's own words; "" for what is absent or damaged.

    Only the fields of `TECHNICAL` may be shown; patient, series and position stay in the store's folder.
    """

    modality: str  # "CT", "DX", "CR" or another of DICOM's, "unknown", or "images" if the files carry none
    burned_in: bool  # whether annotations stand in the pixels; such an image is never shown on a page
    syntax: str = ""  # how the pixels are coded: the transfer syntax's name, "PNG", "JPEG"
    size: str = ""  # rows×columns
    photometric: str = ""
    bits: str = ""
    manufacturer: str = ""
    model: str = ""
    view: str = ""
    patient: str = ""
    series: str = ""
    position: float | None = None  # mm along the slice's normal, of the first frame
    frames: int = 1  # number of pictures that `Source.pictures` gives of the file
    caveats: tuple[str, ...] = ()  # what was decided about it, in words that are the same for every file; counted
    gray: str = "uint16"  # the dtype of a store's display gray: "uint8", or "uint16" if the file has more levels
    unreadable: str = ""  # if it cannot be an image, the kind of its ImageError

    def __repr__(self) -> str:
        """Without the patient."""
        shown = self._asdict()
        del shown["patient"]
        return f"HeaderFacts({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


# In the order in which `data check` shows them: a scanner or a hospital has the same value for many patients.
TECHNICAL: Final = ("modality", "manufacturer", "model", "view", "syntax", "size", "photometric", "bits")
