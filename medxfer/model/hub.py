"""Published weights as a file on this machine: from the local hub and torch caches, else from the network."""

import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

import torch
from huggingface_hub import constants, get_session, hf_hub_download, try_to_load_from_cache
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
    _ask(constants.ENDPOINT, _by_hub)  # the download retries an unreachable server for half a minute
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
    _ask(url, _by_urllib)
    path = _in_torch_cache(url)
    hash_in_name = torch.hub.HASH_REGEX.search(path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_in_name[1] if hash_in_name else None)
    except (OSError, RuntimeError) as error:  # RuntimeError: the file's hash is not the one in its name
        raise UnreachableError(first_line(error)) from error
    return path


def _same_certificates() -> None:
    """Let every client trust what REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names, as behind a proxy that reads TLS.

    The hub's client and urllib know OpenSSL's own variables alone.
    """
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if bundle and not {"SSL_CERT_FILE", "SSL_CERT_DIR"} & set(os.environ):
        os.environ["SSL_CERT_DIR" if Path(bundle).is_dir() else "SSL_CERT_FILE"] = bundle


def _ask(url: str, client: Callable[[str], None]) -> None:
    """One request by the client that will download; any HTTP answer, also a refusal, means that the server is there."""
    _same_certificates()
    try:
        client(url)
    except Exception as error:  # each client has its own
        text = f"{urlparse(url).hostname} cannot be reached"
        if why := _distrust(error):
            text += (
                f": its certificate is not trusted ({why}); where a proxy has certificates of its own, name their file "
                "by SSL_CERT_FILE="
            )
        raise UnreachableError(text) from error


def _by_hub(url: str) -> None:
    get_session().head(url, timeout=TIMEOUT)


def _by_urllib(url: str) -> None:
    with suppress(urllib.error.HTTPError):
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=TIMEOUT).close()


def _distrust(error: BaseException | None) -> str | None:
    """What a TLS handshake ended with, if that is behind `error`."""
    while error is not None:
        reason = getattr(error, "reason", None)  # urllib's errors hold the cause there
        for one in (error, reason):
            if isinstance(one, ssl.SSLError):
                return getattr(one, "verify_message", "") or one.reason or str(one)
        error = error.__cause__ or error.__context__
    return None


def _on_hub(entry: Entry) -> tuple[str, tuple[str, ...], str | None]:
    """Repository, the names its file may have, and revision."""
    repository, _, revision = entry.hub.partition("@")
    return repository, (entry.cfg.hf_hub_filename,) if entry.cfg.hf_hub_filename else HUB_FILES, revision or None


def _hub_source(entry: Entry) -> str:
    return f"https://huggingface.co/{entry.hub}"


def _in_torch_cache(url: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / PurePosixPath(urlparse(url).path).name
