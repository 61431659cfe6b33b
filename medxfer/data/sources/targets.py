"""The data sets that conf/data configures, and the class that a configuration names as data.source._target_."""

from collections.abc import Mapping
from dataclasses import fields, replace
from importlib import import_module
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.data.sources.dicom_file import DicomReader
from medxfer.data.sources.nifti_file import NiftiReader
from medxfer.data.sources.source import Source


class DataSet(NamedTuple):
    """What `python -m medxfer.data` says of a data set."""

    name: str  # as data= takes it
    needs: str  # the settings that must be given
    meaning: str
    obtain: str  # what has to lie under data.root, and where to download it


def data_sets() -> list[DataSet]:
    """One for each file of conf/data that has a source: those without needs first, then by name."""
    found = []
    for path in sorted((CONF / "data").glob("*.yaml")):
        config, text = OmegaConf.load(path), path.read_text()
        if "source" in config:
            obtain = config.source.get("obtain") or source_class(config.source._target_).obtain
            needs = " ".join(f"data.{key!s}=" for key in config if OmegaConf.is_missing(config, key))
            meaning = text.partition("\n")[0].removeprefix("# ").removesuffix(".")
            found.append(DataSet(path.stem, needs, meaning, obtain))
    return sorted(found, key=lambda data_set: (bool(data_set.needs), data_set.name))


def source_class(target: str) -> type[Source]:
    """The class that `data.source._target_` names.

    The configuration of an older study names a class of medxfer by the module in which it was then; such a class is
    found by its own name among those of conf/data. Raises MedxferError if there is no such class.
    """
    module, _, name = target.rpartition(".")
    try:
        found: type[Source] = getattr(import_module(module), name)
        return found
    except (ImportError, AttributeError, ValueError) as error:
        for path in sorted((CONF / "data").glob("*.yaml")) if module.startswith("medxfer.") else ():
            today = OmegaConf.select(OmegaConf.load(path), "source._target_", default="")
            if today != target and today.endswith(f".{name}"):
                return source_class(today)
        raise MedxferError(
            f"data.source._target_={target}: this version of medxfer cannot load that class ({error}); use a data set "
            "that `python -m medxfer.data` lists, or the version of medxfer that the study was made with"
        ) from error


def dicom_reader(data: Mapping[str, Any]) -> DicomReader:
    """How DICOM files are read by the data set that `data`, a configuration's data, describes.

    Raises MedxferError if an older version read them in a way that this one does not have.
    """
    if data.get("prefer", "lut") != "lut":  # a setting of an older version
        raise MedxferError(
            "the cell was trained with data.prefer=window, which this version does not have: train it again"
        )
    reader = getattr(source_class(data["source"]["_target_"]), "reader", None)
    reader = reader if isinstance(reader, DicomReader) else DicomReader()
    return replace(reader, **{field.name: data[field.name] for field in fields(reader) if field.name in data})


def nifti_reader(data: Mapping[str, Any]) -> NiftiReader:
    """How NIfTI volumes are read beside the data set that `data`, a configuration's data, describes: its data.plane,
    and its data.slices, which it has for series of slices too."""
    return NiftiReader(**{field.name: data[field.name] for field in fields(NiftiReader) if field.name in data})
