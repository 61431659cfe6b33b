"""Every block of docs/reuse.md runs, from top to bottom, in one folder."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from medxfer.analysis import compare
from medxfer.report import main

PAGE = (Path(__file__).parent.parent / "docs" / "reuse.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)
COMMANDS = re.findall(r"^python -m medxfer\.report (.*)$", PAGE, re.M)


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder and the names that the page's Python blocks leave."""
    folder, names = tmp_path_factory.mktemp("page"), {"__name__": "page"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in BLOCKS:
            exec(compile(block, "docs/reuse.md", "exec"), names)
    return folder, names


def test_the_blocks_run_and_render_what_the_store_holds(after: tuple[Path, dict[str, Any]]) -> None:
    _, names = after
    assert len(BLOCKS) == 5
    one, label = names["Rendered"](names["store"], names["np"].arange(4))[2]
    assert one.shape == (3, 64, 64)
    assert int(label) == names["store"].labels[2]
    patients = names["store"].images["patient"]
    assert not set(patients[names["parts"] == "test"]) & set(patients[names["parts"] != "test"])
    assert set(names["folds"]) == set(range(5))


def test_its_last_command_judges_the_table_as_compare_does(
    after: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, names = after
    monkeypatch.chdir(folder)
    assert [command.split()[0] for command in COMMANDS] == ["scores=scores.csv"] * 2
    assert main(shlex.split(COMMANDS[-1])) == 0
    answers = json.loads((folder / "studies/scores/verdict.json").read_text())["answers"]
    figures = answers[0]["findings"][0]["figures"]
    expected = compare(names["scores"], names["store"].labels[names["test"]], [1, -1],
                       patients=names["tested"]["patient"])  # fmt: skip
    assert figures["estimate"] == pytest.approx(expected.estimate)
    assert (figures["low"], figures["high"]) == pytest.approx((expected.low, expected.high))
    assert main(shlex.split(COMMANDS[0])) == 1  # its table has another arm gray
