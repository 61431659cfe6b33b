"""A trained cell and files → scores and decisions, by Lightning's own loop, in the precision of the cell's training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from omegaconf import OmegaConf

from medxfer.base.errors import RESEARCH_ONLY, MedxferError
from medxfer.base.memory import keep_pages
from medxfer.base.quiet import quiet_trainer
from medxfer.base.series import IMAGE
from medxfer.data.serve.module import EVALUATED, NewImages, Place
from medxfer.data.serve.new_files import NewFiles, find_files
from medxfer.data.serve.usual import read_usual
from medxfer.data.sources.keep import is_localizer
from medxfer.data.sources.nifti_file import is_volume
from medxfer.data.sources.slices import series_names
from medxfer.data.sources.targets import dicom_reader, nifti_reader
from medxfer.data.store.decode import Decoder
from medxfer.trained.explain import explain
from medxfer.trained.series_rows import series_rows
from medxfer.trained.trained_cell import TrainedCell, open_cell


class Predicted(NamedTuple):
    """What `predict` has found."""

    table: (
        pd.DataFrame
    )  # a row an image, as `score` has it; of a cell that scores series a row a series (`series_rows`)
    slices: pd.DataFrame | None  # of such a cell the table of `score`, a row a slice
    rule: str  # how decisions were made
    left_out: dict[str, int]  # reason -> how many links, files and folders of the folder give no file


def predict(
    folder: Path, images: Path, out: Path | None = None, cam: Path | None = None, slices: Path | None = None
) -> Predicted:
    """Score `images`, a file or a folder, with the cell in `folder`.

    Args:
        folder: the cell's.
        images: a file, or a folder with all that is below it, of which is left out what the training's data set would
            leave out by rule.
        out: a CSV that the table is written to.
        cam: a folder for a picture of each scored image; the table of images then names it in the column `picture`.
        slices: a CSV for the scores of slices, where the cell scores series.

    Raises:
        MedxferError: there is no such cell or no image, or something cannot be written.
    """
    cell, (files, left_out) = open_cell(folder), find_files(images)
    if slices and cell.score == IMAGE:
        raise MedxferError(
            f"slices={slices}: this cell scores images, and its table has a row for each: give out= alone"
        )
    table = score(cell, files, by_rule=images.is_dir())
    of_slices: pd.DataFrame | None = None
    if cell.score != IMAGE:
        of_slices, table = table, series_rows(cell, table)
        decided = table[table["refused"] == ""].set_index("series")["decision"]
        of_slices["decision"] = of_slices["series"].map(decided).where(of_slices["refused"] == "")
    of_images = table if of_slices is None else of_slices
    read = of_images[of_images["refused"] == ""]
    if cam and len(read):
        by_file = new_images(cell, [Path(path) for path in read["path"].drop_duplicates()])
        of_images["picture"] = pd.Series(explain(cell, read, by_file, cam), index=read.index)
    for key, path, found in (("out", out, table), ("slices", slices, of_slices)):
        if path is not None and found is not None:
            _write(found, path, key)
    return Predicted(table, of_slices, cell.rule, left_out)


def _write(table: pd.DataFrame, path: Path, key: str) -> None:
    try:
        table.to_csv(path, index=False)
    except OSError as error:
        raise MedxferError(f"{key}={path}: cannot be written ({error.strerror}); give another file") from error


def score(cell: TrainedCell, files: Sequence[Path], by_rule: bool = False) -> pd.DataFrame:
    """A row for each image in `files`: path, score_<class> for every class, decision, unlike, refused, note.

    The images are processed as in the cell's training: decoded, resized and rendered by the same functions, in batches
    on the device. A refused file has a row with neither scores nor decision, and the reason in `refused`; so has, with
    `by_rule`, a file that the training's data set would leave out by rule. Where each frame of a file is an image
    (data.frame=all), or each slice of a NIfTI volume, `frame` counts them from 0. `unlike` says in what an image
    differs from those of the training (modality, gray, size), for which the network's scores mean nothing; "" if in
    nothing. Where the cell scores series, `series` is its name by `series_names`, or the path of a file of no series,
    and no slice is decided.
    """
    reader = new_files(cell)
    headers = reader.survey(files)
    reasons = reader.left_out(headers) if by_rule else pd.Series("", headers.index)
    taken = np.flatnonzero(reasons == "").tolist()
    scores, places, refused = _scores(cell, [files[file] for file in taken])
    names = {f"score_{name}": scores[:, index] for index, name in enumerate(cell.classes)}
    left_out = {int(file): reasons.iloc[file] for file in np.flatnonzero(reasons != "")}
    others = {taken[file]: why for file, why in refused.items()} | left_out
    order = [*(taken[place.file] for place in places), *others]
    read = pd.DataFrame({"frame": [place.frame for place in places], **names})
    read["decision"] = pd.Series(cell.decide(scores) if cell.score == IMAGE else None, read.index, dtype=object)
    read["unlike"] = pd.Series(_unlike(cell, reader, headers.iloc[order[: len(places)]], places), dtype=object)
    table = read.reindex(range(len(order))).fillna({"unlike": ""})
    table["refused"] = [""] * len(places) + list(others.values())
    table.insert(0, "path", [str(files[file]) for file in order])
    if cell.score != IMAGE:
        series = series_names(headers)
        table.insert(1, "series", series.where(series != "", headers.index.to_series()).iloc[order].to_numpy())
    table = table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)
    if cell.config.data.get("frame") != "all" and not any(map(is_volume, files)):
        table = table.drop(columns="frame")
    return table.assign(note=RESEARCH_ONLY)


def _unlike(cell: TrainedCell, reader: NewFiles, headers: pd.DataFrame, places: Sequence[Place]) -> list[str]:
    """For each of `places`, in what it differs from the images of the training; `headers` has a row for each."""
    known, localizers = read_usual(cell.record["input"].get("usual")), is_localizer(headers)
    said = []
    for place, modality, size, scout in zip(places, headers["modality"], headers["size"], localizers, strict=True):
        ranges = known.unlike(place.tone, size) if known else []
        kinds = (reader.other_kind(modality), "it is a localizer" if scout else "")
        said.append("; ".join(filter(None, [*kinds, *ranges])))
    return said


def new_files(cell: TrainedCell) -> NewFiles:
    """Reads files as the cell's own were read."""
    data = cell.config.data
    keep: Any = OmegaConf.to_container(data.get("keep") or OmegaConf.create({}))
    slices = str(data.get("slices", "all"))
    return NewFiles(cell.record["data"]["modality"], dicom_reader(data), nifti_reader(data), keep, slices)


def new_images(cell: TrainedCell, files: Sequence[Path]) -> NewImages:
    """The images of `files`, as the cell's own test images were served."""
    config = cell.config
    decoder = Decoder(new_files(cell).pictures, config.image_size, cell.hounsfield, config.data.keep_aspect)
    return NewImages(files, decoder, cell.gray, cell.renderer, EVALUATED * config.batch_size)


def predicting(cell: TrainedCell) -> pl.Trainer:
    """Lightning's loop on one device, in the precision of the cell's training; it keeps and prints nothing."""
    precision = cell.record["compute"]["precision"]
    return quiet_trainer(accelerator="auto", precision=precision, deterministic=cell.config.deterministic)


def _scores(cell: TrainedCell, files: Sequence[Path]) -> tuple[NDArray[np.float32], list[Place], dict[int, str]]:
    """(scores (N, C), where each of those N images is, why each other file was refused), in the order of `files`."""
    keep_pages()
    images = new_images(cell, files)
    found = predicting(cell).predict(cell.model, images) or []
    scores = torch.cat([scores for _, scores in found]) if found else torch.zeros(0, len(cell.classes))
    return scores.cpu().numpy(), images.places, images.refused
