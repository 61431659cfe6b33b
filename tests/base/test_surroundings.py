"""An output without ×, a home or a temporary folder that takes nothing: commands work there, or say what to do."""

import errno
import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medxfer.base.surroundings import READABLE, prepare_surroundings, readable_output

OUTPUTS = [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
]
COMMANDS = [
    ["medxfer"],
    *([f"medxfer.{name}", "--help"] for name in ("train", "report", "status", "predict", "export", "dashboard")),
    ["medxfer.color"],
    ["medxfer.data"],
]
NOWHERE = "import tempfile; tempfile._candidate_tempdir_list = lambda: ['/proc/nothing']\n"
NOBODY = """
import os, pwd
def nobody(number): raise KeyError(f"getpwuid(): uid not found: {number}")
pwd.getpwuid = nobody
"""


def call(*arguments: str, tree: Path | None = None, without: tuple[str, ...] = (), **environment: str):
    """`python -m arguments`; `tree` holds a sitecustomize.py. Returns the finished process, its output as bytes."""
    place = {key: value for key, value in os.environ.items() if key not in ("PYTHONIOENCODING", *without)}
    path = os.pathsep.join([*([str(tree)] if tree else []), str(Path(__file__).parents[2])])
    return subprocess.run(
        [sys.executable, "-m", *arguments], env={**place, "PYTHONPATH": path, **environment}, capture_output=True
    )


def test_a_log_that_its_disk_does_not_take_prints_no_traceback(monkeypatch, capsys):
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(logging, "raiseExceptions", True)
    logger = logging.Logger("full")
    logger.addHandler(logging.StreamHandler(Full()))
    logger.error("one")
    assert "Traceback" in capsys.readouterr().err
    prepare_surroundings()
    logger.error("another")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("output", OUTPUTS, ids=["ascii", "latin-1", "C"])
@pytest.mark.parametrize("command", [COMMANDS[1], COMMANDS[7]], ids=" ".join)
def test_an_output_that_lacks_characters_costs_none_of_the_text(command, output):
    done = call(*command, **output)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode("latin-1")
    assert len(text) > 1000
    assert "×" not in text or output["PYTHONIOENCODING"] == "latin-1"  # which has it


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_speaks_plain_ascii(command):
    done = call(*command, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr


def test_what_an_output_lacks_is_written_as_one_reads_it():
    readable_output()
    said = "3 × 2 − 1 … ±0.1 ≥ naïve café \N{BRAILLE PATTERN DOTS-1}\udcff✓ 猫"
    assert said.encode("ascii", READABLE) == b"3 x 2 - 1 ... +-0.1 >= naive cafe *?yes ?"
    assert "3 × 2 − 1".encode("latin-1", READABLE) == b"3 \xd7 2 - 1"
    assert "caf\udce9.dcm".encode("utf-8", READABLE) == b"caf?.dcm"


def test_without_a_temporary_folder_commands_say_so_before_they_begin(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NOWHERE)
    for command in (["medxfer.train"], ["medxfer.status", "study=nothing"]):
        done = call(*command, tree=tmp_path)
        assert done.returncode == 1
        assert done.stderr.decode().startswith("error: no folder takes temporary files")
        assert done.stderr.count(b"\n") == 1


SHOWN = (
    "import os, tempfile\nfrom pathlib import Path\n"
    "from medxfer.base.surroundings import prepare_surroundings\nprepare_surroundings()\n"
    "import matplotlib\n"
    "print(*(os.environ.get(k, '') for k in ('HOME', 'MPLCONFIGDIR', 'WANDB_CACHE_DIR', 'TORCH_HOME', 'HF_HOME')),"
    " sep=',')\n"
)


def where(tmp_path: Path, **changes: str | None) -> tuple[list[str], str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("XDG", "MPL", "WANDB"))}
    for key, value in changes.items():
        environment.pop(key, None)
        environment.update({key: value} if value is not None else {})
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    done = subprocess.run([sys.executable, "-c", SHOWN], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip().split(","), done.stderr


def test_a_home_that_cannot_be_written_keeps_nobody_from_drawing_and_logging(tmp_path):
    (tmp_path / "file").touch()  # a home that is no folder: no user, not even root, writes below it
    (home, matplotlib, wandb, *weights), said = where(tmp_path, HOME=str(tmp_path / "file" / "home"))
    assert said == ""
    assert home == str(tmp_path / "file" / "home")
    assert "medxfer-" in matplotlib
    assert "medxfer-" in wandb
    assert not Path(matplotlib).exists()  # gone with the command
    assert weights == ["", ""]  # weights are looked for where they are


def test_a_home_that_can_be_written_is_left_alone(tmp_path):
    (_, matplotlib, wandb, *_), said = where(tmp_path, HOME=str(tmp_path))
    assert (matplotlib, wandb, said) == ("", "", "")


def test_without_a_home_no_folder_named_tilde_appears(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NOBODY)
    (home, *_), said = where(tmp_path, HOME=None)
    assert (home, said) == (os.devnull, "")


def test_without_a_home_the_store_is_asked_for(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NOBODY)
    without = ("HOME", "XDG_CACHE_HOME")
    done = call("medxfer.train", "logger=none", f"study.root={tmp_path / 's'}", tree=tmp_path, without=without)
    assert done.returncode == 1
    last = done.stderr.decode().strip().splitlines()[-1]
    assert last.startswith("error: cannot write phantoms to /dev/null/.cache/medxfer/")
    assert last.endswith("Not a directory; choose another folder (store.root=)")
