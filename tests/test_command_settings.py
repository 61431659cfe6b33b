"""The small commands: --help tells every setting with its values, and a slip in a key or a value is one sentence."""

import re
from pathlib import Path
from typing import Any

import pytest

from medxfer import dashboard, export, figure1, predict, report, status
from medxfer.base.arguments import MANDATORY, Command
from medxfer.color import __main__ as color
from medxfer.data import __main__ as data
from medxfer.model import __main__ as model

MODULES: dict[str, tuple[Any, Command[Any], list[str]]] = {  # what is called, its settings, what it is called with
    **{name: (module, module.COMMAND, []) for name, module in {
        "predict": predict, "report": report, "status": status, "export": export, "figure1": figure1,
        "dashboard": dashboard, "color": color, "model": model,
    }.items()},
    **{f"data {name}": (data, data.COMMANDS[name], [name]) for name in ("scan", "stores", "prune")},
}  # fmt: skip
KEYS = [(name, key) for name, (_, command, _) in MODULES.items() for key in command.keys]
of_each_command = pytest.mark.parametrize("name", MODULES)


def refused(name: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says of `arguments`, which it must refuse in one line."""
    module, _, before = MODULES[name]
    assert module.main([*before, *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    return printed.err


@of_each_command
def test_help_tells_what_each_setting_means_takes_and_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module, command, before = MODULES[name]
    assert module.main([*before, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith(" ".join(command.about.split()))
    for field, (key, kind) in zip(command.fields, command.kinds.items(), strict=True):
        meaning = " ".join(field.metadata["meaning"].split())
        shown = field.metadata["shown"]
        listed = shown if field.metadata["bare"] else f"{key}={shown}"
        assert re.search(rf"{re.escape(f'{listed} {meaning} {kind.words} [')}({MANDATORY}|may be left out|default: )",
                         text), (key, text)  # fmt: skip


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_a_mistyped_key_is_answered_with_the_nearest(name: str, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    bare = key.removesuffix("=")
    mistyped = bare[:-2] + bare[-1] + bare[-2] if bare[-1] != bare[-2] else bare[:-1]  # stduy
    error = refused(name, [f"{mistyped}=x"], capsys)
    assert error.startswith(f"error: unknown setting '{mistyped}': did you mean ")
    assert re.search(rf"(mean|or) {re.escape(bare)}( or|\?)", error)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("report", ["study=studies/frist"], "no such folder; did you mean studies/first? give a study's folder, as"),
        ("report", ["study=first"], "no such folder; did you mean studies/first?"),
        ("report", ["study=nothing/like/it"], "study=nothing/like/it: no such folder; give a study's folder, as"),
        ("report", ["scores=scores.csv", "metric=auorc"], "unknown metric 'auorc': did you mean auroc? choose auroc,"),
        ("report", ["scores=scores.csv", "metric=f1"], "choose auroc, accuracy, balanced_accuracy or brier"),
        ("report", ["scores=scores.csv", "margin=1"], "margin=1: give a number above 0 and below 1: as a fraction"),
        ("report", ["scores=scores.csv", "threshold=half"], "threshold=half: give a number"),
        ("report", ["study=.", "report.images=yes"], "report.images=yes: give true or false"),
        ("report", ["study=.", "extrenal=images"], "unknown setting 'extrenal': did you mean external?"),
        ("status", ["study=studies/first", "json=yess"], "json=yess: give true or false"),
        ("status", ["study=studies/fist"], "did you mean studies/first?"),
        ("predict", ["cell=studies/first/cells/none-seed0", "images=a.png"], "did you mean studies/first/cells/none-s"),
        ("predict", ["cell=.", "images=.", "out="], "out has no value: give it as out=table.csv"),
        ("predict", ["cell=.", "images=.", "out=table.cvs"], "out=table.cvs: give a file whose name ends in .csv"),
        ("predict", ["cell=.", "images=.", "slices=no/a.csv"], "slices=no/a.csv: there is no folder no; make it"),
        ("export", ["cell=.", "out=x", "onnx=no"], "onnx=no: give true or false"),
        ("export", ["cell=studies/first/cell", "out=x"], "did you mean studies/first/cells?"),
        ("figure1", ["out=figure1.gif"], "out=figure1.gif: give a file whose name ends in .png, .svg or .pdf"),
        ("figure1", ["colourmap=viridis"], "unknown setting 'colourmap': did you mean colormap?"),
        ("figure1", ["ct=nope.dcm"], "ct=nope.dcm: no such file; give a DICOM file of CT"),
        ("report", ["scores=scors.csv"], "scores=scors.csv: no such file; give a table: CSV, XLSX or Parquet"),
        ("figure1", ["curves=no/a.pdf"], "curves=no/a.pdf: there is no folder no"),
        ("dashboard", ["study=studies/fisrt", "entity=a", "project=b"], "did you mean studies/first?"),
        ("color", ["out=a.bmp"], "out=a.bmp: give a file whose name ends in .png, .svg or .pdf"),
        ("data scan", ["root=.", "out=index.tsv"], "out=index.tsv: give a file whose name ends in .csv"),
        ("data scan", ["root=.", "out=a.csv", "pseudonyms=1"], "pseudonyms=1: give true or false"),
        ("data prune", ["unused=-1"], "unused=-1: give a number from 0"),
        ("data prune", ["unused=nan"], "unused=nan: give a number from 0"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_answered_with_what_is_taken(
    name: str,
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "studies" / "first" / "cells" / "none-seed0-1a2b3c").mkdir(parents=True)
    (tmp_path / "scores.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert said in refused(name, arguments, capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.csv", "studies"]


def test_a_folder_in_the_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "first").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert status.COMMAND.read(["study=~/first"]).study == tmp_path / "first"
