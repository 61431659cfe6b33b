"""Notebooks run from top to bottom, with outputs that hold nothing of the machine: make notebooks writes them again."""

import base64
import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def execute(path: Path, folder: Path) -> Any:
    """The notebook at `path`, run in `folder`, with clean outputs."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)
            cell.outputs = [_clean(output) for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def _clean(output: Any) -> Any:
    """`output` without folders and without the second copy of a picture, its picture in few colours."""
    if "text" in output:
        output.text = _without_folders(output.text)
    data = output.get("data", {})
    data.pop("image/jpeg", None)
    for kind in ("text/plain", "text/html"):
        if kind in data:
            data[kind] = _without_folders(data[kind])
    if "image/png" in data:
        file = io.BytesIO()
        Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB").quantize(128).save(file, "png")
        data["image/png"] = base64.b64encode(file.getvalue()).decode()
    return output


def _without_folders(text: str) -> str:
    return re.sub(r"(?<![\w.<])/(?:[\w.+-]+/)+", "…/", text)


def texts(notebook: Any) -> list[list[str]]:
    """What each code cell shows: its kinds of output, and its lines without a number; measured ones vary by machine."""
    shown = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            lines = [line for output in cell.outputs for line in _lines(output) if not re.search(r"\d", line)]
            kinds = [kind for output in cell.outputs for kind in sorted(output.get("data", ["text"]))]
            shown.append([*kinds, *lines])
    return shown


def _lines(output: Any) -> list[str]:
    text: str = output.get("text") or output.get("data", {}).get("text/plain", "")
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]) if sys.argv[1:] else NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            nbformat.write(execute(path, Path(folder)), path)
