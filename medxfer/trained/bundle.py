"""The files that take a trained cell elsewhere, and their description."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from medxfer.base.errors import RESEARCH_ONLY, MedxferError
from medxfer.base.series import IMAGE, IN_WORDS
from medxfer.model.backbone import library_arguments
from medxfer.model.catalogue import find
from medxfer.trained.portable import GrayNetwork, lookup_table, plain_network, write_onnx
from medxfer.trained.trained_cell import TrainedCell

_SCORES = {"binary": "softmax(1)", "multiclass": "softmax(1)", "multilabel": "sigmoid()"}
_EXAMPLE = """\
# The scores that medxfer gives for the noise in example.npy, without medxfer.
import json, numpy, timm, torch, torchvision
from safetensors.torch import load_file

about, gray, lookup = json.load(open("model.json")), numpy.load("example.npy"), numpy.load("lookup.npy")
network = {create}.eval()
network.load_state_dict(load_file("weights.safetensors"))
pixels = torch.from_numpy(lookup[gray.astype(int) - about["lookup_starts_at"]]).permute(0, 3, 1, 2)  # normalised
scores = network(pixels).{scores}
print(about["classes"], scores.tolist())
assert torch.allclose(scores, torch.tensor(about["example_scores"]), atol=1e-4)
"""
IMAGES = 3  # on which ONNX Runtime's scores are compared with ours


def write_bundle(cell: TrainedCell, out: Path, onnx: bool = True) -> list[Path]:
    """Write weights.safetensors, lookup.npy, model.json, an example and with `onnx` model.onnx into `out`; their paths.

    Raises:
        MedxferError: `out` holds files, or cannot be written; the library's own network cannot hold the weights; or
            ONNX's packages are missing, or it cannot hold the network.
    """
    about = description(cell)
    plain = plain_network(cell).state_dict()
    state = {key: value.clone(memory_format=torch.contiguous_format) for key, value in plain.items()}
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise MedxferError(f"out={out}: holds files already, and they could be of another cell; give a new folder")
        network, example = GrayNetwork(cell).eval(), torch.from_numpy(_noise(cell))
        if onnx:  # first, because it can be refused
            about["onnx_difference"] = write_onnx(network, example, out / "model.onnx", _texts(about))
        with torch.no_grad():
            about["example_scores"] = network(example).tolist()
        (out / "weights.safetensors").write_bytes(save(state, {"format": "pt", **_texts(about)}))
        np.save(out / "lookup.npy", lookup_table(cell).expand(-1, 3).numpy())
        np.save(out / "example.npy", example.numpy())
        (out / "example.py").write_text(_EXAMPLE.format(**about, scores=_SCORES[about["task"]]))
        (out / "model.json").write_text(json.dumps(about, indent=2) + "\n")
    except OSError as error:
        raise MedxferError(f"out={out}: cannot be written ({error.strerror}); give a writable folder") from error
    return sorted(out.iterdir())


def description(cell: TrainedCell) -> dict[str, Any]:
    """What a user of the files has to know: plain types, no path, and nothing of a patient."""
    config, record = cell.config, cell.record
    entry = find(config.backbone, config.pretrained)
    of_torchvision = entry.architecture == "alexnet"  # timm knows it only while medxfer is imported
    create = "torchvision.models.alexnet(" if of_torchvision else f"timm.create_model({entry.name!r}, "
    arguments = library_arguments(entry, len(cell.classes), config.image_size)
    fills = "; the longer side fills the square" if config.data.keep_aspect else ""
    started = record["weights"]
    return {
        "purpose": RESEARCH_ONLY,
        "licence": _licence(started),
        "create": create + ", ".join(f"{key}={value!r}" for key, value in arguments.items()) + ")",
        "task": cell.model.task,
        "classes": list(cell.classes),
        "threshold": record["threshold"],
        "judged": "images" if cell.score == IMAGE else f"series: each has one score, {IN_WORDS[cell.score]}",
        "image_size": config.image_size,
        "resize": f"bilinear, antialiased, before the lookup{fills}",
        "gray": "Hounsfield units" if cell.hounsfield else "display gray: 0 is black, the dtype's largest value white",
        "dtype": str(cell.gray),
        "lookup_starts_at": int(np.iinfo(cell.gray).min),
        "window": list(cell.design.window[:2]) if cell.design.window else None,
        "colormap": config.colormap,
        "levels": config.levels,
        "lookup": "holds window, colours and (colour - mean) / std already: do not normalise again",
        "normalised_with": {"mean": list(cell.color.mean), "std": list(cell.color.std)},
        "precision_of_training": record["compute"]["precision"],
        "started_from": {key: started[key] for key in ("source", "file", "sha256")} if started else None,
        "cell": record["cell"],
        "versions": record["versions"],
    }


def _licence(started: dict[str, Any] | None) -> str:
    if started is None:
        return "trained from random weights; what the licence of the training images says of models holds"
    known = started["licence"] or "none is stated where they were published"
    return f"trained from {started['file']} (licence: {known}); what the licence of the training images says holds too"


def _texts(about: dict[str, Any]) -> dict[str, str]:
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in about.items()}


def _noise(cell: TrainedCell) -> np.ndarray:
    limits, size = np.iinfo(cell.gray), cell.config.image_size
    return np.random.default_rng(0).integers(limits.min, limits.max, (IMAGES, size, size), cell.gray, endpoint=True)
