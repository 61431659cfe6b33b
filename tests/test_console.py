"""medxfer <command>: the same commands under one name, and what the shell is told when it asks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def medxfer(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "medxfer", *arguments]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)


def test_it_lists_its_commands():
    listed = medxfer()
    assert listed.returncode == 0
    assert "usage: medxfer <command> [settings]" in listed.stdout
    assert "judge a study again" in listed.stdout


def test_a_mistyped_command_is_answered_with_the_nearest():
    wrong = medxfer("trian")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("error: unknown command 'trian': did you mean train?")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--cfg", "job", "colormap=viridis"], "colormap: viridis"),
        (["status", "--help"], "usage: python -m medxfer.status study=DIR"),
        (["data", "stores", "--help"], "usage: python -m medxfer.data stores [store.root=DIR]"),
    ],
)
def test_it_runs_a_command_as_python_does(arguments, said):
    done = medxfer(*arguments)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_it_gives_back_a_commands_exit_code(tmp_path):
    failed = medxfer("status", f"study={tmp_path}")
    assert failed.returncode == 1
    assert "no study is there" in failed.stderr


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("medxfer rep", ["report"]),
        ("medxfer report st", ["study=", "store.root="]),
        ("medxfer report metric=a", ["metric=auroc", "metric=accuracy"]),
        ("medxfer data pr", ["prune"]),
        ("medxfer train -m colorm", ["colormap="]),
        ("medxfer train colormap=none,virid", ["colormap=none,viridis", "colormap=none,viridis:luminance"]),
        ("medxfer train colormap=cmap:crameri:bat", [f"colormap=cmap:crameri:batlow{end}" for end in ("", "K", "W")]),
        ("medxfer train backbone=alex", ["backbone=alexnet"]),
        ("medxfer train backbone=tf_efficientnet_lite0", ["backbone=tf_efficientnet_lite0"]),
        ("medxfer train optimizer=a", ["optimizer=adamw"]),
        ("medxfer data check data.plane=c", ["data.plane=coronal"]),
        ("medxfer train data=phantom", ["data=phantom_ct", "data=phantom_dx"]),
    ],
)
def test_a_shell_is_told_what_may_follow(tmp_path: Path, line: str, offered: list[str]):
    answer = tmp_path / "answer"
    asked = {
        "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "_ARGCOMPLETE_COMP_WORDBREAKS": " ", "COMP_LINE": line, "COMP_POINT": str(len(line)),
    }  # fmt: skip
    medxfer(**asked)
    assert sorted(word.strip() for word in answer.read_text().split("\n")) == sorted(offered)
