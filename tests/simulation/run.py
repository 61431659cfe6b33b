"""Run the simulations and write their tables: python tests/simulation/run.py --out docs/simulations.md

Results are kept beside it as .csv, a row a setting and figure, and what the page of a study says of its level in the
package (packaged.py); a setting that is there with enough repetitions is not
run again, so that an interrupted run goes on where it stopped. Each setting is always drawn from the same seed.
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
from packaged import PACKAGED, packaged
from simulation_page import write_page
from tables import Setting, all_settings

FIRST = 20_261_126  # the seed of all; other than those by which the method was chosen
PAGE = Path(__file__).resolve().parents[2] / "docs" / "simulations.md"
COLUMNS = ["table", "setting", "figure", "value", "repetitions"]


def run_setting(table: str, number: int, repetitions: int) -> pd.DataFrame:
    """One row a figure."""
    setting: Setting = all_settings()[table][number]
    count = min(repetitions, setting.most)
    rng = np.random.default_rng([FIRST, zlib.crc32(f"{table}: {setting.name}".encode())])
    figures = setting.measure(rng, count, **setting.values)
    return pd.DataFrame([[table, setting.name, name, value, count] for name, value in figures.items()], columns=COLUMNS)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=10_000, help="at most, of each setting")
    parser.add_argument("--out", type=Path, required=True, help="the page; the figures go beside it as .csv")
    parser.add_argument("--tables", nargs="*", choices=list(all_settings()), help="all by default")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args(arguments)
    kept = options.out.with_suffix(".csv")
    results = pd.read_csv(kept) if kept.is_file() else pd.DataFrame(columns=COLUMNS)
    settings = all_settings()
    known = {(s.table, s.name) for of_table in settings.values() for s in of_table}
    keys = pd.Series(zip(results["table"], results["setting"], strict=True), index=results.index, dtype=object)
    results = results.loc[keys.isin(known), COLUMNS]
    with ProcessPoolExecutor(options.workers) as pool:
        for table in options.tables or settings:
            of_table = results[results["table"] == table]
            done = dict(zip(of_table["setting"], of_table["repetitions"], strict=True))
            todo = [n for n, s in enumerate(settings[table]) if done.get(s.name, 0) < min(options.repetitions, s.most)]
            started = time.monotonic()
            jobs = [pool.submit(run_setting, table, number, options.repetitions) for number in todo]
            for job in jobs:
                new = job.result()
                old = (results["table"] == table) & (results["setting"] == new["setting"].iloc[0])
                results = pd.concat([results[~old], new], ignore_index=True) if len(results) else new
                results.to_csv(kept, index=False, float_format="%.6g")
            if jobs:
                print(f"{table}: {len(jobs)} settings, {time.monotonic() - started:.0f} s", flush=True)
    write_page(options.out, results, {table: len(of_table) for table, of_table in settings.items()})
    if options.out.resolve() == PAGE:  # a trial run elsewhere leaves the package alone
        PACKAGED.write_text(packaged(results), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
