"""Every cell of a command, checked and settled before the first one trains; plan and run do it by this same code."""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from rich.markup import escape

from medxfer.base.display import display
from medxfer.base.errors import MedxferError, Refusals
from medxfer.base.words import count
from medxfer.data.store.gray_store import VERSION
from medxfer.grid.introduction import introduce_data
from medxfer.grid.jobs import Job
from medxfer.grid.spelled_once import check_spelled_once
from medxfer.study.folder import Division, Study
from medxfer.study.identity import FOLD, VALUES, Json
from medxfer.study.plan_record import planned_cells
from medxfer.training.asked_network import check_trainable, initial_weights
from medxfer.training.compute import check_device
from medxfer.training.prepare import Preparation
from medxfer.training.room import check_room_of_all
from medxfer.training.settings.checked import checked
from medxfer.training.settings.reading import read_value
from medxfer.training.settled_cell import Settled

NETWORK = ("backbone", "pretrained", "image_size")  # what a network begins with


def checked_jobs(jobs: Sequence[Job], here: bool = True) -> list[Job]:
    """The jobs with their settings as they are read; no data is.

    Raises MedxferError with every setting that no cell can have, weights that are not there among them, and, where
    cells train on this machine (`here`), a device that it lacks.
    """
    refusals = Refusals()
    bases: dict[int, DictConfig] = {}
    for base in {id(job.base): job.base for job in jobs}.values():
        with refusals:
            bases[id(base)] = checked(base)
        with refusals, suppress(OmegaConfBaseException):  # what leads nowhere is refused above
            if here:
                check_device(base)
    display.say("[dim]checking settings, weights and data; data is decoded once[/]")
    read: list[Json] = [{} for _ in jobs]
    for job, values in zip(jobs, read, strict=True):
        for key, value in job.values.items():
            with refusals:
                values[key] = read_value(key, value)
    networks: dict[tuple[object, ...], None] = {}
    for job in jobs:
        with suppress(OmegaConfBaseException):  # what leads nowhere is refused above
            networks[tuple(job.values[key] if key in job.values else job.base.get(key) for key in NETWORK)] = None
    for network in networks:
        with refusals:
            initial_weights(*(read_value(key, value) for key, value in zip(NETWORK, network, strict=True)))
    refusals.raise_all()
    found = [replace(job, base=bases[id(job.base)], values=values) for job, values in zip(jobs, read, strict=True)]
    for job in found:
        with refusals:
            check_trainable(job.base, asked_of(job))
    refusals.raise_all()
    return found


def asked_of(job: Job) -> Json:
    """What the job asks for of each plain factor."""
    return {**{key: job.base.get(key) for key in VALUES}, **job.values}


def settle(jobs: Sequence[Job]) -> tuple[list[Job], list[Settled], list[Preparation]]:
    """Settle every cell, and give each a job of its own; nothing is written into a study.

    The preparations write the studies, by `enter`. `jobs` are checked ones.

    A job whose patients are divided into folds has a cell for each, one after another. A cell that two jobs ask for is
    one cell.

    Raises MedxferError, with all reasons, where a cell cannot be, where two data sets share pictures, or where one
    answer cannot hold the cells of a study.
    """
    warnings.showwarning = display.warn
    pending: dict[Path, Json] = {}
    preparations = {id(job.base): Preparation(job.base, display.step, pending) for job in jobs}
    known: set[tuple[Path, str]] = set()
    of_cells, settled = [], []
    refusals = Refusals()
    for job in jobs:
        preparation = preparations[id(job.base)]
        asked = asked_of(job)
        with refusals:
            for values in preparation.each_fold(asked):
                one = preparation.settle(values)
                if (cell := (one.cell.study.folder, one.cell.name)) in known:
                    continue
                known.add(cell)
                of_cells.append(job if values[FOLD] == asked[FOLD] else job.of_fold(values[FOLD]))
                settled.append(one)
    display.drop("decoding")
    refusals.raise_all()
    _check_apart(settled, Path(jobs[0].base.store.root).expanduser())
    _check_studies(settled)
    _check_rooms(settled, jobs[0].base)
    introduce_data(settled)
    return of_cells, settled, list(preparations.values())


def _check_studies(settled: Sequence[Settled]) -> None:
    """Raise MedxferError where one answer cannot hold the cells of a study, among them those that it has already."""
    for study in dict.fromkeys(one.cell.study for one in settled):
        study.check_divided(divisions(settled, study))
        study.check_distinct({one.cell.name: one.cell.factors for one in settled if one.cell.study == study})
        study.check_external(external_of(settled, study))
        check_spelled_once([one for one in settled if one.cell.study == study], study)


def _check_rooms(settled: Sequence[Settled], config: DictConfig) -> None:
    """Raise MedxferError where a study's disk has no room for one cell more; say it where it has none for all."""
    missing = [one.cell for one in settled if not one.cell.is_done()]
    for folder in dict.fromkeys(cell.study.folder for cell in missing):
        backbones = [str(cell.factors["backbone"]) for cell in missing if cell.study.folder == folder]
        if text := check_room_of_all(folder, config, backbones):
            display.say(f"[yellow]{escape(text)}[/]")


def external_of(settled: Sequence[Settled], study: Study) -> dict[str, str]:
    """The external sets that cells of the study are scored on, name -> fingerprint."""
    cells = [one for one in settled if one.cell.study == study]
    return {one.name: one.fingerprint for cell in cells for one in cell.external}


def divisions(settled: Sequence[Settled], study: Study) -> list[Division]:
    """How the study's data sets are divided, each way once."""
    cells = [one for one in settled if one.cell.study == study]
    return list(dict.fromkeys(Division(str(one.cell.factors["data"]), one.split.folds, one.split.way) for one in cells))


def _check_apart(settled: Sequence[Settled], root: Path) -> None:
    """Raise MedxferError where a picture is in two data sets: an answer would take its patient for two.

    The data sets are those of `settled` and those that their studies have planned before, as far as their decoded
    images are still in `root`.
    """
    pictures = {str(one.cell.factors["data"]): set(one.store.images["pixels"]) for one in settled}
    for study in {one.cell.study for one in settled}:
        record = study.record if (study.folder / "study.json").is_file() else {"data": {}}
        planned = {factors["data"] for factors in planned_cells(record).values()}
        for name, fingerprint in record["data"].items():
            if name in planned and name not in pictures:
                tables = root.glob(f"*-{fingerprint}/v{VERSION}-*/images.parquet")
                pictures[name] = {key for path in tables for key in pd.read_parquet(path, columns=["pixels"])["pixels"]}
    for (name, one), (other_name, other) in combinations(pictures.items(), 2):
        if shared := one & other:
            raise MedxferError(
                f"data '{name}' and '{other_name}' have {count(len(shared), 'picture')} in common, pixel by pixel, "
                "and an answer would take their patients for two: leave them out of one of the two, or give each its "
                "own command and study.name; for other divisions of one data set use data.split.resample=true"
            )
