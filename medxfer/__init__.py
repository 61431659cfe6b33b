"""medxfer: do colour and ImageNet weights help networks on grayscale medical images?"""

import os
import sys

# Before torch starts its threads. By default one that waits spins for milliseconds, also while the thread that it waits
# for has no core: beside other work a training falls to a fifth of its fair share. Without any spinning it is slower
# where nothing else runs, because waking takes longer than most waits. So many turns last some tens of microseconds
# (docs/benchmarks_full.md, "Beside other work").
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

if sys.platform == "win32":
    sys.exit("error: medxfer runs on Linux and macOS: on Windows, run it in WSL 2 (wsl --install)")

__version__ = "0.1.0"
