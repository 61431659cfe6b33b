"""Work on files in other processes: a file that crashes or hangs its decoder costs that file alone.

A process is a plain interpreter that reads its work from stdin. So nothing forks beside torch's threads, and the user's
script is not run again. It ends with the process that started it, however that ends: if it waits for work, at the end
of stdin; if it works, after its file; if it hangs, by its own clock.
"""

import atexit
import faulthandler
import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, suppress
from math import ceil
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal, TypeVar, cast
from weakref import WeakSet

import cloudpickle

from medxfer.base.errors import MedxferError
from medxfer.base.memory import keep_pages

Item = TypeVar("Item")
Result = TypeVar("Result")
Lost = Literal["decoder crashed", "decoder hung"]

SECONDS = 30.0  # that one file may take
IDLE_SECONDS = 10.0  # that processes are kept for the next task: decoding soon follows the reading of headers
_PIPE = 2**20  # bytes of answers that wait to be read
_ASKED = 2  # items that a process has, so that it need not wait for the next
_HUNG = 1  # the exit status of faulthandler's clock


def in_processes(
    task: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int | None = None,
    seconds: Callable[[Item], float] = lambda _: SECONDS,
    few: int = 50,
) -> Generator[tuple[int, Result | Lost], None, None]:
    """(place in `items`, result of `task`) for every item, in the order in which they are done.

    If `task` takes longer than `seconds` or ends its process, it is tried once more, because the machine may have been
    short of memory or asleep. If it is lost again, its result is the reason. What it writes to stdout and stderr is
    dropped, because a decoder's message may quote the file. Errors that it raises are raised here. `workers`: by
    default all cores that this process may use; fewer if there are not `few` items for each, which are done sooner than
    a process starts. If the loop over it may end early, close it (`contextlib.closing`): that ends the processes.
    What is open when the interpreter ends is closed then. Raises MedxferError if a process cannot be started.
    """
    outcomes = _outcomes(task, items, workers, seconds, few)
    _open.add(outcomes)
    return outcomes


def _outcomes(
    task: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int | None,
    seconds: Callable[[Item], float],
    few: int,
) -> Generator[tuple[int, Result | Lost], None, None]:
    from joblib import cpu_count  # it knows a container's limit; imported here: the processes do not need it

    number = min(workers or cpu_count(), ceil(len(items) / few))
    job = pickle.dumps((sys.path, Path.cwd(), cloudpickle.dumps(task)))  # cloudpickle: also what a notebook defines
    todo, tried = deque(range(len(items))), set[int]()
    _Clock.stop()
    busy: dict[Connection, tuple[_Process, deque[int]]] = {}  # its answers -> process, places that it was asked for

    def ask(process: _Process, places: deque[int]) -> None:
        places.append(todo.popleft())
        process.ask(job, items[places[-1]], seconds(items[places[-1]]))

    def hand_out() -> None:
        for free in [one for one in busy.values() if not one[1]]:
            if todo:
                ask(*free)
        while todo and len(busy) < number:
            process = _idle_or_new()
            busy[process.answers] = process, deque()
            ask(*busy[process.answers])
        for one in busy.values():
            if todo and len(one[1]) < _ASKED:
                ask(*one)
        for answers in [answers for answers, (_, places) in busy.items() if not places]:
            _idle.append(busy.pop(answers)[0])

    try:
        hand_out()
        while busy:
            answers = cast(Connection, wait(list(busy))[0])
            process, places = busy[answers]
            place, again = places.popleft(), False
            try:
                error, answer = process.answer()
            except (EOFError, OSError, pickle.UnpicklingError):  # it has ended
                error, answer = None, process.end()
                again = place not in tried
                tried.add(place)
                todo.extendleft(reversed([place, *places] if again else places))
                del busy[answers]
            if error:
                raise error
            hand_out()  # before the caller works on the answer
            if not again:
                yield place, answer
    finally:
        for process, _ in busy.values():
            process.end()
        _Clock.wind()


class _Process:
    """A process, from the side of the one that started it."""

    def __init__(self) -> None:
        code = f"import sys; sys.path[:] = {sys.path!r}; from medxfer.data.processes import _serve; _serve()"
        command, pipe = [sys.executable, "-c", code], subprocess.PIPE
        try:
            # Ctrl-C does not reach it in a session of its own: the process that started it decides when it ends.
            self.popen = subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True)
        except OSError as error:
            raise MedxferError(f"a process that reads images could not be started ({error.strerror})") from error
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.requests = Connection(os.dup(self.popen.stdin.fileno()), readable=False)
        self.answers = Connection(os.dup(self.popen.stdout.fileno()), writable=False)
        self.popen.stdin.close()
        self.popen.stdout.close()
        # Else a picture of 224 px would not go in, and its process would wait for this one. Where there is no room, or
        # no Linux, the pipe stays as it is.
        with suppress(ImportError, AttributeError, OSError):
            import fcntl

            fcntl.fcntl(self.answers.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
        self.parent, self.started, self.job = os.getpid(), False, b""

    def ask(self, job: bytes, item: Any, seconds: float) -> None:
        """Ask for `job` on `item`; the job is sent where it is another than before."""
        with suppress(OSError):  # it has ended: `answer` will say so
            self.requests.send((b"" if job is self.job else job, item, seconds))
        self.job = job

    def answer(self) -> tuple[Exception | None, Any]:
        """The error or the result of what was asked first. Raises EOFError, OSError or UnpicklingError if the process
        has ended, and MedxferError if it has never started."""
        if not self.started:
            try:
                self.answers.recv_bytes()
            except (EOFError, OSError):
                raise MedxferError(
                    "a process that reads images could not be started: its own message is above, if it had time for one"
                ) from None
        self.started = True
        error, result = self.answers.recv()
        return error, result

    def end(self) -> Lost:
        """End the process, and say how it ended if it had done so itself."""
        self.popen.kill()
        self.popen.wait()
        self.answers.close()
        with suppress(OSError):  # of a request that it has not read
            self.requests.close()
        return "decoder hung" if self.popen.returncode == _HUNG else "decoder crashed"


_idle: list[_Process] = []  # without work; the next task takes them
_open: WeakSet[Generator[Any, None, None]] = WeakSet()  # tasks that may not be done


def _idle_or_new() -> _Process:
    with suppress(IndexError):
        while True:
            process = _idle.pop()
            # A fork of this process has the list too, and must not ask the processes in it.
            if process.parent == os.getpid() and process.popen.poll() is None:
                return process
    return _Process()


def _end_idle() -> None:
    with suppress(IndexError):
        while True:
            _idle.pop().end()


@atexit.register
def _end_all() -> None:
    """Later no clock can be wound: Python starts no thread while it ends, and 3.11 waits for ever for one."""
    _Clock.over = True
    for outcomes in list(_open):
        with suppress(ValueError):  # another thread is in it
            outcomes.close()
    _end_idle()


class _Clock:
    """Ends idle processes after their time; a new task stops it, so that it never ends what has just worked."""

    running: threading.Timer | None = None
    over = False  # the interpreter ends, and no thread may start

    @classmethod
    def stop(cls) -> None:
        if cls.running:
            cls.running.cancel()

    @classmethod
    def wind(cls) -> None:
        cls.stop()
        if cls.over:
            return
        cls.running = threading.Timer(IDLE_SECONDS, _end_idle)
        cls.running.daemon = True
        cls.running.start()


def _serve() -> None:
    """What the process runs: answer requests until stdin ends."""
    requests, answers = Connection(os.dup(0), writable=False), Connection(os.dup(1), readable=False)
    nowhere = os.open(os.devnull, os.O_RDWR)
    answers.send_bytes(b"started")
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    keep_pages()  # a picture takes the memory of the one before
    task: Any = None
    # The process that asks has ended where there is nothing to read.
    with ExitStack() as quiet, suppress(EOFError, ConnectionError):
        while True:
            job, item, seconds = requests.recv()
            answer: tuple[Exception | None, Any]
            try:
                task = _unpacked(job, quiet) if job else task
                faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)  # needs neither GIL nor signals
                answer = None, task(item)
            except Exception as error:
                answer = error, None
            faulthandler.cancel_dump_traceback_later()
            answers.send(answer)


def _unpacked(job: bytes, quiet: ExitStack) -> Any:
    """The task. One that reads DICOM is silent once for all files; others need not import what is silenced."""
    sys.path[:], folder, pickled = pickle.loads(job)
    os.chdir(folder)
    task = cloudpickle.loads(pickled)
    if "medxfer.data.dicom" in sys.modules:
        from medxfer.data.dicom.silence import silence

        quiet.enter_context(silence())
    return task
