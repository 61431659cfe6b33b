"""What is known of a data set before a pixel is decoded: its fingerprint, its pseudonyms, its files' headers."""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from medxfer.base.config import CONF
from medxfer.base.display import display
from medxfer.base.errors import MedxferError, PrivateError, unknown
from medxfer.base.files import alone, private_folder, write_json, write_text
from medxfer.base.series import IMAGE
from medxfer.data.header_facts import UNREADABLE, HeaderFacts, no_image
from medxfer.data.sources.content import content_of
from medxfer.data.sources.files_stamp import stamp_of
from medxfer.data.sources.keep import Keep, without, without_left_out
from medxfer.data.sources.kept_files import Progress, contents_of, forget
from medxfer.data.sources.patients import with_named, with_patients
from medxfer.data.sources.positive_class import with_positive
from medxfer.data.sources.source import HeaderIndexed, Index, Source, kept_headers, modality_of
from medxfer.data.sources.targets import source_class

ODD_RANGE = ("keep", "leave_out")  # data.odd_range
READING = "reading files"  # the bar at the terminal


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
    progress: Progress | None = None,
) -> DatasetInfo:
    """Index and identify the data set behind `source`.

    Every file is read once, for its content's hash, and its header once; both are kept under `store_root` until the
    file changes. A file that cannot be read is left out, and read again the next time.

    `keep` says which files are images for the purpose, as `left_out_by_rule` takes it; `positive` is data.positive, as
    `with_positive` takes it.

    The pseudonyms' key is derived from the files' manifest: whoever has the data can make it again on any machine,
    whoever has only a study's folder (with the fingerprint, another one-way function of the manifest) cannot.
    """
    index = source.index()
    asked = {key: patterns for key, patterns in (keep or {}).items() if patterns is not None}
    files = list(dict.fromkeys(index.images["file"]))
    contents = contents_of({file: source.path(file) for file in files}, contents_file(source, store_root), progress)
    index, headers = replace(index, headers=None), _headers(source, index, contents, store_root)
    index, headers = without_left_out(index, headers, asked, source.path)
    index, headers = without(index, headers, source.unchosen(with_named(headers, index.images)))
    index = with_patients(index, headers)
    index = index if positive is None else with_positive(index, positive)
    manifest = source.manifest(index, list(contents["content"].loc[index.images["file"]]))
    manifest += b"keep_aspect" if keep_aspect else b""
    manifest += json.dumps(asked, sort_keys=True).encode() if asked else b""
    manifest += b"leave_out_odd" if odd_range == "leave_out" else b""
    fingerprint = hashlib.sha256(b"fingerprint" + manifest).hexdigest()[:16]
    key = hashlib.sha256(b"pseudonyms" + manifest).digest()
    folder = private_folder(store_root / f"{type(source).__name__}-{fingerprint}")
    left_out = [(name, why) for why, names in index.left_out.items() for name in names]
    with alone(folder, "dataset", "dataset.json", "left_out.csv"):
        write_text(folder / "left_out.csv", pd.DataFrame(left_out, columns=["file", "reason"]).to_csv(index=False))
        # For `python -m medxfer.data stores`; the file's time is that of the data set's last use.
        write_json(folder / "dataset.json", {"source": type(source).__name__, "root": str(source.root)})
    return DatasetInfo(
        source, index, fingerprint, key, folder, modality_of(headers), headers, keep_aspect, asked, odd_range
    )


def contents_file(source: Source, store_root: Path) -> Path:
    """Where the contents of the files under a source's root are kept."""
    of_root = hashlib.sha256(str(source.root).encode()).hexdigest()[:16]
    return private_folder(store_root / "contents") / f"{of_root}.parquet"


def _headers(source: Source, index: Index, contents: pd.DataFrame, store_root: Path) -> pd.DataFrame:
    """The headers of the index's files, by file. Raises PrivateError if one cannot be read whose content could."""
    faults = contents["fault"]
    readable = list(contents.index[faults == ""])
    if index.headers is not None:
        headers = index.headers.loc[readable]
    elif isinstance(source, HeaderIndexed) and source.cache:  # it keeps them itself
        headers = source.survey(readable)
    else:
        headers = kept_headers(source, source.survey, readable, store_root / "headers")
    gone = list(headers.index[headers["unreadable"].str.startswith(UNREADABLE)])
    if gone:
        raise read_no_more(source, store_root, gone)
    lost = [no_image(f"{UNREADABLE} ({fault})") for fault in faults[faults != ""]]
    if lost:
        others = pd.DataFrame(lost, columns=HeaderFacts._fields, index=faults.index[faults != ""])
        headers = pd.concat([headers, others]) if len(headers) else others
    return headers.loc[contents.index]


def read_no_more(source: Source, store_root: Path, files: Sequence[str]) -> PrivateError:
    """The error where `files` of known content cannot be read now; they are read anew at the next start."""
    forget(contents_file(source, store_root), files)
    fault = content_of(source.path(files[0])).fault
    what = f"({fault})" if fault else "at this moment"
    return PrivateError(
        f"{source.path(files[0])} cannot be read {what}"
        + (f", nor {len(files) - 1} others" if files[1:] else "")
        + ", and could be before: run the same command again, which leaves out and counts what it still cannot read"
    )


@contextmanager
def private_errors() -> Iterator[None]:
    """An error in the data names files and patients, which no record may hold."""
    try:
        yield
    except MedxferError as error:
        raise PrivateError(str(error)) from error


def dataset_of(config: DictConfig) -> DatasetInfo:
    """The data set, opened once a process, and again when its files or tables have changed.

    Raises MedxferError if a setting is missing or the data are not as described."""
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
    source: Any = OmegaConf.to_container(config.data.source, resolve=True)
    keep = json.dumps(OmegaConf.to_container(config.data.get("keep") or OmegaConf.create({})))
    positive = config.data.get("positive")
    asked = (json.dumps(source), str(config.store.root), config.data.keep_aspect, keep, positive, odd_range)
    return _open_dataset(*asked, stamp_of(source))


def _check_member(name: str, member: DictConfig, joined: DictConfig) -> None:
    """Raise MedxferError where a joined set has settings of its own that only all of them together can have."""
    own: Any = OmegaConf.load(CONF / "data" / "base.yaml")
    for key, all_have in (
        ("keep_aspect", joined.keep_aspect),
        ("split", own.split),
        *((key, own[key]) for key in ("keep", "max_rejected", "max_missing", "positive", "odd_range")),
        *([("score", IMAGE)] if "score" in member else []),
    ):
        if member[key] != all_have:
            raise MedxferError(f"data.sets.{name}.{key}: joined data sets share it; give it as data.{key}")


@lru_cache(maxsize=8)
@private_errors()
def _open_dataset(
    source: str, store_root: str, keep_aspect: bool, keep: str, positive: object, odd_range: str | None, stamp: str
) -> DatasetInfo:
    """`stamp` is not used, but for the cache: another one is another state of the files."""
    settings = json.loads(source)
    kind: Any = source_class(settings.pop("_target_"))  # not instantiate(): Hydra wraps a source's own errors
    root = Path(store_root).expanduser().resolve()
    settings_of = (keep_aspect, json.loads(keep), positive, odd_range)
    try:
        return open_dataset(kind(**settings), root, *settings_of, progress=lambda *of: display.step(READING, *of))
    finally:
        display.drop(READING)
