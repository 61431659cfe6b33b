"""Every setting of medxfer.train in sections: meaning, what it takes, default. What --help and the docs are made of."""

from collections.abc import Iterator
from dataclasses import dataclass

from medxfer.base.kinds import Only, shown
from medxfer.training.settings.defaults import default_of
from medxfer.training.settings.described import Group, Keys
from medxfer.training.settings.keys import CONFIG, FACTORS, RECIPE
from medxfer.training.settings.trainer_keys import REFUSED, TAKEN


@dataclass(frozen=True)
class Entry:
    """A setting, or a group of them with `.…` at its end."""

    key: str  # as one gives it on the command line: with a plus where it must be added
    meaning: str
    takes: str
    default: str


@dataclass(frozen=True)
class Section:
    title: str
    meaning: str
    entries: tuple[Entry, ...]


def sections() -> list[Section]:
    """All settings but the Trainer's that are refused, in the order of the configuration."""
    groups = {"study": "Study", "data": "Data", "trainer": "Trainer", "logger": "Logger"}
    above = {**FACTORS, **RECIPE, **dict.fromkeys(groups)}
    others = {key: one for key, one in CONFIG.keys.items() if key not in above}
    found = [
        Section("Factors", "what a study compares; several values, with commas, make a grid after -m", _all(FACTORS)),
        Section("Training", "the same for every cell of a study, unless it is compared or tuned", _all(RECIPE)),
    ]
    for key, title in groups.items():
        group = CONFIG.keys[key]
        assert isinstance(group, Group)
        found.append(Section(title, group.meaning, _all(TAKEN if key == "trainer" else group.keys, f"{key}.")))
    return [*found, Section("Others", "the page, the store, what is scored besides", _all(others))]


def refused() -> Section:
    """The Trainer's arguments that a cell cannot take, with the reason and the values that change nothing."""
    return Section("Refused arguments of the Trainer", "refused with the reason, but for values that change nothing",
                   _all(REFUSED, "trainer."))  # fmt: skip


def _all(keys: Keys, before: str = "") -> tuple[Entry, ...]:
    return tuple(_entries(keys, before))


def _entries(keys: Keys, before: str) -> Iterator[Entry]:
    for name, one in keys.items():
        key = f"{before}{name}"
        if isinstance(one, Group):
            null = f"null for {one.null}" if one.null else ""
            yield Entry(f"{key}.…", one.meaning, null, "")
            yield from _entries(one.keys, f"{key}.")
        elif isinstance(one.kind, Only):
            values = " or ".join(map(shown, one.kind.values)) or "nothing"
            yield Entry(key, one.kind.because, values, default_of(key) or "Lightning's")
        else:
            default = default_of(key)
            added = key.startswith("trainer.") and not default
            yield Entry(f"{'+' * added}{key}", one.meaning, one.kind.words, default or "Lightning's" * added)
