"""ONNX: written by torch's own exporter, and compared with the cell before it is kept."""

import logging
import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medxfer.base.errors import MedxferError

TOLERANCE = 1e-4  # of probabilities


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
        MedxferError: a package is missing, the network has no ONNX, or its scores differ by more than 1e-4.
    """
    try:
        import onnx  # noqa: F401 (torch's exporter says in many lines what is missing)
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MedxferError(
            f"ONNX needs the package {error.name}: pip install 'medxfer[export]', or leave it out with onnx=false"
        ) from error
    try:
        model = _convert(network, example, about)
        found = _run(model, example.numpy())
    except Exception as error:  # whatever exporter and runtime raise, it is about this network
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise MedxferError(
            f"this network cannot be written as ONNX ({reason}); leave it out with onnx=false"
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
    return program.model_proto.SerializeToString()


def _run(model: bytes, gray: NDArray) -> NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(["scores"], {"gray": gray})[0]
