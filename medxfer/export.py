"""Take a trained cell elsewhere: python -m medxfer.export cell=DIR out=FOLDER [onnx=false]

Writes into FOLDER, which is new or empty
    weights.safetensors  the network's state dict, which timm's or torchvision's own network loads strictly
    lookup.npy           what that network is given for each gray value: float32 (values, 3), in which window, colours
                         and normalisation are one table; pixels = lookup[gray - lookup_starts_at], channels last
    model.onnx           gray in, probabilities out, with the lookup inside (needs the extra medxfer[export])
    model.json           how to use them: the call that makes the network, classes, size, window, colormap, mean, std,
                         and by how much ONNX Runtime's scores differ from the cell's in float32 (onnx_difference)
For research, not for diagnosis.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medxfer.base.errors import RESEARCH_ONLY, MedxferError, unknown

if TYPE_CHECKING:  # wrong arguments answer without torch
    from medxfer.trained.trained_cell import TrainedCell

SETTINGS = ("cell", "out", "onnx")
USAGE = "usage: python -m medxfer.export cell=DIR out=FOLDER [onnx=false]"
IMAGES = 3  # on which ONNX Runtime's scores are compared with ours


def export(cell: "TrainedCell", out: Path, onnx: bool = True) -> list[Path]:
    """Write the files into `out`, which is made if need be; their paths.

    Raises:
        MedxferError: `out` holds files, or cannot be written; the library's own network cannot hold the weights; or
            ONNX's packages are missing, or it cannot hold the network.
    """
    import numpy as np
    import torch
    from safetensors.torch import save

    from medxfer.trained.gray_network import lookup_table
    from medxfer.trained.plain_network import plain_network

    about = description(cell)
    state = {
        key: value.clone(memory_format=torch.contiguous_format)
        for key, value in plain_network(cell).state_dict().items()
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise MedxferError(f"out={out}: holds files already, and they could be of another cell; give a new folder")
        if onnx:  # first, because it can be refused
            about["onnx_difference"] = _write_onnx(cell, out / "model.onnx", about)
        (out / "weights.safetensors").write_bytes(save(state, {"format": "pt", **_texts(about)}))
        np.save(out / "lookup.npy", lookup_table(cell).expand(-1, 3).numpy())
        (out / "model.json").write_text(json.dumps(about, indent=2) + "\n")
    except OSError as error:
        raise MedxferError(f"out={out}: cannot be written ({error.strerror}); give a writable folder") from error
    return sorted(out.iterdir())


def description(cell: "TrainedCell") -> dict[str, Any]:
    """What a user of the files has to know: plain types, no path, and nothing of a patient."""
    import numpy as np

    from medxfer.model.backbone import library_arguments
    from medxfer.model.catalogue import find

    config, record = cell.config, cell.record
    entry = find(config.backbone, config.pretrained)
    arguments = library_arguments(entry, len(cell.classes), config.image_size)
    timm = entry.library == "timm"
    call, name = ("timm.create_model", entry.name) if timm else ("torchvision.models.get_model", entry.architecture)
    shown = "".join(f", {key}={value!r}" for key, value in arguments.items())
    started = record["weights"]
    return {
        "purpose": RESEARCH_ONLY,
        "licence": _licence(started),
        "create": f"{call}({name!r}{shown})",
        "task": cell.model.task,
        "classes": list(cell.classes),
        "threshold": record["threshold"],
        "image_size": config.image_size,
        "resize": "bilinear, antialiased, before the lookup"
        + ("; the longer side fills the square" if config.data.keep_aspect else ""),
        "gray": "Hounsfield units" if cell.hounsfield else "display gray: 0 is black, the dtype's largest value white",
        "dtype": str(cell.gray),
        "lookup_starts_at": int(np.iinfo(cell.gray).min),
        "window": [cell.window.center, cell.window.width] if cell.window else None,
        "colormap": config.colormap,
        "levels": config.levels,
        "mean": list(cell.color.mean),
        "std": list(cell.color.std),
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


def _write_onnx(cell: "TrainedCell", path: Path, about: dict[str, Any]) -> float:
    """The largest difference between its scores and the cell's, on noise."""
    import numpy as np
    import torch

    from medxfer.trained.gray_network import GrayNetwork
    from medxfer.trained.onnx_file import write_onnx

    limits, size = np.iinfo(cell.gray), cell.config.image_size
    noise = np.random.default_rng(0).integers(limits.min, limits.max, (IMAGES, size, size), cell.gray, endpoint=True)
    return write_onnx(GrayNetwork(cell).eval(), torch.from_numpy(noise), path, _texts(about))


def main(arguments: list[str]) -> int:
    """Export what `arguments` (key=value) ask for, say where it is, and return the exit code."""
    try:
        folder, out, onnx = _settings(arguments)

        from medxfer.trained.trained_cell import open_cell

        for path in export(open_cell(folder), out, onnx):
            print(path)
    except MedxferError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(RESEARCH_ONLY)
    return 0


def _settings(arguments: list[str]) -> tuple[Path, Path, bool]:
    given = dict(argument.partition("=")[::2] for argument in arguments)
    for key in given:
        if key not in SETTINGS:
            raise unknown("setting", key, SETTINGS, USAGE)
    onnx = given.get("onnx", "true").lower()
    if not given.get("cell") or not given.get("out") or onnx not in ("true", "false"):
        raise MedxferError(USAGE)
    return Path(given["cell"]).expanduser(), Path(given["out"]).expanduser(), onnx == "true"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
