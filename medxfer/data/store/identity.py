"""A source with its identity: the fingerprint, the pseudonyms, and what the files' headers say."""

import hashlib
import hmac
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from filelock import FileLock

from medxfer.base.errors import MedxferError
from medxfer.base.files import replace
from medxfer.data.sources.source import Index, Source

VERSION = 3  # raised whenever a store would hold other values or files, so that old ones are made again


@dataclass(frozen=True, eq=False)
class Dataset:
    """What is known of a data set before a pixel is decoded."""

    source: Source
    index: Index
    fingerprint: str  # 16 hex digits; the same for the same files wherever they lie
    key: bytes  # for the pseudonyms; never leaves the store's folder
    folder: Path  # this data set's place under store.root, readable by its owner only
    modality: str  # of all files, such as "CT" or "CR+DX"; "unreadable" where none has a header
    headers: pd.DataFrame  # by file, as Source.survey has them
    keep_aspect: bool  # whether pictures are resized without changing their shape

    def pseudonyms(self, kind: str, names: Iterable[str]) -> list[str]:
        """Keyed pseudonyms, the same in every study and image size of this data set (HMAC-SHA-256, RFC 2104)."""
        return [hmac.new(self.key, f"{kind}:{name}".encode(), hashlib.sha256).hexdigest()[:16] for name in names]

    def counted_caveats(self, files: Iterable[str]) -> tuple[str, ...]:
        """What their headers say of `files`, and of how many."""
        caveats = self.headers["caveats"].loc[list(files)]
        counts = Counter(caveat for of_file in caveats for caveat in of_file)
        return tuple(f"{caveat}: {count} of {len(caveats)} files" for caveat, count in sorted(counts.items()))


def open_dataset(source: Source, store_root: Path, keep_aspect: bool = False) -> Dataset:
    """Index and identify the data set behind `source`.

    The pseudonyms' key is derived from the files' manifest: whoever has the data can make it again on any machine,
    whoever has only a study's folder (with the fingerprint, another one-way function of the manifest) cannot.
    """
    index = source.index()
    manifest = source.manifest(index) + (b"keep_aspect" if keep_aspect else b"")
    fingerprint = hashlib.sha256(b"fingerprint" + manifest).hexdigest()[:16]
    key = hashlib.sha256(b"pseudonyms" + manifest).digest()
    folder = private_folder(store_root / f"{type(source).__name__}-{fingerprint}")
    _describe(source, folder / "dataset.json")
    headers = _survey(source, index, folder / f"headers-v{VERSION}.parquet")
    modalities = headers["modality"][headers["unreadable"] == ""].unique()
    modality = "+".join(sorted(modalities)) or "unreadable"
    return Dataset(source, index, fingerprint, key, folder, modality, headers, keep_aspect)


def private_folder(folder: Path) -> Path:
    """Make `folder`, readable by its owner only. Raises MedxferError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise MedxferError(
            f"store.root={folder.parent}: cannot be written ({error.strerror}); give a writable folder by store.root="
        ) from error
    return folder


def _describe(source: Source, record: Path) -> None:
    """Leave what `python -m medxfer.data stores` says of the data set; the file's time is that of its last use."""
    partial = record.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(json.dumps({"source": type(source).__name__, "root": str(source.root)}))
    replace(partial, record)


def _survey(source: Source, index: Index, cache: Path) -> pd.DataFrame:
    """What the files' headers say, read once and then kept."""
    with FileLock(cache.with_suffix(".lock")):
        if not cache.is_file():
            partial = cache.with_suffix(".partial")
            source.survey(list(index.images["file"])).to_parquet(partial)
            replace(partial, cache)
    return pd.read_parquet(cache)
