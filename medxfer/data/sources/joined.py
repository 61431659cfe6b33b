"""data=joined: several data sets as one, whose column `data` names the set of each image."""

import re
from collections.abc import Mapping, Sequence
from os.path import commonpath
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medxfer.base.errors import MedxferError, errors_of
from medxfer.base.words import Task, count, listing
from medxfer.data.header_facts import UNREADABLE, one_kind
from medxfer.data.sources.class_names import in_training_classes
from medxfer.data.sources.patients import NO_PATIENTS, with_patients
from medxfer.data.sources.reading_files import JoinedReading, Reading
from medxfer.data.sources.source import Index, Source, modality_of
from medxfer.data.sources.targets import source_class

COLUMN = "data"  # of the table, and the value of data.split.groups that leaves one data set out
HOW = "give data=joined, and each as +data@data.sets.<name>=… with its settings as data.sets.<name>.root=…"


class JoinedSets(Source):
    """The data sets `sets`, each a configuration as `data` is one. The file `x.png` of the set `a` is `a/x.png`.

    The classes are the first one's, and the others' are matched to them by name. Equal ids of patients in several sets
    are taken for one patient, as in external sets; where a set has no ids, its patients are its own.
    """

    remedy = "join more data sets (data.sets)"
    obtain = "nothing: data sets that are named as data.sets"

    def __init__(self, sets: Mapping[str, Mapping[str, Any]]) -> None:
        if len(sets) < 2:
            raise MedxferError(f"data=joined has {count(len(sets), 'data set')}, and it takes two: {HOW}")
        self.sets: dict[str, Source] = {}
        self.renamed: dict[str, dict[str, str]] = {}
        for name, given in sets.items():
            if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
                raise MedxferError(f"data.sets.{name}: give a name of letters, digits, '.', '_' and '-'")
            arguments = dict(given["source"])
            with self._errors(name):
                self.sets[name] = source_class(arguments.pop("_target_"))(**arguments)
            self.renamed[name] = {str(own): str(other) for own, other in (given.get("classes") or {}).items()}
        self.root = Path(commonpath([source.root for source in self.sets.values()]))

    def index(self) -> Index:
        found: dict[str, Index] = {}
        for name, source in self.sets.items():
            with self._errors(name):
                found[name] = one = source.index()
                if "patient" not in one.images or (one.images["patient"] == "").any():
                    found[name] = with_patients(one, source.survey(list(one.images["file"])))
        classes, task = self._classes(found)
        labels = [
            in_training_classes(
                one.labels, (one.classes, one.task), (classes, task), self.renamed[name],
                f"data.sets.{name}", f"data.sets.{next(iter(found))}",
            )
            for name, one in found.items()
        ]  # fmt: skip
        images = [_named(name, one) for name, one in found.items()]
        tables = [
            (pd.DataFrame(index=range(len(one.images))) if one.table is None else one.table).assign(**{COLUMN: name})
            for name, one in found.items()
        ]
        left_out: dict[str, tuple[str, ...]] = {}
        for name, one in found.items():
            for reason, files in one.left_out.items():
                left_out[reason] = (*left_out.get(reason, ()), *(f"{name}/{file}" for file in files))
        return Index(
            pd.concat(images, ignore_index=True).fillna(""),
            np.concatenate(labels),
            classes,
            task,
            _caveats(found),
            left_out,
            table=pd.concat(tables, ignore_index=True).fillna(""),
        )

    def _classes(self, found: Mapping[str, Index]) -> tuple[tuple[str, ...], Task]:
        """The first set's, with the names that its own setting gives them."""
        name, first = next(iter(found.items()))
        classes = tuple(dict.fromkeys(self.renamed[name].get(one, one) for one in first.classes))
        if first.task == "multilabel":
            return classes, first.task
        return classes, "binary" if len(classes) == 2 else "multiclass"

    def settings(self) -> dict[str, object]:
        return {
            name: [type(one).__name__, one.reader_version, one.settings(), self.renamed[name]]
            for name, one in self.sets.items()
        }

    @property
    def reading(self) -> Reading:
        return JoinedReading({name: source.reading for name, source in self.sets.items()})

    def survey(self, files: Sequence[str]) -> pd.DataFrame:
        """As `Source.survey`. Raises MedxferError if the sets' images are of several kinds."""
        found: dict[str, pd.DataFrame] = {}
        for name, source in self.sets.items():
            own = [file.partition("/")[2] for file in files if file.startswith(f"{name}/")]
            found[name] = source.survey(own)
            found[name].index = pd.Index([f"{name}/{file}" for file in own], name="file")
        kinds = {name: modality_of(headers) for name, headers in found.items()}
        first, *others = kinds
        for other in others:
            if UNREADABLE not in (kinds[first], kinds[other]) and not one_kind(kinds[first], kinds[other]):
                raise MedxferError(
                    f"data.sets.{other} has images of '{kinds[other]}' and data.sets.{first} of '{kinds[first]}', so "
                    "that they are no one task: join data sets of the same modality"
                )
        return pd.concat(found.values()).loc[list(files)]

    def unchosen(self, headers: pd.DataFrame) -> pd.Series:
        found: list[pd.Series] = []
        for name, source in self.sets.items():
            files = headers.index[headers.index.str.startswith(f"{name}/")]
            own = headers.loc[files].set_axis(files.str.removeprefix(f"{name}/"))
            found.append(source.unchosen(own).set_axis(files))
        reasons: pd.Series = pd.concat(found)
        return reasons.loc[headers.index]

    def _errors(self, name: str) -> Any:
        return errors_of(f"data set '{name}'", f"data.sets.{name}")


def _named(name: str, index: Index) -> pd.DataFrame:
    """The images of the set `name`; without ids, patients have the names of their files, which other sets may have."""
    images = index.images.assign(file=f"{name}/" + index.images["file"])
    if "series" in images:
        images["series"] = (f"{name}/" + images["series"]).where(images["series"] != "", "")
    return images.assign(patient=f"{name}/" + images["patient"]) if NO_PATIENTS in index.caveats else images


def _caveats(found: Mapping[str, Index]) -> tuple[str, ...]:
    without = [name for name, one in found.items() if NO_PATIENTS in one.caveats]
    said = [f"{name}: {text}" for name, one in found.items() for text in one.caveats if text != NO_PATIENTS]
    if len(without) == len(found):
        said.insert(0, NO_PATIENTS)
    elif without:
        said.insert(0, NO_PATIENTS.replace("no patient ids", f"no patient ids in {listing(without)}"))
    known = [pd.Series(one.images["patient"].unique()) for name, one in found.items() if name not in without]
    if shared := int((pd.concat(known).value_counts() > 1).sum()) if known else 0:
        said.append(
            f"{count(shared, 'patient id')} {'stands' if shared == 1 else 'stand'} in several data sets and "
            f"{'is' if shared == 1 else 'are'} taken for one patient each"
        )
    return tuple(said)
