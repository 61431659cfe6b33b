"""Commands as a user runs them, each in a process of its own, without Python's imports at every start.

The first test that asks starts a process that imports torch and the rest (6 s); every command is a fork of it, with a
folder, an environment, an exit code and outputs of its own, and takes signals, as `python -m` would. A test of
the start of Python itself, such as of what a command imports, uses `subprocess`.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["medxfer.training.run", "medxfer.training.fit", "medxfer.grid.job", "medxfer.grid.around", "medxfer.report"]
)


class Started:
    """A command that works; its standard output and error are text."""

    def __init__(self, folder: Path, command: str, *arguments: str, **environment: str) -> None:
        self.arguments = [command, *arguments]
        self._said = tempfile.TemporaryDirectory()
        outputs = (f"{self._said.name}/stdout", f"{self._said.name}/stderr")
        for output in outputs:
            Path(output).touch()  # there also if the process is killed before it says a word
        self._process = PROCESSES.Process(
            target=_work, args=(folder, self.arguments, {**os.environ, **environment}, outputs)
        )
        self._process.start()
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit code, or None while it works."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """How it ended; raises TimeoutError, and kills it, after `seconds`."""
        self._process.join(seconds)
        if late := self._process.is_alive():
            self._process.kill()
            self._process.join()
        out, err = (Path(self._said.name, name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
        self._said.cleanup()
        if late:
            raise TimeoutError(f"{self.arguments} went on for {seconds} s: {out}{err}")
        return subprocess.CompletedProcess(self.arguments, self._process.exitcode, out, err)


def run(folder: Path, command: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m <command> <arguments>` in `folder`, with `environment` added to this one."""
    return Started(folder, command, *arguments, **environment).wait()


def train(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m medxfer.train <arguments>` in `folder`, where its store lies as well."""
    return start_training(folder, *arguments, **environment).wait()


def start_training(folder: Path, *arguments: str, **environment: str) -> Started:
    environment = {"XDG_CACHE_HOME": str(folder / "cache"), "COLUMNS": "160", **environment}
    return Started(folder, "medxfer.train", *arguments, **environment)


def _work(folder: Path, arguments: list[str], environment: dict[str, str], outputs: tuple[str, str]) -> None:
    """The fork: a process as `python -m` starts it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [str(folder), *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    for number, name in enumerate(outputs, start=1):
        os.dup2(os.open(name, os.O_WRONLY | os.O_APPEND), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, "utf-8", closefd=False) for number in (1, 2))
    from medxfer.base.display import console, display

    display.plain = not console.is_terminal  # it was asked of the first process's output
    sys.argv = arguments
    try:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    finally:
        threading._shutdown()  # as Python ends, and multiprocessing's processes only in part
        atexit._run_exitfuncs()
