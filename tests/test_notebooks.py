"""The notebooks are committed with their outputs, and run again from top to bottom they show the same."""

import json
import re

import nbformat
import pytest
from executed import NOTEBOOKS, execute, texts

of_each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@of_each_notebook
def test_has_outputs_that_hold_nothing_of_the_machine(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))  # nbformat would add ids that are missing
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == [*range(1, len(code) + 1)], "make notebooks runs them"
    for cell in code:
        for output in cell["outputs"]:
            assert output.get("name") != "stderr"
            text = json.dumps({key: value for key, value in output.get("data", {}).items() if "image" not in key})
            assert not re.search(r"/(tmp|home|root|work|Users)/", text + "".join(output.get("text", [])))


@of_each_notebook
def test_runs_and_shows_what_is_committed(path, tmp_path):
    ran = execute(path, tmp_path)
    assert all(cell.execution_count for cell in ran.cells if cell.cell_type == "code")
    assert texts(ran) == texts(nbformat.read(path, as_version=4))
    shown = [
        output.data for cell in ran.cells if cell.cell_type == "code" for output in cell.outputs if "data" in output
    ]
    for data in shown:
        assert "<Figure" not in data.get("text/plain", "") or "image/png" in data, "a figure is not drawn"
    assert not list(tmp_path.iterdir())
