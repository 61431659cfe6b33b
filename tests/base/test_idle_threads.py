"""Threads that wait soon leave their cores to other processes, unless the user says how they wait."""

import os
import subprocess
import sys

import pytest

NAMES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {"GOMP_SPINCOUNT": "10000"}),
        ({"GOMP_SPINCOUNT": "3"}, {"GOMP_SPINCOUNT": "3"}),
        ({"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
    ],
)
def test_how_idle_threads_wait_is_set_before_torch_is_there(given: dict[str, str], found: dict[str, str]) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in NAMES} | given
    said = f"{{name: os.environ[name] for name in {NAMES} if name in os.environ}}, 'torch' in sys.modules"
    code = f"import os, sys, medxfer; print({said})"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{found} False"
