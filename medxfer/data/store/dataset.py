"""What is known of a data set before a pixel is decoded: its fingerprint, its pseudonyms, its files' headers."""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError, PrivateError, unknown
from medxfer.base.files import alone, private_folder, write_json
from medxfer.data.sources.keep import Keep, without, without_left_out
from medxfer.data.sources.positive_class import with_positive
from medxfer.data.sources.source import Index, Source, kept_headers, modality_of
from medxfer.data.sources.targets import source_class

ODD_RANGE = ("keep", "leave_out")  # data.odd_range


@dataclass(frozen=True, eq=False)
class DatasetInfo:
    """A data set, indexed and identified."""

    source: Source
    index: Index
    fingerprint: str  # 16 hex digits; the same for the same files wherever they lie
    key: bytes  # for the pseudonyms; never leaves the store's folder
    folder: Path  # this data set's place under store.root, readable by its owner only
    modality: str  # of all files, such as "CT" or "CR+DX"; "unreadable" if no file has a header
    headers: pd.DataFrame  # by file, as Source.survey gives them
    keep_aspect: bool  # whether pictures are resized without changing their shape
    keep: Keep = field(default_factory=dict)  # which files are images for the purpose
    odd_range: str | None = None  # what is decided about images with an odd range: one of ODD_RANGE, or nothing yet

    def pseudonyms(self, kind: str, names: Iterable[str]) -> list[str]:
        """Keyed pseudonyms, the same in every study and image size of this data set (HMAC-SHA-256, RFC 2104)."""
        return [hmac.new(self.key, f"{kind}:{name}".encode(), hashlib.sha256).hexdigest()[:16] for name in names]

    def counted_caveats(self, files: Iterable[str]) -> tuple[str, ...]:
        """The caveats in the headers of `files`, each with the number of files that it concerns."""
        caveats = self.headers["caveats"].loc[list(files)]
        counts = Counter(caveat for of_file in caveats for caveat in of_file)
        return tuple(f"{caveat}: {count} of {len(caveats)} files" for caveat, count in sorted(counts.items()))


def open_dataset(
    source: Source,
    store_root: Path,
    keep_aspect: bool = False,
    keep: Keep | None = None,
    positive: object = None,
    odd_range: str | None = None,
) -> DatasetInfo:
    """Index and identify the data set behind `source`. Headers are read once and kept under `store_root`.

    `keep` says which files are images for the purpose, as `left_out_by_rule` takes it; `positive` is data.positive, as
    `with_positive` takes it.

    The pseudonyms' key is derived from the files' manifest: whoever has the data can make it again on any machine,
    whoever has only a study's folder (with the fingerprint, another one-way function of the manifest) cannot.
    """
    index = source.index()
    manifest = source.manifest(index) + (b"keep_aspect" if keep_aspect else b"")
    asked = {key: patterns for key, patterns in (keep or {}).items() if patterns is not None}
    manifest += json.dumps(asked, sort_keys=True).encode() if asked else b""
    if positive is not None:
        alphabet, index = index.classes, with_positive(index, positive)
        manifest += b"" if index.classes == alphabet else f"positive: {index.classes[1]}".encode()
    manifest += b"leave_out_odd" if odd_range == "leave_out" else b""
    fingerprint = hashlib.sha256(b"fingerprint" + manifest).hexdigest()[:16]
    key = hashlib.sha256(b"pseudonyms" + manifest).digest()
    folder = private_folder(store_root / f"{type(source).__name__}-{fingerprint}")
    with alone(folder, "dataset", "dataset.json"):
        # For `python -m medxfer.data stores`; the file's time is that of the data set's last use.
        write_json(folder / "dataset.json", {"source": type(source).__name__, "root": str(source.root)})
    files = list(index.images["file"])
    if index.headers is None:
        headers = kept_headers(source.survey, files, folder / "headers")
    else:
        headers, index = index.headers.loc[files], replace(index, headers=None)  # once in memory
    index, headers = without_left_out(index, headers, asked)
    index, headers = without(index, headers, source.unchosen(headers))
    return DatasetInfo(
        source, index, fingerprint, key, folder, modality_of(headers), headers, keep_aspect, asked, odd_range
    )


@contextmanager
def private_errors() -> Iterator[None]:
    """An error in the data names files and patients, which no record may hold."""
    try:
        yield
    except MedxferError as error:
        raise PrivateError(str(error)) from error


def dataset_of(config: DictConfig) -> DatasetInfo:
    """The data set, opened once a process. Raises MedxferError if a setting is missing or the data are not as
    described."""
    sets = config.data.get("sets") or {}  # of data=joined
    for where, node in {"data": config.data, **{f"data.sets.{name}": sets[name] for name in sets}}.items():
        for key in node:
            if OmegaConf.is_missing(node, key):
                raise MedxferError(f"data={node.name} needs {where}.{key}: give it as {where}.{key}=…")
    for name in sets:
        _check_member(name, sets[name], config.data)
    odd_range = config.data.get("odd_range")
    if odd_range not in (None, *ODD_RANGE):
        raise unknown("data.odd_range", str(odd_range), ODD_RANGE, f"choose {' or '.join(ODD_RANGE)}.")
    source = OmegaConf.to_container(config.data.source, resolve=True)
    keep = json.dumps(OmegaConf.to_container(config.data.get("keep") or OmegaConf.create({})))
    positive = config.data.get("positive")
    return _open_dataset(json.dumps(source), str(config.store.root), config.data.keep_aspect, keep, positive, odd_range)


def _check_member(name: str, member: DictConfig, joined: DictConfig) -> None:
    """Raise MedxferError where a joined set has settings of its own that only all of them together can have."""
    own: Any = OmegaConf.load(CONF / "data" / "base.yaml")
    for key, all_have in (
        ("keep_aspect", joined.keep_aspect),
        ("split", own.split),
        *((key, own[key]) for key in ("keep", "max_rejected", "max_missing", "positive", "odd_range")),
    ):
        if member[key] != all_have:
            raise MedxferError(f"data.sets.{name}.{key}: joined data sets share it; give it as data.{key}")


@lru_cache(maxsize=8)
@private_errors()
def _open_dataset(
    source: str, store_root: str, keep_aspect: bool, keep: str, positive: object, odd_range: str | None
) -> DatasetInfo:
    settings = json.loads(source)
    kind: Any = source_class(settings.pop("_target_"))  # not instantiate(): Hydra wraps a source's own errors
    root = Path(store_root).expanduser().resolve()
    return open_dataset(kind(**settings), root, keep_aspect, json.loads(keep), positive, odd_range)
