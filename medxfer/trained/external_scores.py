"""Finished cells of a study → the scores of external sets that they lack, without training."""

from pathlib import Path

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from medxfer.base.display import display
from medxfer.base.errors import MedxferError
from medxfer.base.files import alone, read_json, write_json, write_parquet
from medxfer.base.memory import keep_pages
from medxfer.base.series import SLICES, score_of
from medxfer.base.window import parse_window
from medxfer.data.external import ExternalSet, TrainedOn, external_sets, mounted_sets
from medxfer.data.serve.external_images import ExternalImages, external_scores
from medxfer.data.serve.module import EVALUATED
from medxfer.data.sources.patients import NO_PATIENTS
from medxfer.study.folder import Study
from medxfer.study.identity import Json
from medxfer.trained.scoring import predicting
from medxfer.trained.trained_cell import open_cell


def score_missing(study: Study, config: DictConfig) -> int:
    """Score the external sets that `config` names with every finished cell that has no scores of them; how many did.

    A cell keeps its other scores: predictions.parquet is written whole, and its record last, so that a cell whose
    scoring was interrupted is scored again.

    Raises:
        MedxferError: a set cannot be scored (`external_sets`), it is another one than the study knows by its name, or
            a cell cannot be opened.
    """
    if not mounted_sets(config):
        return 0
    lacking, known = [], {}
    for folder in sorted(path.parent for path in study.folder.glob("cells/*/metrics.json")):
        sets = external_sets(config, _trained_on(folder), display.step)
        known.update({one.name: one.fingerprint for one in sets})
        lacking += [(folder, one) for one in sets if not _has(read_json(folder / "metrics.json"), one)]
    display.drop("decoding")
    study.enter_external(known)
    for done, (folder, one) in enumerate(lacking):
        display.step("external", done, len(lacking), title=f"scoring external set '{one.name}'")
        _score(folder, one)
    display.drop("external")
    return len({folder for folder, _ in lacking})


def _score(folder: Path, external: ExternalSet) -> None:
    with alone(folder, "external", "predictions.parquet", "metrics.json"):
        record = read_json(folder / "metrics.json")
        if _has(record, external):  # another process was faster
            return
        keep_pages()
        cell = open_cell(folder)
        if external.classes != tuple(cell.classes):
            raise MedxferError(f"cell={folder}: its network has other classes than its record: train it again")
        images = ExternalImages(external, cell.gray, cell.renderer, EVALUATED * cell.config.batch_size)
        table = external.table(external_scores(predicting(cell), cell.model, images))
        path = folder / "predictions.parquet"
        kept = pd.read_parquet(path)
        others = kept[~kept["split"].isin((external.split, external.split + SLICES))]
        write_parquet(path, pd.concat([others, table], ignore_index=True))
        entered = {**record.get("external", {}), external.name: external.record()}
        write_json(folder / "metrics.json", {**record, "external": entered})


def _has(record: Json, external: ExternalSet) -> bool:
    return bool(record.get("external", {}).get(external.name, {}).get("fingerprint") == external.fingerprint)


def _trained_on(folder: Path) -> TrainedOn:
    """What the cell in `folder` was trained on. Raises MedxferError if its records do not say it."""
    try:
        config, record = OmegaConf.load(folder / "config.yaml"), read_json(folder / "metrics.json")
        data = record["data"]
        return TrainedOn(
            fingerprint=data["fingerprint"],
            modality=data["modality"],
            classes=tuple(record["classes"]),
            task=record["task"],
            has_ids=NO_PATIENTS not in data["caveats"],
            image_size=int(config.image_size),
            hounsfield=parse_window(record["factors"]["window"]) is not None,
            keep_aspect=bool(config.data.get("keep_aspect", False)),
            score=score_of(config.data),
        )
    except (KeyError, OSError) as error:
        raise MedxferError(
            f"cell={folder}: its records do not say what it was trained on ({error}); train it again"
        ) from error
