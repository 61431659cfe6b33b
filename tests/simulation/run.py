"""Run the simulations and write their tables: python tests/simulation/run.py --repetitions 10000 --out
docs/simulations.md

Results are kept beside it as .csv, a row a setting and figure; a setting that is there with enough
repetitions is not run again, so that an interrupted run goes on where it stopped. Chunk k of a setting is
always drawn from the same seed.
"""

import argparse
import os
import sys
import time
import zlib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from simulation_page import write_page
from tables import Setting, all_settings

from medxfer.analysis import NotComparable

CHUNK = 250
COLUMNS = ["table", "setting", "trainings", "figure", "value", "error", "asked", "repetitions"]


def chunk(table: str, number: int, index: int) -> pd.DataFrame:
    """(repetitions, figures) of one chunk."""
    setting = all_settings()[table][number]
    rng = np.random.default_rng([zlib.crc32(f"{table}: {setting.name}".encode()), index])
    return pd.DataFrame([_repetition(setting, rng) for _ in range(CHUNK)])


def _repetition(setting: Setting, rng: np.random.Generator) -> dict[str, float]:
    try:
        return {"refused": 0.0} | setting.measure(setting.truth, rng)
    except NotComparable:  # the few smallest: two trainings that agree on every patient
        return {"refused": 1.0}


def run_setting(pool: ProcessPoolExecutor, setting: Setting, number: int, repetitions: int) -> pd.DataFrame:
    """One row a figure: mean, its Monte-Carlo standard error, and in how many repetitions it was asked."""
    jobs = [pool.submit(chunk, setting.table, number, i) for i in range(-(-repetitions // CHUNK))]
    results = pd.concat([job.result() for job in jobs])
    about = [setting.table, setting.name, setting.truth.trainings]
    rows = [[*about, name, x.mean(), x.sem(), x.count(), len(results)] for name, x in results.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=10_000, help="of each setting")
    parser.add_argument("--out", type=Path, required=True, help="the page; the figures go beside it as .csv")
    parser.add_argument("--tables", nargs="*", choices=list(all_settings()), help="all by default")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args(arguments)
    kept = options.out.with_suffix(".csv")
    results = pd.read_csv(kept) if kept.is_file() else pd.DataFrame(columns=COLUMNS)
    known = {(s.table, s.name) for settings in all_settings().values() for s in settings}
    keys = pd.Series(zip(results["table"], results["setting"], strict=True), index=results.index, dtype=object)
    results = results.loc[keys.isin(known), COLUMNS]
    with ProcessPoolExecutor(options.workers) as pool:
        for table in options.tables or all_settings():
            for number, setting in enumerate(all_settings()[table]):
                same = (results["table"] == table) & (results["setting"] == setting.name)
                if (results[same]["repetitions"] >= options.repetitions).any():
                    continue
                start = time.perf_counter()
                fresh = run_setting(pool, setting, number, options.repetitions)
                results = pd.concat([frame for frame in (results[~same], fresh) if len(frame)])
                results.to_csv(kept, index=False, float_format="%.6g")
                print(f"{table}: {setting.name}: {time.perf_counter() - start:.0f} s", flush=True)
    write_page(results, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
