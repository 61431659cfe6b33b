"""medxfer: do colour and ImageNet weights help networks on grayscale medical images?"""

import os
import sys

# Before torch starts its threads. By default one that waits spins 300,000 times (GCC's libgomp) before it sleeps, also
# while the thread that it waits for has no core: beside other work a training falls far below its fair share. Without
# any spinning it is a quarter slower where nothing else runs (docs/benchmarks_full.md, "Beside other work").
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

if sys.platform == "win32":
    sys.exit("error: medxfer runs on Linux and macOS: on Windows, run it in WSL 2 (wsl --install)")

__version__ = "0.1.0"
