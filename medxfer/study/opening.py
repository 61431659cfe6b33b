"""Which study a cell belongs to: that of its settings, its declaration and its data, made if need be."""

from collections.abc import Mapping
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Any

from omegaconf import DictConfig

from medxfer.base.errors import MedxferError
from medxfer.base.files import write_json
from medxfer.base.series import IMAGE, score_of
from medxfer.base.words import hydra_value
from medxfer.study.declared import declaration
from medxfer.study.folder import Study
from medxfer.study.identity import Json, safe_name, shared_settings, study_name


def open_study(config: DictConfig, fingerprint: str, pending: dict[Path, Json] | None = None) -> Study:
    """The study that a cell with this `config`, on data with this `fingerprint`, belongs to; made if need be.

    The same settings give the same study. Where the data behind a name has changed, or is in the study under another
    name, a study with a made-up name gets a successor (-2, -3 …). With `pending` nothing is written:
    it holds, by folder, what the records of this command's studies would be, and gets this one's.

    Raises:
        MedxferError: the user named a study whose settings or data are others, or the folder cannot be written.
    """
    settings, declared = shared_settings(config), declaration(config)
    root = Path(config.study.root).expanduser().resolve()
    named = config.study.name is not None
    base = safe_name(str(config.study.name)) if named else study_name(settings, declared)
    for successor in count(1):
        study = Study(root / (base if successor == 1 else f"{base}-{successor}"))
        if pending is None:
            make_folder(study.folder)
        with study.changing() if pending is None else nullcontext():
            difference = _join(study, settings, declared, config.data, fingerprint, pending)
        if difference is None:
            return study
        if named and pending is not None and not (study.folder / "study.json").is_file():
            raise MedxferError(
                f"study.name={config.study.name}: cells of one study share each setting that is no factor "
                f"({difference}); to sweep it, name it in study.tuned=[…], where validation picks it for each arm, or "
                "in study.contrasts=, or leave study.name out, and each value makes a study of its own"
            )
        if named:
            raise MedxferError(
                f"study.name={config.study.name}: {study.folder} has other settings ({difference}); "
                "give another study.name, or the settings that it has"
            )
    raise AssertionError("count() ends")


def make_folder(folder: Path) -> None:
    """Make `folder`. Raises MedxferError where that cannot be, or where nothing can be written in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise MedxferError(
            f"{folder}: cannot be written ({error.strerror}); give a writable folder by study.root="
        ) from error


def _join(
    study: Study, settings: Json, declared: Json, config: DictConfig, fingerprint: str, pending: dict[Path, Json] | None
) -> str | None:
    """Enter the data set that `config` names into the study's record, or say why this is another study."""
    path, data, score = study.folder / "study.json", config.name, score_of(config)
    asked = {"settings": settings, "declared": declared}
    if pending is not None and study.folder in pending:
        record = pending[study.folder]
    elif not path.is_file():
        record = {"name": study.name, "id": token_hex(4), **asked, "data": {}, "command": "", "planned": {}}
    else:
        record = study.record
    for part, values in asked.items():
        if record[part] != values:
            return _difference(record[part], values)
    if record["data"].get(data, fingerprint) != fingerprint:
        return (
            f"images, labels or patients of data '{data}' are others than before; "
            "data.name= gives another set another name"
        )
    if data in record["data"] and (before := record.get("scored", {}).get(data, IMAGE)) != score:
        return f"data.score of data '{data}' was {before}, is {score}"
    same = [name for name, known in record["data"].items() if known == fingerprint and name != data]
    if same:
        return (
            f"its data '{same[0]}' are the same files and labels as data '{data}', and an answer would take each "
            "patient for two; for other divisions of one data set use data.split.resample=true"
        )
    if data not in record["data"]:
        record["data"][data] = fingerprint
        if score != IMAGE:
            record.setdefault("scored", {})[data] = score
        if pending is None:
            write_json(path, record)
    if pending is not None:
        pending[study.folder] = record
    return None


def _difference(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> str:
    parts = []
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            parts.append(_difference(old, new, f"{prefix}{key}."))
        else:
            parts.append(f"{prefix}{key} was {hydra_value(old)}, is {hydra_value(new)}")
    return ", ".join(parts)
