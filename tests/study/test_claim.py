"""Claims: one living process a cell, whatever the machine; a dead one's cell is taken over."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict

import pytest

from medxfer.study import claim as claims
from medxfer.study.claim import SILENCE, Progress, Taken, claim, progress, tell

HOLD = """
import pathlib, sys, time
from medxfer.study.claim import claim
with claim(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def owner(tmp_path):
    """Another process that holds the claim of `tmp_path`."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()


def leave_by_another_machine(folder, silent: float) -> None:
    """The sign of life of a process whose locks do not reach this machine, `silent` seconds ago."""
    path = folder / "claim.1.json"
    about = Progress(2, 8, 0.0, "elsewhere", "another place", os.getpid(), 0.0)
    path.write_text(json.dumps(asdict(about)))
    then = time.time() - silent
    os.utime(path, (then, then))


def test_a_claim_is_exclusive_and_dies_with_its_owner(tmp_path, owner):
    with pytest.raises(Taken), claim(tmp_path):
        pass
    assert progress(tmp_path).pid == owner.pid
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    assert progress(tmp_path) is None
    with claim(tmp_path):
        assert progress(tmp_path).pid == os.getpid()
    assert progress(tmp_path) is None


def test_a_claim_tells_how_far_it_is(tmp_path):
    with claim(tmp_path):
        tell(tmp_path, 3, 8)
        now = progress(tmp_path)
    assert (now.epoch, now.epochs, now.host) == (3, 8, socket.gethostname())


def test_a_living_process_of_another_machine_keeps_its_cell(tmp_path):
    leave_by_another_machine(tmp_path, silent=SILENCE / 2)
    assert progress(tmp_path).epoch == 2
    with pytest.raises(Taken), claim(tmp_path):
        pass
    assert progress(tmp_path).host == "elsewhere"


def test_a_silent_process_of_another_machine_loses_its_cell(tmp_path):
    leave_by_another_machine(tmp_path, silent=SILENCE * 2)
    assert progress(tmp_path) is None
    with claim(tmp_path):
        assert progress(tmp_path).host == socket.gethostname()


def test_what_a_killed_process_left_half_written_is_swept_by_the_next(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    for half in (tmp_path / ".metrics.json.0.partial", tmp_path / "checkpoints" / ".last.ckpt.0.partial"):
        half.write_text("ha")
    with claim(tmp_path):
        assert not list(tmp_path.rglob("*.partial"))


def test_a_claim_shows_life_while_it_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "BEAT", 0.05)
    with claim(tmp_path):
        os.utime(tmp_path / "claim.1.json", (0, 0))
        time.sleep(0.5)
        assert (tmp_path / "claim.1.json").stat().st_mtime > 0


def test_a_claim_is_given_back_when_training_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), claim(tmp_path):
        raise ZeroDivisionError
    with claim(tmp_path):
        pass


def test_neither_hard_links_nor_locks_are_needed(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(fcntl, "flock", refuse)
    with claim(tmp_path):
        assert progress(tmp_path).pid == os.getpid()
        with pytest.raises(Taken), claim(tmp_path):
            pass


def test_another_process_with_the_number_of_a_dead_one_is_not_taken_for_it(tmp_path, monkeypatch):
    with claim(tmp_path):
        about = progress(tmp_path)
    (tmp_path / "claim.1.json").write_text(json.dumps({**asdict(about), "born": about.born - 100}))
    assert progress(tmp_path) is None
    with claim(tmp_path):
        assert [path.name for path in tmp_path.glob("claim.*")] == ["claim.2.json"]


def test_of_many_that_find_a_dead_claim_one_takes_over(tmp_path):
    code = (
        "import pathlib, sys, time\n"
        "from medxfer.study.claim import Taken, claim\n"
        "sys.stdin.readline()\n"
        "try:\n"
        "    with claim(pathlib.Path(sys.argv[1])):\n"
        "        print('held', flush=True); time.sleep(2)\n"
        "except Taken:\n"
        "    print('taken', flush=True)\n"
    )
    leave_by_another_machine(tmp_path, silent=SILENCE * 2)
    pipe = subprocess.PIPE
    many = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=pipe, stdout=pipe, text=True)
        for _ in range(4)
    ]
    for process in many:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate()[0].strip() for process in many]
    assert said.count("held") == 1, said


def test_a_claim_that_is_not_written_yet_is_respected(tmp_path):
    (tmp_path / "claim.1.json").touch()
    with pytest.raises(Taken), claim(tmp_path):
        pass
