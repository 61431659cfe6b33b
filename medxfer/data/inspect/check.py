"""What a training would meet in a data set, before any: python -m medxfer.data check data=… data.root=…"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.console import Console

from medxfer.base.display import display
from medxfer.base.series import IMAGE, IN_WORDS, score_of
from medxfer.base.terminal import show
from medxfer.base.window import parse_window, window_name
from medxfer.base.words import AUTO, USUAL_SIZE, listing
from medxfer.data.header_facts import TECHNICAL
from medxfer.data.inspect.few_patients import advice_of_folds, few_patients
from medxfer.data.inspect.few_trained import few_trained
from medxfer.data.inspect.shortcuts import class_counts, duplicates, shortcuts
from medxfer.data.sources.left_out import why
from medxfer.data.sources.source import Index
from medxfer.data.split import PARTS, Split, check_classes, split_of
from medxfer.data.store.dataset import DatasetInfo, dataset_of
from medxfer.data.store.gray_store import GrayStore
from medxfer.data.store.open import open_store, store_of
from medxfer.data.store.stored_series import by_series

SHOWN_VALUES = 6  # of a header field


def check(config: DictConfig, console: Console) -> None:
    """Print what the data hold that `config` names, as medxfer.train would have it; decode them as a training would.

    Raises MedxferError with what would stop a training; what can be told before that is printed first. Shows no
    patient, no file's name and nothing of a header but technical fields.
    """
    dataset = dataset_of(config)
    _show_index(console, config.data.name, dataset, score_of(config.data))
    _show_notes(console, [_with_way_out(caveat, config.data) for caveat in dataset.index.caveats])
    hounsfield = parse_window(window_name(config.window, dataset.modality)) is not None
    # All that can be decoded, however little: how many files are refused is shown before it is judged.
    size = USUAL_SIZE if config.image_size == AUTO else config.image_size  # a backbone is no matter of the data
    store = open_store(dataset, size, hounsfield, max_rejected=1.0, progress=display.step, max_missing=1.0)
    display.close()
    headers = _headers_of(store, dataset)
    _show_refused(console, dataset, store)
    _show_classes(console, store)
    _show_headers(console, headers)
    show(console, "Equal pictures", ("", "pictures"), duplicates(store.images, store.labels).items())
    _show_shortcuts(console, headers, store)
    store_of(dataset, size, hounsfield, config.data.max_rejected, None, config.data.max_missing)
    check_classes(store.images["patient"], store.labels, store.classes, dataset.source.remedy)
    by_series(store, score_of(config.data))
    split = split_of(config, dataset, store)
    _show_split(console, store, split)
    parts = split.parts()
    advice = (few_patients(split, parts), few_trained(split, _of_folds(split)), advice_of_folds(split, parts))
    caveats = [caveat for caveat in store.caveats if caveat not in dataset.index.caveats]
    _show_notes(console, (*filter(None, advice), *caveats, *split.caveats))


def _of_folds(split: Split) -> dict[int | None, NDArray[np.str_]]:
    """The parts in the training of each fold."""
    table = split.table()
    if split.folds is None:
        return {None: table["part"].to_numpy(dtype=str)}
    return {fold: table[f"part_{fold}"].to_numpy(dtype=str) for fold in range(split.folds)}


def _show_index(console: Console, name: str, dataset: DatasetInfo, score: str) -> None:
    index = dataset.index
    positive = [("positive class", f"{index.classes[1]} (data.positive= names another)")]
    rows = [
        ("task", f"{index.task}: {' | '.join(index.classes)}"),
        *(positive if index.task == "binary" else []),
        ("images", f"{len(index.images):,}"),
        *_series_row(index, score),
        ("patients", f"{index.images['patient'].nunique():,}"),
        ("modality", dataset.modality),
        ("fingerprint", dataset.fingerprint),
    ]
    show(console, f"Data set {name}", ("", ""), rows)


def _series_row(index: Index, score: str) -> list[tuple[str, str]]:
    """How many series there are, where the data set knows them, and what is scored."""
    if "series" not in index.images:
        return []
    of = index.images["series"].replace("", None).nunique()
    ways = "each image has a score (data.score=mean, max: each series)"
    return [("series", f"{of:,}; {ways if score == IMAGE else f'each has one score, {IN_WORDS[score]}'}")]


def _with_way_out(caveat: str, data: DictConfig) -> str:
    """`caveat`, and where it says that nobody names the patients, the settings of the data set that can."""
    if not caveat.startswith("no patient ids"):
        return caveat
    sets = {"data": data} if data.get("sets") is None else {f"data.sets.{key}": one for key, one in data.sets.items()}
    ways = [f"{key}.columns.patient= (a column of the table)" for key, one in sets.items() if "columns" in one]
    ways += [f"{key}.patient= (a pattern of the files' paths)" for key, one in sets.items() if "patient" in one]
    return f"{caveat}; give them by {listing(ways, 'or')}" if ways else caveat


def _show_notes(console: Console, notes: Sequence[str]) -> None:
    for note in notes:
        console.print(f"Note: {note}.", markup=False)


def _headers_of(store: GrayStore, dataset: DatasetInfo) -> pd.DataFrame:
    """The technical header fields of the store's images, (N, fields)."""
    images = dataset.index.images.iloc[store.rows].reset_index(drop=True)
    headers = dataset.headers.loc[images["file"], list(TECHNICAL)].reset_index(drop=True)
    if "view" in images:  # of the release's own table
        headers["view"] = headers["view"].where(headers["view"] != "", images["view"])
    return headers


def _show_refused(console: Console, dataset: DatasetInfo, store: GrayStore) -> None:
    if not store.rejected:
        console.print("Nothing is refused.\n")
        return
    rows = sorted(store.rejected.items(), key=lambda item: -item[1])
    title = "Left out" if all(why(reason) == "rule" for reason in store.rejected) else "Refused or left out"
    show(console, title, ("reason", "files"), rows)
    names = f"{dataset.folder}/*/rejected.csv and {dataset.folder}/left_out.csv"
    console.print(f"Their names: {names}\n", markup=False, soft_wrap=True)


def _counts(store: GrayStore, among: NDArray[np.bool_]) -> list[tuple[str, int, int]]:
    """(class, images, patients) of each class, and of all."""
    patients = store.images["patient"]
    total = ("all", int(among.sum()), int(patients[among].nunique()))
    return [*class_counts(store.labels, patients, store.classes, among), total]


def _show_classes(console: Console, store: GrayStore) -> None:
    *classes, total = _counts(store, np.ones(len(store), bool))
    rows = [(*row, f"{row[1] / len(store):.0%}") for row in classes]
    show(console, "Classes", ("class", "images", "patients", "share"), [*rows, (*total, "")])


def _show_headers(console: Console, headers: pd.DataFrame) -> None:
    rows = []
    for field in headers:
        counts = headers[field].value_counts()
        if list(counts.index) != [""]:
            shown = [f"{value or 'absent'} {count:,}" for value, count in counts.head(SHOWN_VALUES).items()]
            more = [f"and {len(counts) - SHOWN_VALUES} more"] if len(counts) > SHOWN_VALUES else []
            rows.append((field, len(counts), ", ".join(shown + more)))
    show(console, "Headers", ("field", "values", "images with each"), rows)


def _show_shortcuts(console: Console, headers: pd.DataFrame, store: GrayStore) -> None:
    found = shortcuts(headers, store.labels, store.images["patient"], store.classes)
    if not found:
        console.print("No header field has more than one value, so none can tell the label.\n")
        return
    rows = [(s.field, s.label, s.accuracy, s.chance, s.se, "tells the label" if s.tells else "") for s in found[:20]]
    head = ("header field alone", "class or finding", "balanced accuracy", "chance", "standard error", "")
    show(console, "Shortcuts: the label by a header field, cross-validated by patient", head, rows)
    if any(s.tells for s in found):
        console.print("A network can see in a picture what a header field says, and learn that instead of the label.\n")


def _show_split(console: Console, store: GrayStore, split: Split) -> None:
    """Images and patients of each class in train, val and test, or in each fold."""
    table = split.table()
    if split.folds is None:
        title, chosen = "Split", {name: table["part"] == name for name in PARTS}
    else:
        names = split.sites or [f"fold {fold}" for fold in range(split.folds)]
        title, chosen = "Folds", {name: table["fold"] == fold for fold, name in enumerate(names)}
    rows = [
        (of_class[0][0], *(f"{images:,} ({patients:,})" for _, images, patients in of_class))
        for of_class in zip(*(_counts(store, which.to_numpy()) for which in chosen.values()), strict=True)
    ]
    show(console, f"{title}: images (patients)", ("class", *chosen), rows)
