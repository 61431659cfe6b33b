"""Records are written whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd


def write_text(path: Path, text: str) -> None:
    """Write `text` beside `path`, flush it to the disk, and rename: a reader sees the old file or the new one."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """`value` as JSON. A value that is not a number (NaN) is an error, never a record."""
    write_text(path, json.dumps(value, indent=2, sort_keys=False, allow_nan=False, default=str) + "\n")


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    write_bytes(path, table.to_parquet(index=False))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())
