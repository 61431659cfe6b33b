"""The command line of medxfer.train, which Hydra reads: what it refuses is said in one sentence, like all else."""

import os
import re
import signal
import sys
from collections.abc import Callable, Sequence

from hydra._internal.utils import get_args_parser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from medxfer.base.arguments import HELP
from medxfer.base.errors import MedxferError, first_line, unknown
from medxfer.base.overrides import check_overrides
from medxfer.base.surroundings import prepare_surroundings
from medxfer.study.identity import PATH_KEYS
from medxfer.training.settings.reading import unknown_key
from medxfer.training.settings.reference_text import help_text

MULTIRUN = ("-m", "--multirun")
SECRET = r"(api_?key|token|secret|password)\w*$"  # how keys of a logger's server are called
HYDRA_FOLDERS = ("--config-dir", "-cd", "--config-path", "-cp")  # options that a folder follows


def run_hydra(main: Callable[[], None]) -> None:
    """Call Hydra's `main`, or print the settings where --help asks for them.

    Exits with a sentence where the command line or its configuration is wrong.

    With HYDRA_FULL_ERROR=1 Hydra's own error is raised.
    """
    try:
        prepare_surroundings()
    except MedxferError as error:
        sys.exit(f"error: {error}")
    sys.argv[1:] = multirun_first(sys.argv[1:])
    if any(argument in HELP for argument in sys.argv[1:]):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a pager that is left before its end is no error
        return print(help_text())
    if os.environ.get("HYDRA_FULL_ERROR", "0") != "0":
        return main()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints its errors and exits
    try:
        given = get_args_parser().parse_known_args(sys.argv[1:])[0]
        check_overrides(given.overrides, sweep=given.multirun)  # names that Hydra would answer with its grammar
        main()
    except (HydraException, OmegaConfBaseException, MedxferError) as error:
        sys.exit(f"error: {sentence(error)}")
    except ValueError as error:
        if not str(error).startswith("Config group override"):  # a group that is given null or a number
            raise
        sys.exit(f"error: {first_line(error)}: give a group the name of one of its options")


def multirun_first(arguments: Sequence[str]) -> list[str]:
    """`arguments` with -m before the others: between two settings argparse takes the second one for unknown."""
    flags = [argument for argument in arguments if argument in MULTIRUN]
    return [*flags[:1], *(argument for argument in arguments if argument not in MULTIRUN)]


def published(arguments: Sequence[str]) -> str:
    """The command as one may publish it: without paths."""
    public: list[str] = []
    for argument in arguments:
        key, equals, _ = argument.partition("=")
        if public and public[-1] in HYDRA_FOLDERS:
            public.append("<path>")
        elif equals and re.search(SECRET, key):
            public.append(f"{key}=<secret>")
        elif equals and (key.rpartition(".")[2] in (*PATH_KEYS, "dir") or key in HYDRA_FOLDERS):
            public.append(f"{key}=<path>")
        else:
            public.append(
                re.sub(r"(?<![\w.\]/])[/~][^\s,;:'\"\]}]+", "<path>", re.sub(r"file:[^,]*/", "file:", argument))
            )
    return " ".join(["python -m medxfer.train", *public])


def sentence(error: Exception) -> str:
    """What is wrong, in one sentence with the way out."""
    text = str(error).strip() or str(error.__cause__ or "").strip() or type(error).__name__
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, name = error.missing_cfg_file.rpartition("/")
        options = [one for one in error.options if one not in ("base", "options")]
        return str(unknown(group, name, options, f"there are {', '.join(options)}."))
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override}: cannot be read ({first_line(error)}); quote what the shell or Hydra may not read itself"
        )
    for pattern, said in _HYDRAS.items():
        if found := re.match(pattern, text, re.DOTALL):
            return said(found[1])
    return re.sub(r"\s+", " ", text.partition("\nSee https")[0].partition("\n    full_key")[0])


def _no_such(key: str) -> str:
    if key.startswith("hydra."):
        return f"unknown setting '{key}': python -m medxfer.train --cfg hydra prints all of Hydra's."
    return str(unknown_key(key))


def _several(argument: str) -> str:
    return f"{argument}: several values make a grid, which -m trains: give -m as well"


def _there(key: str) -> str:
    return f"+{key}: the setting is there already: give it without the plus"


# What Hydra says, as far as it names the culprit → what is said in its place.
_HYDRAS: dict[str, Callable[[str], str]] = {
    r"Could not override '([^']*)'": _no_such,
    r"Could not delete from config\. '([^']*)' does not exist": _no_such,
    r"Could not append to config\. An item is already at '([^']*)'": _there,
    r"Ambiguous value for argument '(.*?)'\n": _several,
    r"Sweep parameters '(.*)' requires --multirun": _several,
}
