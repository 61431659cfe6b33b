"""A trained cell and files → scores and decisions, by Lightning's own loop, in the precision of the cell's training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from numpy.typing import NDArray

import medxfer.base.quiet  # noqa: F401
from medxfer.base.errors import RESEARCH_ONLY, MedxferError
from medxfer.base.memory import keep_pages
from medxfer.data.serve.module import NewImages, Place
from medxfer.data.serve.new_files import NewFiles, find_files
from medxfer.data.serve.usual import read_usual
from medxfer.data.sources.nifti_file import is_volume
from medxfer.data.sources.targets import dicom_reader, nifti_reader
from medxfer.data.store.decode import Decoder
from medxfer.trained.explain import explain
from medxfer.trained.trained_cell import TrainedCell, open_cell


def predict(folder: Path, images: Path, out: Path | None = None, cam: Path | None = None) -> tuple[pd.DataFrame, str]:
    """Score `images`, a file or a folder, with the cell in `folder`: (the table of `score`, how decisions were made).

    Args:
        folder: the cell's.
        images: a file, or a folder with all that is below it.
        out: a CSV that the table is written to.
        cam: a folder for a picture of each scored image; the table then names it in the column `picture`.

    Raises:
        MedxferError: there is no such cell or no image, or something cannot be written.
    """
    cell, files = open_cell(folder), find_files(images)
    table = score(cell, files)
    read = table[table["refused"] == ""]
    if cam and len(read):
        by_file = new_images(cell, [Path(path) for path in read["path"].drop_duplicates()])
        table["picture"] = pd.Series(explain(cell, read, by_file, cam), index=read.index)
    if out:
        try:
            table.to_csv(out, index=False)
        except OSError as error:
            raise MedxferError(f"out={out}: cannot be written ({error.strerror}); give another file") from error
    return table, cell.rule


def score(cell: TrainedCell, files: Sequence[Path]) -> pd.DataFrame:
    """A row for each image in `files`: path, score_<class> for every class, decision, unlike, refused, note.

    The images are processed as in the cell's training: decoded, resized and rendered by the same functions, in batches
    on the device. A refused file has a row with neither scores nor decision, and the reason in `refused`. Where each
    frame of a file is an image (data.frame=all), or each slice of a NIfTI volume, `frame` counts them from 0. `unlike`
    says in what an image differs from those of the training (modality, gray, size), for which the network's scores mean
    nothing; "" if in nothing.
    """
    scores, places, refused = _scores(cell, files)
    names = {f"score_{name}": scores[:, index] for index, name in enumerate(cell.classes)}
    order = [*(place.file for place in places), *refused]
    read = pd.DataFrame({"frame": [place.frame for place in places], **names})
    read["decision"] = pd.Series(cell.decide(scores), dtype=object)
    read["unlike"] = pd.Series(_unlike(cell, files, places), dtype=object)
    table = read.reindex(range(len(order))).fillna({"unlike": ""})
    table["refused"] = [""] * len(places) + list(refused.values())
    table.insert(0, "path", [str(files[file]) for file in order])
    table = table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)
    if cell.config.data.get("frame") != "all" and not any(map(is_volume, files)):
        table = table.drop(columns="frame")
    return table.assign(note=RESEARCH_ONLY)


def _unlike(cell: TrainedCell, files: Sequence[Path], places: Sequence[Place]) -> list[str]:
    """For each of `places`, in what it differs from the images of the training."""
    reader, known = new_files(cell), read_usual(cell.record["input"].get("usual"))
    headers = {file: reader.header(files[file]) for file in {place.file for place in places}}
    said = []
    for place in places:
        facts = headers[place.file]
        ranges = known.unlike(place.tone, facts.size) if known else []
        said.append("; ".join(filter(None, [reader.other_kind(facts), *ranges])))
    return said


def new_files(cell: TrainedCell) -> NewFiles:
    """Reads files as the cell's own were read."""
    data = cell.config.data
    return NewFiles(cell.record["data"]["modality"], dicom_reader(data), nifti_reader(data))


def new_images(cell: TrainedCell, files: Sequence[Path]) -> NewImages:
    """The images of `files`, as the cell's own test images were served."""
    config = cell.config
    decoder = Decoder(new_files(cell).pictures, config.image_size, cell.hounsfield, config.data.keep_aspect)
    return NewImages(files, decoder, cell.gray, cell.renderer, 4 * config.batch_size)


def predicting(cell: TrainedCell) -> pl.Trainer:
    """Lightning's loop on one device, in the precision of the cell's training; it keeps and prints nothing."""
    return pl.Trainer(
        accelerator="auto",
        devices=1,
        plugins=[LightningEnvironment()],  # one process, whatever a Slurm job's variables say
        precision=cell.record["compute"]["precision"],
        deterministic=cell.config.deterministic,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _scores(cell: TrainedCell, files: Sequence[Path]) -> tuple[NDArray[np.float32], list[Place], dict[int, str]]:
    """(scores (N, C), where each of those N images is, why each other file was refused), in the order of `files`."""
    keep_pages()
    images = new_images(cell, files)
    found = predicting(cell).predict(cell.model, images) or []
    scores = torch.cat([scores for _, scores in found]) if found else torch.zeros(0, len(cell.classes))
    return scores.cpu().numpy(), images.places, images.refused
