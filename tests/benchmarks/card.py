"""python tests/benchmarks/card.py look|measure OUT [PART …]: all that wants a CUDA device, on borrowed time.

Every part is a command of its own with a budget in seconds, after which it is ended; what it has recorded by then is
kept. OUT gets log.txt and results.csv. `look` runs all parts small, the tests beside the rest; `measure` draws the
images beside the tests and then times one part after another, at full size.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results.csv"
TESTS = (
    "tests/training/test_on_a_gpu.py", "tests/model/test_model_deterministic.py", "-m", "gpu",
    "-k", os.environ.get("MEDXFER_CARD_TESTS", "test"), "-n",
)  # fmt: skip
TIMED = ("tests/benchmarks/test_gpu.py", "-n", "0", "-s", "-m", "gpu and benchmark", "-k")
GRID = ("tests/benchmarks/test_gpu_grid.py", "-n", "0", "-s", "-m", "gpu and benchmark")
PARTS = {  # seconds on an H100 with 16 cores, whose Python takes 20 s to import all that trains
    "lookup": ((*TIMED, "bandwidth"), 40),
    "ResNet-50": ((*TIMED, "synthetic or busy or repeating"), 100),
    "at once": ((*GRID, "-k", "steady"), 180),
    "small networks": ((*TIMED, "launched or float_32"), 150),
    "grid": ((*GRID, "-k", "first or script"), 600),
    "MONAI": ((*GRID, "-k", "monai"), 150),
}
SMALL = {"IMAGES": "1000", "EPOCHS": "1", "PIXELS": "128", "STEPS": "5", "ROUNDS": "3", "AT_ONCE": "4", "PEERS": "0"}
FULL = {"IMAGES": "4000", "EPOCHS": "8", "PIXELS": "128", "STEPS": "20", "ROUNDS": "5", "AT_ONCE": "8"}


def main(mode: str, out: Path, *asked: str) -> None:
    out.mkdir(parents=True, exist_ok=True)
    sizes = SMALL if mode == "look" else FULL
    os.environ.update({f"MEDXFER_BENCH_{name}": os.environ.get(f"MEDXFER_BENCH_{name}", sizes[name]) for name in sizes})
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    os.environ["PYTHONUNBUFFERED"] = "1"
    rows = len(pd.read_csv(RESULTS))
    wanted = asked or ("tests", *PARTS)
    tests = (
        Part("tests", (*TESTS, os.environ.get("MEDXFER_BENCH_WORKERS", "8")), 130, out) if "tests" in wanted else None
    )
    images = Part("images", ("-c", "import images, scale; images.phantoms(scale.TRAINING_IMAGES)"), 130, out)
    if tests and mode != "look":
        tests.finish()
    images.finish()
    for name in (name for name in PARTS if name in wanted):
        arguments, seconds = PARTS[name]
        Part(name, arguments, seconds if mode != "look" else seconds // 2, out).finish()
        shutil.copy(RESULTS, out / "results.csv")
    if tests and mode == "look":
        tests.finish()
    print(pd.read_csv(RESULTS)[rows:][["benchmark", "measured", "value", "unit", "seconds"]].to_string())


class Part:
    """A command that has begun, and ends or is ended."""

    def __init__(self, name: str, arguments: tuple[str, ...], seconds: float, out: Path) -> None:
        self.name, self.began, self.seconds = name, time.monotonic(), seconds
        self.log, self.of_all = out / f".{name}.txt", out / "log.txt"
        command = [sys.executable, *arguments] if arguments[0] == "-c" else [sys.executable, "-m", "pytest", *arguments]
        command += [] if arguments[0] == "-c" else ["--durations=12", "-p", "no:cacheprovider"]
        cwd = HERE if arguments[0] == "-c" else ROOT
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=cwd, stdout=log, stderr=log, start_new_session=True)

    def finish(self) -> None:
        try:
            code = self.process.wait(max(self.seconds - (time.monotonic() - self.began), 1))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            code = self.process.wait()
        title = f"===== {self.name}: exit {code} after {time.monotonic() - self.began:.0f} s"
        text = self.log.read_text(errors="replace")
        self.log.unlink()
        with self.of_all.open("a") as log:
            log.write(f"{title}\n{text}\n")
        print(title, text[-1500:], sep="\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
