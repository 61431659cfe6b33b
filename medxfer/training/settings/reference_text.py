"""The reference of settings as text: at a terminal, and as docs/settings.md, which this module writes."""

import re
import sys
import textwrap
from pathlib import Path

from medxfer.base.arguments import MANDATORY, item, terminal_width
from medxfer.base.words import listing
from medxfer.training.settings.defaults import options
from medxfer.training.settings.reference import Entry, Section, refused, sections

_GROUPS = {
    "data": "the data set; python -m medxfer.data says what each needs",
    "logger": "where curves go",
    "callbacks": "what else watches or changes each training",
    "experiment": "whole settings",
    "hydra/launcher": "where cells are trained",
}
_COMMAND = """python -m medxfer.train: train one cell, or with -m a grid of them

usage: python -m medxfer.train [-m] [setting=value …]
       python -m medxfer.train -m colormap=none,viridis pretrained=true,false

  -m, --multirun    train a cell for each combination of values with commas
  --cfg job         print the configuration, and train nothing
  --hydra-help      what else Hydra takes"""
_PAGE = """# Settings

Every setting of `python -m medxfer.train`, which `python -m medxfer.data check` takes too. `--help` prints the same.
A setting is given as `setting=value`, such as `data=dicom data.root=FOLDER`. The plus of `+trainer.…` is given too:
it adds what the configuration does not hold yet. Where a default is that of some data sets or loggers alone, their
names stand after it; others do not take the setting, unless a default without names stands first. The defaults are
those of `conf/`; with `--cfg job` a command prints its own.

`make reference` writes this page, from the description by which settings are checked.
"""


def help_text(width: int | None = None, about: str = _COMMAND) -> str:
    """What --help prints: `about` the command, then every setting; `width` columns, by default as the terminal has."""
    width = width or terminal_width()
    parts = [about, _head("Groups", "a choice of settings by name", width)]
    for group, meaning in _GROUPS.items():
        listed = ", ".join(name for name, _ in options(group))
        parts.append(item(f"{group}=", [meaning, f"one of {listed}"], width))
    for section in sections():
        parts.append(_head(section.title, section.meaning, width))
        parts += [item(entry.key, [entry.meaning, _takes(entry)], width) for entry in section.entries]
    names = [entry.key.partition(".")[2] for entry in refused().entries]
    said = f"trainer.{listing(names)} are refused, with the reason (docs/settings.md)."
    return "\n".join([*parts, "", *textwrap.wrap(said, width, break_on_hyphens=False)])


def page() -> str:
    """docs/settings.md."""
    parts = [_PAGE]
    for group, about in _GROUPS.items():
        rows = [f"| `{name}` | {_plain(said)} |" for name, said in options(group)]
        parts.append("\n".join([f"## `{group}=`\n\n{_sentence(about)}\n\n| | |\n|---|---|", *rows, ""]))
    return "\n".join([*parts, *map(_table, [*sections(), refused()])])


def _takes(entry: Entry) -> str:
    if not entry.default:
        return entry.takes
    return f"{entry.takes} [{'' if entry.default.startswith(MANDATORY) else 'default: '}{entry.default}]"


def _head(title: str, meaning: str, width: int) -> str:
    return "\n".join(["", *textwrap.wrap(f"{title}: {meaning}", width), ""])


def _table(section: Section) -> str:
    rows = [f"| `{entry.key}` | {_plain(entry.meaning)} | {_plain(entry.takes)} | {_plain(entry.default)} |"
            for entry in section.entries]  # fmt: skip
    head = ["| setting | meaning | takes | default |", "|---|---|---|---|"]
    return "\n".join([f"## {section.title}", "", _sentence(section.meaning), "", *head, *rows, ""])


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{_plain(text[1:])}."


def _plain(text: str) -> str:
    """`text` with what Markdown would read for itself made plain."""
    return re.sub(r"([|<>*_\[\]\\])", r"\\\1", text)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
