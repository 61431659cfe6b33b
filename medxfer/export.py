"""Take a trained cell elsewhere: python -m medxfer.export cell=DIR out=FOLDER [onnx=false]

Writes into FOLDER, which is new or empty
    weights.safetensors  the network's state dict, which timm's (for alexnet torchvision's) own network loads strictly
    lookup.npy           what that network is given for each gray value: float32 (values, 3), in which window, colours
                         and normalisation are one table; pixels = lookup[gray - lookup_starts_at], channels last
    model.onnx           gray in, probabilities out, with the lookup inside (needs the extra medxfer[export])
    model.json           how to use them: the call that makes the network, classes, size, window, colormap, mean, std,
                         and by how much ONNX Runtime's scores differ from the cell's in float32 (onnx_difference)
For research, not for diagnosis.
"""

import sys
from pathlib import Path

from medxfer.base.errors import RESEARCH_ONLY, MedxferError, unknown

SETTINGS = ("cell", "out", "onnx")
USAGE = "usage: python -m medxfer.export cell=DIR out=FOLDER [onnx=false]"


def main(arguments: list[str]) -> int:
    """Export what `arguments` (key=value) ask for, say where it is, and return the exit code."""
    try:
        folder, out, onnx = _settings(arguments)

        # With torch, which wrong arguments need not wait for.
        from medxfer.trained.bundle import write_bundle
        from medxfer.trained.trained_cell import open_cell

        for path in write_bundle(open_cell(folder), out, onnx):
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
