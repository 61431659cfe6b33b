"""Work on files in processes of its own: a file that crashes or hangs a decoder costs that file alone.

The processes are joblib's: they neither fork beside torch's threads nor run the user's script again. They end with the
process that started them, however it ends: one that waits for work meets the end of its pipe, one that works is at the
end of its file, and one that hangs is ended by its own clock.
"""

import faulthandler
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from math import ceil
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, Literal, TypeVar

import joblib
from joblib.externals.loky.backend import get_context

from medxfer.base.errors import MedxferError

Item = TypeVar("Item")
Result = TypeVar("Result")
Lost = Literal["decoder crashed", "decoder hung"]

SECONDS = 30.0  # that one file may take
_FEW = 50  # items are read sooner than another process starts
_AHEAD = 2  # items that a process holds, so that it never waits for the next
_HUNG = 1  # the exit status of faulthandler's clock


def in_processes(
    task: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int | None = None,
    seconds: Callable[[Item], float] = lambda _: SECONDS,
) -> Generator[tuple[int, Result | Lost], None, None]:
    """(place in `items`, what `task` makes of that item) for every item, in the order in which they are done.

    Where `task` takes longer than `seconds`, or ends its process, it is tried once more, in case that the machine was
    short of memory or asleep; then its result is why it was lost. What it writes to stdout and stderr is dropped: a
    decoder's panic quotes what it met. Errors that it raises are raised here. `workers`: default, all cores. Where the
    loop over it may end early, close it (`contextlib.closing`): that ends the processes.
    """
    todo = deque(enumerate(items))
    lost: Counter[int] = Counter()
    pool = [_Worker(task) for _ in range(min(workers or joblib.cpu_count(), ceil(len(items) / _FEW)))]
    try:
        while True:
            for worker in pool:
                while todo and len(worker.held) < _AHEAD:
                    worker.send(*todo.popleft(), seconds)
            busy = {worker.pipe: worker for worker in pool if worker.held}
            if not busy:
                return
            for pipe in wait(list(busy)):
                worker = busy[pipe]
                answer: Result | Lost
                try:
                    place, answer = worker.receive()
                except (EOFError, ConnectionError):
                    place, answer = worker.held.popleft(), worker.bury()
                    pool[pool.index(worker)] = _Worker(task)
                    todo.extendleft((other, items[other]) for other in reversed(worker.held))
                    lost[place] += 1
                    if lost[place] == 1:
                        todo.appendleft((place, items[place]))
                        continue
                yield place, answer
    finally:
        for worker in pool:
            worker.bury()


class _Worker(Generic[Item, Result]):
    """A process, and the places of the items that it holds, the one it works on first."""

    def __init__(self, task: Callable[[Item], Result]) -> None:
        context = get_context("loky")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, task))
        self.process.start()
        theirs.close()
        self.held: deque[int] = deque()
        self.ready = False

    def send(self, place: int, item: Item, seconds: Callable[[Item], float]) -> None:
        self.held.append(place)
        with suppress(ConnectionError):  # it has ended: `receive` will say so
            self.pipe.send((item, seconds(item)))

    def receive(self) -> tuple[int, Result]:
        """Raises EOFError or ConnectionError where the process has ended."""
        if not self.ready:
            self._await_start()
        error, result = self.pipe.recv()
        if error is not None:
            raise error
        return self.held.popleft(), result

    def _await_start(self) -> None:
        try:
            self.ready = self.pipe.recv()
        except (EOFError, ConnectionError):
            raise MedxferError(
                "a process that reads images could not be started: its own message is above, if it had time for one"
            ) from None

    def bury(self) -> Lost:
        """End the process, and say how it ended if it had done so itself."""
        self.pipe.close()
        self.process.terminate()
        self.process.join()
        return "decoder hung" if self.process.exitcode == _HUNG else "decoder crashed"


def _serve(pipe: Connection, task: Callable[[Any], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started this process decides when it ends
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # and needs no GIL for it
    pipe.send(True)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    try:
        while True:
            item, seconds = pipe.recv()
            faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)  # it needs no GIL, nor any signal
            answer = _answer(task, item)
            faulthandler.cancel_dump_traceback_later()
            pipe.send(answer)
    except (EOFError, ConnectionError):
        os._exit(0)  # the one that asked has gone


def _answer(task: Callable[[Any], Any], item: Any) -> tuple[Exception | None, Any]:
    try:
        return None, task(item)
    except Exception as error:
        return error, None
