"""Signals that ask to stop: a sentence on how to go on, and an exit code that says which."""

import signal
import sys
import threading
from types import FrameType

from medxfer.base.display import display

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)  # Ctrl-C; a system or a cluster that wants the machine


def stop_politely() -> None:
    """From now on these signals end the process with a sentence. Handlers that a launcher has set stay."""
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread can
    for number in SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)


def stop_if_asked() -> None:
    """Raise the SystemExit of a signal that came while Python destroyed an object, where Python drops exceptions."""
    if _asked:
        raise SystemExit(128 + _asked[0])


_asked: list[int] = []  # signals that asked to stop


def _stop(number: int, frame: FrameType | None) -> None:
    _asked.append(number)
    display.close()
    name = signal.Signals(number).name
    print(f"stopped by {name}; the same command goes on where this one stopped", file=sys.stderr, flush=True)
    raise SystemExit(128 + number)
