"""Published weights as a file on this machine: from the local hub and torch caches, else from the network."""

import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

import torch
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from medxfer.base.errors import first_line
from medxfer.model.catalogue import Entry
from medxfer.model.weights_about import HUB_FILES

TIMEOUT = 10.0  # seconds until a server that does not answer counts as out of reach


class UnreachableError(Exception):
    """No published file could be downloaded; the text says why."""


def cached(entry: Entry) -> tuple[str, Path] | None:
    """(source, path) of the entry's weights where they are on this machine already, else None. No network."""
    if entry.hub:
        path = _in_hub_cache(*_on_hub(entry))
        if path is not None:
            return _hub_source(entry), path
    if entry.url and (kept := _in_torch_cache(entry.url)).is_file():
        return entry.url, kept
    return None


def download(entry: Entry) -> tuple[str, Path]:
    """(source, path) of the entry's weights, downloaded into the usual cache.

    Raises:
        UnreachableError: the server does not answer within `TIMEOUT`, or has no such file.
    """
    if entry.hub:
        return _hub_source(entry), _from_hub(*_on_hub(entry))
    return entry.url, _from_url(entry.url)


def fetch(repository: str, files: Sequence[str], revision: str | None) -> Path:
    """The first of `files` that the repository has: from the local cache, else downloaded into it.

    Raises:
        UnreachableError: the server does not answer within `TIMEOUT`, or has no such file.
    """
    return _in_hub_cache(repository, files, revision) or _from_hub(repository, files, revision)


def _in_hub_cache(repository: str, files: Sequence[str], revision: str | None) -> Path | None:
    for file in files:
        found = try_to_load_from_cache(repository, file, revision=revision)
        if isinstance(found, str):
            return Path(found)
    return None


def _from_hub(repository: str, files: Sequence[str], revision: str | None) -> Path:
    if constants.HF_HUB_OFFLINE:
        raise UnreachableError("HF_HUB_OFFLINE is set")
    _probe(constants.ENDPOINT)  # the hub's client retries an unreachable server for half a minute
    for file in files:
        try:
            return Path(hf_hub_download(repository, file, revision=revision, etag_timeout=TIMEOUT))
        except LocalEntryNotFoundError as error:
            raise UnreachableError(first_line(error)) from error
        except EntryNotFoundError:
            continue
        except OSError as error:  # the hub's HTTP errors, and a full or read-only disk
            raise UnreachableError(first_line(error)) from error
    raise UnreachableError(f"the repository has no {' or '.join(files)}")


def _from_url(url: str) -> Path:
    _probe(url)
    path = _in_torch_cache(url)
    hash_in_name = torch.hub.HASH_REGEX.search(path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_in_name[1] if hash_in_name else None)
    except (OSError, RuntimeError) as error:  # RuntimeError: the file's hash is not the one in its name
        raise UnreachableError(first_line(error)) from error
    return path


def _probe(url: str) -> None:
    """One request that honours proxies; any HTTP answer, also a refusal, means that the server is there."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=TIMEOUT).close()
    except urllib.error.HTTPError:
        return
    except OSError as error:  # URLError and time-outs are among them
        raise UnreachableError(f"{urlparse(url).hostname} cannot be reached") from error


def _on_hub(entry: Entry) -> tuple[str, tuple[str, ...], str | None]:
    """Repository, the names its file may have, and revision."""
    repository, _, revision = entry.hub.partition("@")
    return repository, (entry.cfg.hf_hub_filename,) if entry.cfg.hf_hub_filename else HUB_FILES, revision or None


def _hub_source(entry: Entry) -> str:
    return f"https://huggingface.co/{entry.hub}"


def _in_torch_cache(url: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / PurePosixPath(urlparse(url).path).name
