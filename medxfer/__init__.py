"""medxfer: do colour and ImageNet weights help networks on grayscale medical images?"""

import os
import sys

# Before torch starts its threads. By default one that waits spins, and beside other work it spins while the thread it
# waits for has no core: a training falls to a fifth of its fair share (docs/benchmarks_full.md, "Beside other work").
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

if sys.platform == "win32":
    sys.exit("error: medxfer runs on Linux and macOS: on Windows, run it in WSL 2 (wsl --install)")

__version__ = "0.1.0"
