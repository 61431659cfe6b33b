"""Take a trained cell elsewhere: write into a new or empty folder

    weights.safetensors  the network's state dict, which timm's (for alexnet torchvision's) own network loads strictly
    lookup.npy           what that network is given for each gray value: float32 (values, 3), in which window, colours
                         and normalisation are one table; pixels = lookup[gray - lookup_starts_at], channels last
    model.onnx           gray in, probabilities out, with the lookup inside (needs the extra medxfer[export])
    example.py           how to use them: it gives medxfer's scores of the noise in example.npy without medxfer
    model.json           what they are: the call that makes the network, classes, size, window, colormap, normalisation,
                         and by how much ONNX Runtime's scores differ from the cell's in float32 (onnx_difference)

For research, not for diagnosis.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from medxfer.base.arguments import Command, run, setting
from medxfer.base.errors import RESEARCH_ONLY
from medxfer.base.kinds import CELL, Text


@dataclass(frozen=True)
class Settings:
    cell: Path = setting("the trained cell", shown="DIR", takes=CELL)
    out: Path = setting("where they are written", shown="FOLDER", takes=Text("a folder that is new or empty"))
    onnx: bool = setting("write model.onnx too", True, shown="false")


COMMAND = Command("python -m medxfer.export", __doc__, Settings)


def write(given: Settings) -> None:
    from medxfer.trained.bundle import write_bundle  # with torch, which wrong arguments need not wait for
    from medxfer.trained.trained_cell import open_cell

    print(*write_bundle(open_cell(given.cell), given.out, given.onnx), RESEARCH_ONLY, sep="\n")


def main(arguments: list[str]) -> int:
    return run(COMMAND, write, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
