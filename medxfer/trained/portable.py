"""A trained cell without medxfer: the library's own network, the lookup of its input, and both as ONNX."""

import logging
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from medxfer.base.errors import MedxferError, first_line
from medxfer.model.backbone import create_backbone
from medxfer.trained.trained_cell import TrainedCell

TOLERANCE = 1e-4  # of ONNX Runtime's probabilities


def lookup_table(cell: TrainedCell) -> Tensor:
    """The network's input for each gray value of the cell's dtype, from the lowest: (values, C) float32."""
    limits = np.iinfo(cell.gray)
    every = np.arange(limits.min, limits.max + 1).astype(cell.gray)
    return cell.pixels(torch.from_numpy(every).view(1, 1, -1))[0, :, 0].T.contiguous()


class GrayNetwork(nn.Module):
    """(B, H, W) gray of the cell's dtype → (B, classes) float32 probabilities.

    Window, levels, colours and normalisation act on each pixel by itself, so together they are one table over all gray
    values; the result is the same to the last bit, and an exported graph needs the gather alone.
    """

    table: Tensor  # (values, C)

    def __init__(self, cell: TrainedCell) -> None:
        super().__init__()
        self.register_buffer("table", lookup_table(cell))
        self.lowest = int(np.iinfo(cell.gray).min)
        self.backbone = cell.model.backbone
        self.scores = cell.model.scores

    def forward(self, gray: Tensor) -> Tensor:
        pixels = F.embedding(gray.to(torch.int32) - self.lowest, self.table).permute(0, 3, 1, 2)
        return self.scores(self.backbone(pixels))


@torch.no_grad()
def plain_network(cell: TrainedCell) -> nn.Module:
    """The library's own network with the cell's weights, for three channels: no module of ours, in eval mode.

    For `single` its first convolution gives on three equal channels what the cell's gives on one.

    Raises:
        MedxferError: the library's network has no place for one of the cell's tensors.
    """
    name = cell.design.backbone
    network = create_backbone(name, len(cell.classes), False, image_size=cell.design.image_size).eval()
    state = dict(cell.model.backbone.state_dict())
    if cell.color.in_channels == 1:
        state = _three_channels(state, network)
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise MedxferError(
            f"colormap=single gives the first convolution of {name} a bias, for which timm's own network has no place; "
            "export a cell of colormap=none"
        ) from error
    return network


def _three_channels(state: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """`state` of a network for one channel as that of `network`, which is for three."""
    modules = list(network.named_modules())
    place, stem = next((i, name) for i, (name, module) in enumerate(modules) if isinstance(module, nn.Conv2d))
    weight = state[f"{stem}.weight"]
    changed = {f"{stem}.weight": weight.expand(-1, 3, -1, -1) / 3}
    if f"{stem}.bias" in state and modules[place][1].bias is None:  # the norm after it takes it over
        bias = state.pop(f"{stem}.bias")
        norm = next((name for name, module in modules[place:] if isinstance(module, nn.BatchNorm2d)), None)
        if norm is not None and state[f"{norm}.running_mean"].shape == bias.shape:
            changed[f"{norm}.running_mean"] = state[f"{norm}.running_mean"] - bias
    return state | changed


@torch.no_grad()
def write_onnx(network: nn.Module, example: Tensor, path: Path, about: dict[str, str]) -> float:
    """Write `network` (gray (B, H, W) → scores) to `path`, with `about` as its metadata; B is free.

    Args:
        network: in eval mode, on the CPU.
        example: gray of the dtype and size that the file will take, two images or more.
        path: the file.
        about: texts by name.

    Returns:
        The largest difference between ONNX Runtime's scores and the network's, on `example`.

    Raises:
        MedxferError: a package is missing, the network cannot be written as ONNX, or its scores differ by more than
            1e-4.
    """
    try:
        import onnx  # noqa: F401 (torch's exporter says in many lines what is missing)
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MedxferError(
            f"ONNX needs the package {error.name}: pip install 'medxfer[export]', or leave it out with onnx=false"
        ) from error
    try:
        model = _convert(network, example, about)
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        found: NDArray[np.float32] = session.run(["scores"], {"gray": example.numpy()})[0]
    except Exception as error:  # whatever exporter and runtime raise, it concerns this network
        raise MedxferError(
            f"this network cannot be written as ONNX ({first_line(error)}); leave it out with onnx=false"
        ) from error
    difference = float(np.abs(found - network(example).numpy()).max())
    if not difference <= TOLERANCE:
        raise MedxferError(
            f"the ONNX file's scores differ from the cell's by {difference:.1e}, so it was not kept; leave it out with "
            "onnx=false"
        )
    path.write_bytes(model)
    return difference


def _convert(network: nn.Module, example: Tensor, about: dict[str, str]) -> bytes:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own deprecations
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            verbose=False,
            input_names=["gray"],
            output_names=["scores"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    assert program is not None
    program.model.metadata_props.update(about)
    model: bytes = program.model_proto.SerializeToString()
    return model
