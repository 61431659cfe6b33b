"""The rooms: imports point one way, the top holds commands alone, and no two rooms share a file's name."""

import ast
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "medxfer"
COMMANDS = {"train", "report", "predict", "status", "figure1", "dashboard", "export"}


def test_the_top_of_the_package_holds_seven_commands_and_nothing_else():
    assert {path.stem for path in PACKAGE.glob("*.py")} == {"__init__", "__main__", *COMMANDS}


def test_no_two_rooms_share_a_files_name():
    names = Counter(path.name for path in PACKAGE.rglob("*.py") if not path.name.startswith("__"))
    assert [name for name, number in names.items() if number > 1] == []


def test_nobody_imports_the_command_of_a_room():
    graph = grimp.build_graph("medxfer")
    assert graph.find_modules_directly_imported_by("medxfer.data.__main__")
    for room in ("color", "data", "model"):
        assert graph.find_modules_that_directly_import(f"medxfer.{room}.__main__") == set()


def hidden_imports(text: str) -> list[str]:
    """What `text`, a module's, imports of medxfer by a name in quotes, which the linter does not see."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    loaders = ("import_module", "resolve_name", "__import__")
    named = [call.args[0] for call in calls if call.args and ast.unparse(call.func).rpartition(".")[2] in loaders]
    return [ast.unparse(one) for one in named if ast.unparse(one).lstrip("f").strip("'\"").startswith("medxfer.")]


def test_no_import_of_another_room_is_hidden_from_the_linter():
    found = {path.relative_to(PACKAGE): hidden_imports(path.read_text()) for path in PACKAGE.rglob("*.py")}
    hidden = {str(path): names for path, names in found.items() if names}
    own = hidden.pop("color/colormaps.py")  # what a file of the room registers is found by itself
    assert own == ["f'medxfer.color.maps.{found.name}'"]
    assert set(hidden) == {"__main__.py"}  # which runs the command that is typed
    assert not [path for path in PACKAGE.rglob("*.py") if "resolve_name" in path.read_text()]


def test_a_hidden_import_is_found():
    assert hidden_imports("import importlib\nimportlib.import_module('medxfer.grid.job').run_job(1)") == [
        "'medxfer.grid.job'"
    ]


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    return subprocess.run([sys.executable, "-c", code, "--no-cache"], cwd=root, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("color/render.py", "import medxfer.data.split"),
        ("grid/around.py", "import medxfer.report"),
        ("study/cell.py", "import torch"),
        ("analysis/judge/verdict.py", "import medxfer.model.metrics"),
        ("base/words.py", "import medxfer.study.cell"),
        ("data/inspect/check.py", "import medxfer.training.settings.composed"),
        ("data/__main__.py", "import medxfer.grid.plan"),
    ],
)
def test_the_linter_finds_a_planted_import(tmp_path, file, line):
    shutil.copytree(PACKAGE, tmp_path / "medxfer", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted = tmp_path / "medxfer" / file
    planted.write_text(f"{line}\n{planted.read_text()}")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert line.removeprefix("import ") in done.stdout
