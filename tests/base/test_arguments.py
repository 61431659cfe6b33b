"""key=value arguments: read, refused and explained in one way for every command."""

import signal
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

from medxfer.base.arguments import Command, called, run, setting
from medxfer.base.errors import MedxferError


@dataclass(frozen=True)
class Settings:
    study: Path = setting("a study's folder", shown="DIR")
    images: bool = setting("show test images", False, key="report.images", shown="true")
    root: Path | None = setting("where the decoded images lie", None, key="store.root", shown="DIR")
    days: float = setting("not used for so many days", 30.0)


COMMAND = Command("python -m medxfer.example", "An example.", Settings)


def test_types_follow_the_dataclass():
    read = COMMAND.read(["study=~/a=b", "report.images=TRUE", "days=1.5"])
    assert read == Settings(Path.home() / "a=b", True, None, 1.5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "study=DIR must be given; usage: python -m medxfer.example study=DIR [report.images=true]"),
        (["a-folder"], "'a-folder' is no setting: give settings as key=value"),
        (["study=x", "store.rot=y"], "unknown setting 'store.rot': did you mean store.root?"),
        (["study=x", "study=y"], "study is given twice"),
        (["study"], "study has no value: give it as study=DIR"),
        (["study="], "study has no value"),
        (["study=x", "report.images=maybe"], "report.images=maybe: give true or false"),
        (["study=x", "days=few"], "days=few: give a number"),
    ],
)
def test_a_wrong_argument_is_named_with_the_way_out(arguments, said, capsys):
    with pytest.raises(MedxferError) as caught:
        COMMAND.read(arguments)
    assert said in str(caught.value)
    assert run(COMMAND, lambda _: pytest.fail("called"), arguments) == 1
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_help_lists_the_settings_with_their_meaning_and_exits_with_0(asked, capsys):
    assert run(COMMAND, lambda _: pytest.fail("called"), ["study=x", asked]) == 0
    text = capsys.readouterr().out
    for part in ("An example.", "usage: python -m medxfer.example study=DIR", "a study's folder",
                 "a number [default: 30.0]",
                 "true or false [default: false]", "a path [must be given]"):  # fmt: skip
        assert part in text


def test_ctrl_c_ends_a_command_without_a_traceback(capsys):
    assert called(lambda: signal.raise_signal(signal.SIGINT)) == 130
    assert capsys.readouterr().err == "stopped by SIGINT\n"


def test_the_exit_code_is_what_the_command_says():
    assert run(COMMAND, lambda _: None, ["study=x"]) == 0
    assert run(COMMAND, lambda _: 3, ["study=x"]) == 3


def test_a_warning_is_a_line_without_the_code_that_warns(capsys):
    called(lambda: warnings.warn("not the official file", stacklevel=1))
    assert capsys.readouterr().err == "warning: not the official file\n"
