"""A trained cell and files → scores, by Lightning's own loop, in the precision of the cell's training."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from hydra.utils import get_class
from numpy.typing import NDArray
from omegaconf import OmegaConf

from medxfer.base.memory import keep_pages
from medxfer.data.serve.module import NewImages, Place
from medxfer.data.serve.new_files import NewFiles
from medxfer.data.sources.dicom_folder import read_dicom
from medxfer.data.store.decode import Decoder
from medxfer.trained.trained_cell import TrainedCell


def score(cell: TrainedCell, files: Sequence[Path]) -> tuple[NDArray[np.float32], list[Place], dict[int, str]]:
    """(scores (N, C), where each of those N images is, why each other file was refused), in the order of `files`."""
    keep_pages()
    images = new_images(cell, files)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")  # advice that does not fit here
        trainer = pl.Trainer(
            accelerator="auto",
            devices=1,
            precision=cell.record["compute"]["precision"],
            deterministic=cell.config.deterministic,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        found = trainer.predict(cell.model, images) or []
    scores = torch.cat([scores for _, scores in found]) if found else torch.zeros(0, len(cell.classes))
    return scores.cpu().numpy(), images.places, images.refused


def new_images(cell: TrainedCell, files: Sequence[Path]) -> NewImages:
    """The images of `files` as the cell's own test images were served."""
    config = cell.config
    options: Any = OmegaConf.to_container(config.data)
    source: Any = get_class(config.data.source._target_)
    reader = NewFiles(cell.record["data"]["modality"], options, source.dicom_reader or read_dicom)
    decoder = Decoder(reader, config.image_size, cell.hounsfield, config.data.keep_aspect)
    return NewImages(files, decoder, cell.gray, cell.renderer, 4 * config.batch_size)
