"""medxfer: do colour and ImageNet weights help networks on grayscale medical images?"""

import sys

if sys.platform == "win32":
    sys.exit("error: medxfer runs on Linux and macOS: on Windows, run it in WSL 2 (wsl --install)")

__version__ = "0.1.0"
