"""Nothing of a finished cell stays in the process that trains the next."""

import gc
import platform
import signal
import subprocess
import sys

import pytest
from cells import small_config

from medxfer.base.memory import drop_cell
from medxfer.base.stop import SIGNALS
from medxfer.model.classifier import Classifier
from medxfer.training.prepare import prepare
from medxfer.training.run import train_cell


@pytest.mark.parametrize("logger", ["none", "wandb"])
def test_a_finished_cell_leaves_no_network_and_no_handler(tmp_path, monkeypatch, logger):
    monkeypatch.setenv("WANDB_MODE", "offline")
    drop_cell()
    handlers, networks = [signal.getsignal(number) for number in SIGNALS], count_networks(gc.get_objects())
    train_cell(prepare(small_config(tmp_path, f"logger={logger}", "trainer.max_epochs=1")))
    drop_cell()
    assert [signal.getsignal(number) for number in SIGNALS] == handlers
    assert count_networks(gc.get_objects()) == networks


def count_networks(objects: list[object]) -> int:
    return sum(type(each) is Classifier for each in objects)


def test_a_process_that_kept_its_imports_ends_in_silence():
    code = "from medxfer.base import memory; from medxfer.training import fit; memory.keep_imports()"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


KEPT = """
import resource
from pathlib import Path
from medxfer.base.memory import drop_cell, keep_pages

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

before = held()
keep_pages()
b"x" * 2**26
first = faults()
for _ in range(4):
    b"x" * 2**26
again, kept = faults() - first, held() - before
drop_cell()
print(again, kept, held() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_freed_memory_is_kept_for_the_next_step_and_given_back_after_the_cell():
    ended = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True)
    again, kept, left = map(int, ended.stdout.split())
    assert again < 1000  # of 65,536 pages
    assert kept > 2**25 > left
