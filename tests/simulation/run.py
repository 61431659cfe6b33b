"""Run the simulations and write their tables: python tests/simulation/run.py --out docs/simulations.md

Results are kept beside it as .csv, a row a setting and figure, and what the page of a study says of its level in the
package (packaged.py); a setting that is there with enough repetitions is not run again, so that an interrupted run goes
on where it stopped. Each setting is always drawn from the same seed. Two tables need real images (real_images.py): they
are left out where these are neither kept nor in MEDXFER_TEST_DATA.
"""

import argparse
import multiprocessing
import os
import sys
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import real_images
from packaged import PACKAGED, packaged
from simulation_page import write_page
from tables import REAL, Setting, all_settings

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


def missing(results: pd.DataFrame, tables: list[str], repetitions: int) -> list[tuple[str, int]]:
    """The table and number of each setting that has not been run with enough repetitions."""
    done = results.set_index(["table", "setting"])["repetitions"].to_dict()
    return [
        (table, number)
        for table in tables
        for number, setting in enumerate(all_settings()[table])
        if done.get((table, setting.name), 0) < min(repetitions, setting.most)
    ]


def finished(
    todo: list[tuple[str, int]], repetitions: int, workers: int, seconds: float | None
) -> Iterator[pd.DataFrame]:
    """Results as they come, until `seconds` are over."""
    pool = ProcessPoolExecutor(workers)
    jobs = [pool.submit(run_setting, table, number, repetitions) for table, number in todo]
    try:
        for job in as_completed(jobs, timeout=seconds):
            yield job.result()
    except TimeoutError:
        print(f"{sum(not job.done() for job in jobs)} settings are left", flush=True)
        for process in multiprocessing.active_children():
            process.terminate()
    finally:
        pool.shutdown(wait=seconds is None, cancel_futures=True)


def in_order(results: pd.DataFrame, settings: dict[str, list[Setting]]) -> pd.DataFrame:
    """By table and setting, as they are listed."""
    place = {(s.table, s.name): number for number, s in enumerate(s for of in settings.values() for s in of)}
    order = [place[key] for key in zip(results["table"], results["setting"], strict=True)]
    return results.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=10_000, help="at most, of each setting")
    parser.add_argument("--out", type=Path, required=True, help="the page; the figures go beside it as .csv")
    parser.add_argument("--tables", nargs="*", choices=list(all_settings()), help="all by default")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, help="stop after so long; what is being run then is lost")
    options = parser.parse_args(arguments)
    started, kept = time.monotonic(), options.out.with_suffix(".csv")
    results = pd.read_csv(kept) if kept.is_file() else pd.DataFrame(columns=COLUMNS)
    settings = all_settings()
    known = {(s.table, s.name) for of_table in settings.values() for s in of_table}
    keys = pd.Series(zip(results["table"], results["setting"], strict=True), index=results.index, dtype=object)
    results = results.loc[keys.isin(known), COLUMNS]
    tables = options.tables or list(settings)
    if set(REAL) & set(tables) and not real_images.there():
        if "MEDXFER_TEST_DATA" in os.environ:
            for data in real_images.DATA:  # once, before there are many processes
                real_images.images(data)
        else:
            tables = [table for table in tables if table not in REAL]
            print(f"left out, because there are no real images: {', '.join(REAL)}", flush=True)
    todo = missing(results, tables, options.repetitions)
    left = None if options.seconds is None else options.seconds - (time.monotonic() - started)
    for new in finished(todo, options.repetitions, options.workers, left):
        table, setting = new["table"].iloc[0], new["setting"].iloc[0]
        old = (results["table"] == table) & (results["setting"] == setting)
        results = in_order(pd.concat([results[~old], new]) if len(results) else new, settings)
        results.to_csv(kept, index=False, float_format="%.6g")
        print(f"{time.monotonic() - started:.0f} s: {table}: {setting}", flush=True)
    write_page(options.out, results, {table: len(of_table) for table, of_table in settings.items()})
    if options.out.resolve() == PAGE:  # a trial run elsewhere leaves the package alone
        PACKAGED.write_text(packaged(results), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
