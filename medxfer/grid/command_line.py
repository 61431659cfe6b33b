"""The command line of medxfer.train, which Hydra reads: what it refuses is said in one sentence, like all else."""

import os
import re
import signal
import sys
from collections.abc import Callable, Sequence

from hydra._internal.utils import get_args_parser
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from medxfer.base.arguments import HELP
from medxfer.base.errors import MedxferError, first_line
from medxfer.base.overrides import check_overrides
from medxfer.base.stop import stop_politely
from medxfer.base.surroundings import prepare_surroundings
from medxfer.study.identity import PATH_KEYS
from medxfer.training.settings.composed import refuse_no_place, sentence
from medxfer.training.settings.keys import CONFIG
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
    stop_politely()  # before what takes seconds to import
    sys.argv[1:] = multirun_first(sys.argv[1:])
    if any(argument in HELP for argument in sys.argv[1:]):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a pager that is left before its end is no error
        return print(help_text())
    if os.environ.get("HYDRA_FULL_ERROR", "0") != "0":
        return main()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints its errors and exits
    try:
        check_options(sys.argv[1:])
        given = get_args_parser().parse_known_args(sys.argv[1:])[0]
        check_overrides(given.overrides, sweep=given.multirun)  # names that Hydra would answer with its grammar
        refuse_no_place()
        main()
    except (HydraException, OmegaConfBaseException, MedxferError, UserWarning) as error:
        sys.exit(f"error: {sentence(error)}")
    except ValueError as error:
        if not str(error).startswith("Config group override"):  # a group that is given null or a number
            raise
        sys.exit(f"error: {first_line(error)}: give a group the name of one of its options")


def check_options(arguments: Sequence[str]) -> None:
    """Raise MedxferError for a setting with dashes before it: Hydra takes -plan for its -p, and would train."""
    for argument in arguments:
        name = re.match(r"--?([A-Za-z]\w*(?:\.\w+)*)", argument)
        if name and name[1].partition(".")[0] in CONFIG.keys:
            written = argument.lstrip("-")
            form = written if "=" in written else f"{written}=true" if written == "plan" else f"{written}=…"
            raise MedxferError(f"{argument}: settings have no dashes; write {form}")


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
