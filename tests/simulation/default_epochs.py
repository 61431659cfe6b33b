"""Are 30 epochs enough? The default network on three real sets, with 30 epochs and with three times as many.

    python tests/simulation/default_epochs.py train OUT [cells at once of each set [seconds]]
    python tests/simulation/default_epochs.py page OUT docs/defaults.md

`train` wants MEDXFER_TEST_DATA and a GPU: three studies of 12 trainings at 224 px, all settings as they come. What is
done when the seconds are over is kept, and the same command goes on.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

BUDGETS, SEEDS, PICTURES = (30, 90), (0, 1, 2), ("cxr_kermany", "cxr_nih")


def sets() -> dict[str, list[str]]:
    data = Path(os.environ["MEDXFER_TEST_DATA"])
    file = data / "breastmnist" / "breastmnist.npz"
    pictures = {name: ["data=images", f"data.name={name}", f"data.root={data / name}"] for name in PICTURES}
    return {"breastmnist": ["data=medmnist", f"data.path={file}"], **pictures}


def train(out: Path, at_once: int = 1, seconds: float = float("inf")) -> None:
    """All sets at once. Ends early where a training fails: then something is wrong with all of them."""
    ends = time.monotonic() + seconds
    factors = (f"budget={list(BUDGETS)}".replace(" ", ""), "pretrained=true,false", f"seed={','.join(map(str, SEEDS))}")
    running = []
    for name, overrides in sets().items():
        command = [
            sys.executable, "-m", "medxfer.train", "-m", *overrides, *factors, "keep=none", "logger=none",
            f"study.root={out}", f"study.name={name}", f"store.root={out.parent / 'store'}",
            "hydra/launcher=joblib", f"hydra.launcher.n_jobs={at_once}",
        ]  # fmt: skip
        slots = out.parent / "slots" / name  # a set's own slots of the GPU: else all commands share as many
        slots.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = {**os.environ, "XDG_RUNTIME_DIR": str(slots)}
        with (out.parent / f"{name}.log").open("a") as log:
            running.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, env=own))
    while any(process.poll() is None for process in running):
        failed = list(out.glob("*/cells/*/failed.json"))
        if failed or time.monotonic() > ends:
            for process in running:
                os.killpg(process.pid, signal.SIGKILL)
            print(*(path.read_text() for path in failed[:1]))
        time.sleep(1)


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train(Path(sys.argv[2]).resolve(), *map(int, sys.argv[3:]))
