"""What a file says of its image without its pixels, whatever its kind."""

import re
from typing import Final, Literal, NamedTuple

# Raise it when a header reader says something else of the same file: headers are kept under this number, and read
# again under the next.
HEADER_VERSION: Final = 11

UNREADABLE: Final = "unreadable"  # as a reason begins where a file's bytes cannot be read
SEVERAL_FRAMES: Final = "several frames, and no data.frame"  # the reason where nobody says which one is meant

BurnedIn = Literal["yes", "no", "unsaid"]  # whether annotations stand in the pixels; "no" only where that is stated


class HeaderFacts(NamedTuple):
    """What a header says of its image, in the file's own words; "" for what is absent or damaged.

    Only the fields of `TECHNICAL` may be shown; what tells of the person or names the image (`PRIVATE`) stays in the
    store's folder. A file that cannot be an image has its reason in `unreadable`, and whatever else its header says.
    """

    modality: str  # "CT", "DX", "CR" or another of DICOM's, "unknown", or "images" if the files carry none
    burned_in: BurnedIn = "unsaid"  # an image is shown on a page only where it is "no"
    syntax: str = ""  # how the pixels are coded: the transfer syntax's name, "PNG", "JPEG"
    size: str = ""  # rows×columns
    photometric: str = ""
    bits: str = ""
    manufacturer: str = ""
    model: str = ""
    view: str = ""
    patient: str = ""
    age: float | None = None  # years
    sex: str = ""  # one of SEXES
    series: str = ""
    position: float | None = None  # mm along the slice's normal, of the first frame
    frames: int = 1  # number of pictures that `Reading.pictures` gives of the file
    caveats: tuple[str, ...] = ()  # what was decided about it, in words that are the same for every file; counted
    gray: str = "uint16"  # the dtype of a store's display gray: "uint8", or "uint16" if the file has more levels
    unreadable: str = ""  # if it cannot be an image, the kind of its ImageError
    study: str = ""  # StudyInstanceUID
    instance: str = ""  # SOPInstanceUID
    accession: str = ""  # AccessionNumber
    sop_class: str = ""  # its name, such as "CT Image Storage"; the UID of one that the standard does not have
    image_type: str = ""  # its values with "/" between them, such as "ORIGINAL/PRIMARY/AXIAL"
    body_part: str = ""
    series_description: str = ""
    plane: str = ""  # axial, coronal or sagittal, whichever a slice comes nearest to
    studied: str = ""  # date and time of the study, YYYYMMDDHHMMSS as far as they are given

    def __repr__(self) -> str:
        """Without the person."""
        shown = {name: value for name, value in self._asdict().items() if name not in PRIVATE}
        return f"HeaderFacts({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def no_image(why: str) -> HeaderFacts:
    """The facts of a file that is refused for the reason `why`."""
    return HeaderFacts("", unreadable=why)


PRIVATE: Final = (
    "patient", "age", "sex", "study", "series", "instance", "accession", "series_description", "studied",
)  # fmt: skip
SEXES: Final = ("female", "male", "other")
# DICOM's letters and words of English and German; what means another sex in another language (Spanish M) is not told.
_SEX_OF: Final = {
    word: sex
    for sex, words in {
        "female": "f female w weiblich woman frau",
        "male": "m male männlich maennlich man mann",
        "other": "o other d divers diverse",
    }.items()
    for word in words.split()
}
_YEARS: Final = {
    word: part
    for part, words in {
        1.0: "Y YR YRS YEAR YEARS J JAHR JAHRE",
        1 / 12: "M MONTH MONTHS MONAT MONATE",
        7 / 365.25: "W WEEK WEEKS WOCHE WOCHEN",
        1 / 365.25: "D DAY DAYS T TAG TAGE",
    }.items()
    for word in words.split()
}


def years_of(text: str) -> float | None:
    """An age in years: a number of years, DICOM's age string such as 045Y or 006M (PS3.5 6.2, AS), or a number with its
    unit in English or German, such as 45 years or 6 Monate; else None."""
    stated = re.fullmatch(r"(\d{1,3}(?:[.,]\d+)?)\s*([A-Z]*)", text.strip().upper())
    if not stated or (stated[2] or "Y") not in _YEARS:
        return None
    years = float(stated[1].replace(",", ".")) * _YEARS[stated[2] or "Y"]
    return years if years <= 120 else None


def sex_of(text: str) -> str:
    """One of SEXES, by DICOM's letter, or a letter or word of English or German; "" for anything else."""
    return _SEX_OF.get(text.strip().lower(), "")


# In the order in which `data check` shows them: a scanner or a hospital has the same value for many patients.
TECHNICAL: Final = ("modality", "manufacturer", "model", "view", "syntax", "size", "photometric", "bits")

RADIOGRAPHS: Final = {"CR", "DX"}  # computed and digital radiography: one kind of picture
PICTURES: Final = "images"  # the modality of files that state none


def one_kind(modality: str, other: str) -> bool:
    """Whether images of these modalities, such as "CT" or "CR+DX", can be mixed, as far as their files say it."""
    one, two = set(modality.split("+")), set(other.split("+"))
    return one == two or (one | two) <= RADIOGRAPHS or PICTURES in one | two
