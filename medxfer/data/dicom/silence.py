"""Nothing is said aloud while a file is read: what libraries say may quote the header."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pydicom import config


@contextmanager
def silence() -> Iterator[None]:
    """Silence pydicom and OpenJPEG in the block, because their log lines quote the header.

    Blocks may be nested, and threads may be in blocks at the same time: loggers, warnings and pydicom's validation
    are the whole process's, so the first block of any thread changes them, and the last to end sets them back.
    """
    _quiet.begin()
    try:
        yield
    finally:
        _quiet.end()


class _Quiet:
    """How many blocks of `silence` there are in all threads, and what to set back after the last."""

    def __init__(self) -> None:
        self._lock, self._blocks, self._undo = threading.Lock(), 0, ExitStack()

    def begin(self) -> None:
        with self._lock:
            if not self._blocks:
                self._undo.enter_context(_silent_libraries())
            self._blocks += 1

    def end(self) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                self._undo.close()


_quiet = _Quiet()


@contextmanager
def _silent_libraries() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("pydicom", "openjpeg")]
    before = [(logger.handlers, logger.propagate) for logger in loggers]
    validation = config.settings.reading_validation_mode
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:  # not by their level: to set one makes every logger of the process forget its own
            logger.handlers, logger.propagate = [logging.NullHandler()], False
        config.settings.reading_validation_mode = config.IGNORE
        try:
            yield
        finally:
            config.settings.reading_validation_mode = validation
            for logger, (handlers, propagate) in zip(loggers, before, strict=True):
                logger.handlers, logger.propagate = handlers, propagate
