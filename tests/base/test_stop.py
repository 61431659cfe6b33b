"""Signals that ask to stop are not lost, wherever they come."""

import subprocess
import sys

DROPPED = """
import os, signal
from medxfer.base.stop import stop_if_asked, stop_politely

class Cell:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
stop_politely()
stop_if_asked()
cell = Cell()
del cell
print("went on", flush=True)
stop_if_asked()
print("was not stopped")
"""


def test_a_signal_that_comes_while_an_object_is_destroyed_stops_after_the_cell():
    done = subprocess.run([sys.executable, "-c", DROPPED], capture_output=True, text=True)
    assert done.stdout == "went on\n"
    assert done.returncode == 130
    assert "the same command goes on where this one stopped" in done.stderr
