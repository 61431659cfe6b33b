"""Which data sets there are, what a training would meet in one, and which decoded images are kept:

python -m medxfer.data                                   every data=, what to download and where from
python -m medxfer.data check data=… data.root=… [settings as medxfer.train takes them]
python -m medxfer.data stores [store.root=DIR]
python -m medxfer.data prune unused=DAYS|all=true [store.root=DIR]
"""

import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_cache_path

from medxfer.base.errors import MedxferError, unknown
from medxfer.base.terminal import open_console, show, size


def main(arguments: list[str]) -> int:
    """Run a command; 1 if the input is wrong, or if the data are such that a training would refuse them."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("list", [])
    commands = {"list": _list, "check": _check, "stores": _stores, "prune": _prune}
    try:
        if command in ("-h", "--help"):
            print(__doc__)
        elif command in commands:
            commands[command](rest)
        else:
            raise unknown("command", command, commands, f"the commands are {', '.join(commands)}.")
    except MedxferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _list(_: Sequence[str]) -> None:
    from medxfer.data.sources.targets import data_sets

    show(open_console(), "Data sets", ("data=", "needs", "what it is", "what it takes, and where from"), data_sets())


def _check(arguments: Sequence[str]) -> None:
    console = open_console()
    with console.status("starting"):
        from medxfer.data.inspect.check import check  # with torch, which wrong commands need not wait for

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a data set's caveats, which it prints
        check(arguments, console)


def _stores(arguments: Sequence[str]) -> None:
    from medxfer.data.store.prune import find_stores, other_folders

    root, console = _root(_settings(arguments, ("store.root",))), open_console()
    rows = [
        (s.source, s.root, s.settings, s.images, size(s.bytes), _age(s.built), _age(s.used)) for s in find_stores(root)
    ]
    if rows:
        head = ("data set", "files lay in", "store", "images", "size", "built", "last used")
        show(console, f"Stores under {root}", head, rows)
    else:
        console.print(f"No stores under {root}.", markup=False)
    for name, count in other_folders(root).items():
        console.print(f"Beside them: {name}, {size(count)}", markup=False)


def _prune(arguments: Sequence[str]) -> None:
    from medxfer.data.store.prune import prune

    given = _settings(arguments, ("unused", "all", "store.root"))
    usage = "say what to remove: unused=DAYS for stores not used for so long, or all=true"
    if ("unused" in given) == ("all" in given) or given.get("all", "true") != "true":
        raise MedxferError(usage)
    try:
        days = float(given.get("unused", 0))
    except ValueError:
        days = -1
    if not 0 <= days < float("inf"):
        raise MedxferError(f"unused={given['unused']}: not a number of days; {usage}")
    removed, kept = prune(_root(given), days)
    console = open_console()
    console.print(f"Removed {len(removed)} stores, {size(sum(store.bytes for store in removed))}.")
    if kept:
        console.print(f"Kept {len(kept)}, which another process builds.")


def _settings(arguments: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    given = dict(argument.partition("=")[::2] for argument in arguments)
    for key in given:
        if key not in known:
            raise unknown("setting", key, known, f"this command takes {', '.join(known)}.")
    return given


def _root(given: dict[str, str]) -> Path:
    root = given.get("store.root")
    return Path(root).expanduser().resolve() if root else user_cache_path("medxfer")


def _age(since: float) -> str:
    """How long ago `since` was, in seconds since the epoch."""
    hours = (time.time() - since) / 3600
    return f"{hours / 24:.0f} days ago" if hours >= 48 else f"{hours:.0f} h ago"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
