"""What survives a power cut: content is on the disk before the name that says it is whole."""

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(partial: Path, target: Path) -> None:
    """Give a finished file, or a folder of files, its name. What stands at `target` after a power cut is whole."""
    if partial.is_dir():
        for file in partial.iterdir():
            flush(file)
    flush(partial)
    partial.replace(target)
    flush(target.parent)
