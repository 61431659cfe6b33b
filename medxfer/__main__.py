"""medxfer <command> …: the commands of `python -m medxfer.<command>` under one name, with shell completion.

Completion, once a shell:
  bash, zsh   eval "$(register-python-argcomplete medxfer)"
  fish        register-python-argcomplete --shell fish medxfer | source
"""

import argparse
import os
import runpy
import sys
from functools import partial
from importlib import import_module
from typing import Any

from medxfer.base.surroundings import readable_output

COMMANDS = {
    "train": "train one cell, or with -m a grid of them",
    "status": "how far a study is",
    "report": "judge a study again and make its page",
    "predict": "score new images with a trained cell",
    "export": "take a trained cell's network elsewhere",
    "data": "data sets there are, what one holds, and which decoded images are kept",
    "color": "colormaps there are",
    "model": "backbones and weights there are",
    "figure1": "draw a CT and an X-ray image under each colormap",
    "dashboard": "make a W&B workspace that compares the arms",
}


def main() -> None:
    """Run a command as `python -m medxfer.<command>` does, with the same arguments and exit code."""
    if "_ARGCOMPLETE" in os.environ:
        _complete()
    readable_output()
    command, arguments = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("--help", [])
    if command in ("-h", "--help"):
        width = max(map(len, COMMANDS))
        lines = [f"  {name:{width}}  {meaning}" for name, meaning in COMMANDS.items()]
        print("\n".join(["usage: medxfer <command> [settings]", "", *lines, "", "medxfer <command> --help says more."]))
        return
    if command not in COMMANDS:
        from medxfer.base.errors import unknown

        hint = f"there are {', '.join(COMMANDS)}."
        sys.exit(f"error: {unknown('command', command, COMMANDS, hint)}")
    sys.argv = [f"medxfer {command}", *arguments]
    runpy.run_module(f"medxfer.{command}", run_name="__main__", alter_sys=False)


def _complete() -> None:
    """Answer the shell's question and end the process."""
    import argcomplete

    parser = argparse.ArgumentParser(add_help=False)
    subparsers = parser.add_subparsers()
    for name, meaning in COMMANDS.items():
        one = subparsers.add_parser(name, help=meaning, add_help=False)
        if name == "train":
            one.add_argument("-m", "--multirun", action="store_true")
        words: Any = one.add_argument("words", nargs="*")
        words.completer = partial(_words, name)
    argcomplete.autocomplete(parser, always_complete_options=False)


def _words(command: str, prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """What may follow in a command's settings."""
    before = list(getattr(parsed_args, "words", None) or [])
    if command == "train" or (command == "data" and before[:1] == ["check"]):
        key, equals, value = prefix.partition("=")
        swept = value[: value.rfind(",") + 1]  # colormap=none,vir
        found = [f"{key}={swept}{one}" for one in _values(key)] if equals else []
        return found or _hydra_words(prefix, before if command == "train" else before[1:])
    own_folder = command in ("data", "color", "model")
    module = import_module(f"medxfer.{command}.__main__" if own_folder else f"medxfer.{command}")
    of_data = getattr(module, "COMMANDS", None)
    if of_data and not (before and before[0] in of_data):
        return list(of_data)
    asked = of_data[before[0]] if of_data else module.COMMAND
    key, equals = prefix.partition("=")[:2]
    if equals and key in asked.kinds:
        return [f"{key}={one}" for one in asked.kinds[key].offered]
    given = {word.partition("=")[0] + "=" for word in before}
    return [word for word in asked.keys if word not in given]


def _values(key: str) -> list[str]:
    """Values that the setting of a training can have, as far as they have names."""
    from medxfer.training.settings.reading import offered_values

    return offered_values(key)


def _hydra_words(prefix: str, before: list[str]) -> list[str]:
    """What Hydra itself offers: groups, their options, and keys with their present values."""
    from hydra import initialize_config_dir
    from hydra._internal.core_plugins.bash_completion import BashCompletion
    from hydra.core.global_hydra import GlobalHydra

    from medxfer.base.config import CONF

    with initialize_config_dir(str(CONF), version_base="1.3"):
        completion = BashCompletion(GlobalHydra.instance().config_loader())
        return completion._query("train", " ".join([*before, prefix]))


if __name__ == "__main__":
    main()
