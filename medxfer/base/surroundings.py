"""What a command meets where it is called: an output without ×, a home or a temporary folder that takes nothing."""

import atexit
import codecs
import io
import logging
import os
import shutil
import sys
import tempfile
import unicodedata
from functools import cache
from pathlib import Path

from medxfer.base.errors import MedxferError

READABLE = "medxfer.readable"  # Python's name for the rule by which an output encodes what it lacks
_ASCII = {
    "×": "x", "−": "-", "–": "-", "—": "-", "‑": "-", "…": "...", "→": "->", "←": "<-", "·": ".", "±": "+-", "∓": "-+",
    "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "√": "sqrt", "Σ": "sum", "α": "alpha", "λ": "lambda", "θ": "theta",
    "χ": "chi", "′": "'", "’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "✓": "yes", "✗": "no", "°": " deg",
    "ß": "ss", "\N{NO-BREAK SPACE}": " ", "•": "*", "█": "#", "━": "-", "╸": "-", "╺": "-",
}  # fmt: skip
# What libraries write into the user's folders without need: (variable, folder below HOME, XDG's variable and the folder
# below that). Weights and decoded images are not among them: elsewhere they would be lost, or not be found.
_SCRATCH = (
    ("MPLCONFIGDIR", ".config/matplotlib", "XDG_CONFIG_HOME", "matplotlib"),
    ("WANDB_CACHE_DIR", ".cache/wandb", "XDG_CACHE_HOME", "wandb"),
    ("WANDB_CONFIG_DIR", ".config/wandb", "", ""),
    ("WANDB_DATA_DIR", ".local/share/wandb", "XDG_DATA_HOME", "wandb"),
)


def prepare_surroundings() -> None:
    """Let the command work where it is: the first thing that each command does, before it imports what draws or logs.

    Raises MedxferError where no temporary file can be written, which torch, joblib and W&B cannot do without.
    """
    readable_output()
    logging.raiseExceptions = False  # a log that its disk does not take, such as W&B's own, prints no traceback
    _temporary_folder()
    _homeless()


def readable_output() -> None:
    """Let standard output and error write plain ASCII for what their encoding lacks (× as x), instead of an error."""
    codecs.register_error(READABLE, _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a notebook's are others, and take everything
            stream.reconfigure(errors=READABLE)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """What stands for the characters that could not be encoded, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    if character in _ASCII:
        return _ASCII[character]
    if 0x2800 <= ord(character) < 0x2900:  # Braille, of which spinners are made
        return "*"
    base = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return base or "?"  # also half a surrogate: a byte of a file's name that is no text


def _temporary_folder() -> None:
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        raise MedxferError(
            "no folder takes temporary files (TMPDIR, /tmp, /var/tmp and this one are missing, full or not writable): "
            "free some space, or name another folder by TMPDIR="
        ) from None


@cache
def _homeless() -> None:
    """Give libraries a folder for the time of the command, where they could not write into the user's own."""
    try:
        Path.home()
    except RuntimeError:  # no HOME, and a user whom the system does not know, as in containers
        os.environ["HOME"] = os.devnull  # nobody writes below it; else libraries would make folders named ~ here
    for variable, below_home, xdg, name in _SCRATCH:
        usual = Path(os.environ[xdg], name) if os.environ.get(xdg) else Path.home() / below_home
        if variable not in os.environ and not _writable(usual):
            os.environ[variable] = str(Path(_scratch(), variable.lower()))
            Path(os.environ[variable]).mkdir(exist_ok=True)


@cache
def _scratch() -> str:
    folder, mine = tempfile.mkdtemp(prefix="medxfer-"), os.getpid()

    def remove() -> None:
        if os.getpid() == mine:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def _writable(folder: Path) -> bool:
    """Whether `folder` can be written, or made; nothing is made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
