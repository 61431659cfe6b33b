"""The notebooks are committed bare, and run from top to bottom in an empty folder, which they leave empty."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
of_each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@of_each_notebook
def test_is_bare(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))  # nbformat would add ids that are missing
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code), "commit notebooks without outputs"


@of_each_notebook
def test_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    ran = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert ran
    assert all(cell.execution_count for cell in ran)
    shown = [output.data for cell in ran for output in cell.outputs if "data" in output]
    for data in shown:
        assert "<Figure" not in data.get("text/plain", "") or "image/png" in data, "a figure is not drawn"
    assert not list(tmp_path.iterdir())
