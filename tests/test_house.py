"""The rooms: imports point one way, the top holds commands alone, and no two rooms share a file's name."""

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "medxfer"
COMMANDS = {"train", "report", "predict", "status", "figure1", "dashboard", "export"}


def test_the_top_of_the_package_holds_seven_commands_and_nothing_else():
    assert {path.stem for path in PACKAGE.glob("*.py")} == {"__init__", *COMMANDS}


def test_no_two_rooms_share_a_files_name():
    names = Counter(path.name for path in PACKAGE.rglob("*.py") if not path.name.startswith("__"))
    assert [name for name, number in names.items() if number > 1] == []


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    return subprocess.run([sys.executable, "-c", code, "--no-cache"], cwd=root, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("color/render.py", "import medxfer.data.split"),
        ("grid/hooks.py", "import medxfer.report"),
        ("study/cell.py", "import torch"),
        ("analysis/judge/verdict.py", "import medxfer.model.metrics"),
        ("base/words.py", "import medxfer.study.cell"),
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
