"""Are 30 epochs enough? The default network on three real sets, with 30 epochs and with three times as many.

    python tests/simulation/default_epochs.py train OUT [cells at once of each set [seconds]]
    python tests/simulation/default_epochs.py tables docs/defaults.csv OUT …

`train` wants MEDXFER_TEST_DATA and a GPU: three studies of 12 trainings at 224 px, all settings as they come. What is
done when the seconds are over is kept, and the same command goes on. `tables` writes a row a training, and prints the
table of docs/defaults.md.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

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


def tables(file: Path, folders: list[Path]) -> None:
    """`folders` hold studies. A difference is the mean over seeds that have both budgets; 2.5 to 97.5 % of resamplings
    of the test patients, the same in all trainings."""
    rows, scores = [], {}
    for path in sorted(path for folder in folders for path in folder.glob("*/cells/*/metrics.json")):
        record = json.loads(path.read_text())
        factors, metrics = record["factors"], record["metrics"]
        arm = (factors["data"], factors["image_size"], factors["pretrained"])
        rows.append(
            {
                "data": arm[0], "pixels": arm[1], "weights": "pretrained" if arm[2] else "random",
                "epochs": record["budget_epochs"], "seed": factors["seed"], "tested epoch": record["best_epoch"],
                "validation AUROC": metrics["val/auroc"], "test AUROC": metrics["test/auroc"],
                "device": record["machine"]["device"], "torch": record["versions"]["torch"],
            }
        )  # fmt: skip
        table = pd.read_parquet(path.with_name("predictions.parquet"))
        scores[arm, record["budget_epochs"], factors["seed"]] = table[table["split"] == "test"].sort_values("image")
    pd.DataFrame(rows).to_csv(file, index=False)
    short, long = BUDGETS
    print(f"| data | weights | {short} epochs | {long} epochs | {long} − {short}, points | seeds with both |")
    print("|---|---|--:|--:|--:|--:|")
    for arm in sorted({arm for arm, _, _ in scores}):
        of = {budget: {s: t for (a, b, s), t in scores.items() if (a, b) == (arm, budget)} for budget in BUDGETS}
        means = [f"{np.mean([auroc(t) for t in of[b].values()]):.3f} ({len(of[b])})" if of[b] else "–" for b in BUDGETS]
        both = sorted(of[short].keys() & of[long].keys())
        gain = "–" if not both else gained([(of[short][seed], of[long][seed]) for seed in both])
        weights = "pretrained" if arm[2] else "random"
        print(f"| {arm[0]}, {arm[1]} px | {weights} | {' | '.join(means)} | {gain} | {len(both)} |")


def auroc(scored: pd.DataFrame) -> float:
    return float(roc_auc_score(scored["label"], scored["score_1"]))


def gained(pairs: list[tuple[pd.DataFrame, pd.DataFrame]]) -> str:
    def gain(drawn: NDArray[np.int64]) -> float:
        return 100 * float(np.mean([auroc(long.iloc[drawn]) - auroc(short.iloc[drawn]) for short, long in pairs]))

    first = pairs[0][0]
    of_patient = list(first.groupby(first["patient"].to_numpy()).indices.values())
    rng = np.random.default_rng(0)
    resampled = [
        gain(np.concatenate([of_patient[number] for number in rng.integers(0, len(of_patient), len(of_patient))]))
        for _ in range(1000)
    ]
    low, high = np.quantile(resampled, (0.025, 0.975))
    return f"{gain(np.arange(len(first))):+.1f} ({low:+.1f} to {high:+.1f})"


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train(Path(sys.argv[2]).resolve(), *map(int, sys.argv[3:]))
    else:
        tables(Path(sys.argv[2]), [Path(folder) for folder in sys.argv[3:]])
