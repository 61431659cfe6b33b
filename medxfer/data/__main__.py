"""Data sets there are, what a training would meet in one, and which decoded images are kept.

    python -m medxfer.data          every data=, what to download and where from
    python -m medxfer.data scan     what lies in a folder, before labels exist
    python -m medxfer.data check    what a training would meet in the data that its settings name
    python -m medxfer.data stores   the decoded images that are kept
    python -m medxfer.data prune    remove decoded images

Each answers --help.
"""

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from medxfer.base.arguments import HELP, Command, called, run, setting
from medxfer.base.errors import MedxferError, unknown
from medxfer.base.kinds import TABLE, Number, Text
from medxfer.base.terminal import open_console, show
from medxfer.base.words import count, size

FOLDER = Text("a folder")
STORE_ROOT = user_cache_path("medxfer")


@dataclass(frozen=True)
class Nothing:
    pass


@dataclass(frozen=True)
class Scan:
    root: Path = setting(
        "what is looked at, with all that is below it and where its links lead", shown="FOLDER", takes=FOLDER
    )
    out: Path = setting("the table, which its owner alone can read", shown="index.csv", takes=TABLE)
    pseudonyms: bool = setting("write keyed pseudonyms for patients, UIDs and accession numbers", False, shown="true")


@dataclass(frozen=True)
class Stores:
    store_root: Path = setting("where stores lie", STORE_ROOT, "store.root", "DIR", takes=FOLDER)


@dataclass(frozen=True)
class Prune:
    unused: float | None = setting(
        "remove stores that were not used for so many days", None, shown="DAYS", takes=Number(0)
    )
    all: bool = setting("remove all of them", False, shown="true")
    store_root: Path = setting("where stores lie", STORE_ROOT, "store.root", "DIR", takes=FOLDER)


NAME = "python -m medxfer.data"
CHECK = f"""Balance, refusals, headers, duplicates, shortcuts and the split of a data set, before any training.

usage: {NAME} check data=… data.root=… [any setting of medxfer.train]
"""
SCAN = """\
What lies in a folder, before labels exist: a row a file, of what its header says, as the template of labels.csv.

Stopped, it goes on where it was when it is called again. The table holds what tells of patients: it stays where you
put it. No names are in it, but paths are as they are.
"""
COMMANDS: dict[str, Command[Any]] = {
    "scan": Command(f"{NAME} scan", SCAN, Scan),
    "check": Command(f"{NAME} check", CHECK, Nothing),
    "stores": Command(f"{NAME} stores", "The decoded images that are kept.", Stores),
    "prune": Command(f"{NAME} prune", "Remove decoded images.", Prune),
}


def main(arguments: list[str]) -> int:
    """Run a command; 1 if the input is wrong, or if the data are such that a training would refuse them."""
    name, *rest = arguments or [""]
    if name in ("", *HELP):
        return run(Command(NAME, __doc__, Nothing), _list, arguments)
    others: dict[str, Callable[[Any], None]] = {"scan": _scan, "stores": _stores, "prune": _prune}
    if name in others:
        return run(COMMANDS[name], others[name], rest)
    return called(lambda: _check(name, rest))


def _list(_: Nothing) -> None:
    from medxfer.data.sources.targets import data_sets

    show(open_console(), "Data sets", ("data=", "needs", "what it is", "what it takes, and where from"), data_sets())


def _scan(given: Scan) -> None:
    from medxfer.base.display import display
    from medxfer.data.inspect.inventory import take_inventory
    from medxfer.data.inspect.inventory_summary import show_inventory

    try:
        inventory = take_inventory(given.root, given.out, given.pseudonyms, display.step)
    except KeyboardInterrupt:
        display.close()
        raise MedxferError("stopped: the same command goes on where it was") from None
    display.close()
    console = open_console()
    show_inventory(inventory, console)
    console.print(f"\nThe table: {given.out} (fill in the column label, and give it by data.labels=)", markup=False)


def _check(name: str, overrides: list[str]) -> None:
    if name != "check":
        raise unknown("command", name, COMMANDS, f"the commands are {', '.join(COMMANDS)}.")
    if set(overrides) & set(HELP):
        from medxfer.training.settings.reference_text import help_text

        return print(help_text(about=CHECK))
    console = open_console()
    with console.status("starting"):
        from medxfer.data.inspect.check import check  # with pandas, which wrong commands need not wait for
        from medxfer.training.settings.composed import compose_config

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a data set's caveats, which it prints
        check(compose_config(overrides), console)


def _stores(given: Stores) -> None:
    from medxfer.data.store.prune import find_stores, other_folders

    root, console = _existing(given.store_root), open_console()
    rows = [
        (s.source, s.root, s.kept_as, s.images, size(s.bytes), _age(s.built), _age(s.used)) for s in find_stores(root)
    ]
    if rows:
        head = ("data set", "files lay in", "store", "images", "size", "built", "last used")
        show(console, f"Stores under {root}", head, rows)
    else:
        console.print(f"No stores under {root}.", markup=False)
    for name, taken in other_folders(root).items():
        console.print(f"Beside them: {name}, {size(taken)}", markup=False)


def _prune(given: Prune) -> None:
    from medxfer.data.store.prune import prune

    if (given.unused is not None) == given.all:
        raise MedxferError("say what to remove: unused=DAYS for stores not used for so long, or all=true")
    removed, kept, refused = prune(_existing(given.store_root), given.unused or 0.0)
    console = open_console()
    console.print(f"Removed {count(len(removed), 'store')}, {size(sum(store.bytes for store in removed))}.")
    if kept:
        console.print(f"Kept {len(kept)}, which another process builds.")
    if refused:
        path, why = next(iter(refused.items()))
        more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
        raise MedxferError(
            f"{path}{more} could not be removed ({why}): run this as the owner, where the disk can be written"
        )


def _existing(root: Path) -> Path:
    """`root` in full. Raises MedxferError if there is no such folder; the usual one is there from the first use on."""
    if not root.is_dir() and root != STORE_ROOT:
        raise MedxferError(f"store.root={root}: no such folder; give the store.root of the trainings, or leave it out")
    return root.resolve()


def _age(since: float) -> str:
    """How long ago `since` was, in seconds since the epoch."""
    hours = (time.time() - since) / 3600
    return f"{hours / 24:.0f} days ago" if hours >= 48 else f"{hours:.0f} h ago"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
