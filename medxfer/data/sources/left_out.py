"""Why a file is not used: by rule, because it is not there, or because it is broken."""

from typing import Final, Literal

from medxfer.data.sources.folder_walk import BROKEN_LINK, LOOP, MASK, REPEATED

BY_RULE: Final = "by rule: "  # as the reasons begin that are no fault of a file
UNLABELLED: Final = "no label"
FILE_MISSING: Final = "file missing"
UNKNOWN_TYPE: Final = "unknown file type"

_RULES = (UNLABELLED, UNKNOWN_TYPE, LOOP, MASK, REPEATED)
_MISSING = (FILE_MISSING, BROKEN_LINK)


def why(reason: str) -> Literal["rule", "missing", "broken"]:
    """What kind of reason it is, of those that `Index.left_out` and a store's `rejected` name."""
    if reason.startswith(BY_RULE) or reason in _RULES:
        return "rule"
    return "missing" if reason in _MISSING else "broken"
