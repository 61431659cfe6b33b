"""What the documentation says works: command lines are read, pages are run, the site builds without a warning."""

import inspect
import os
import pkgutil
import re
import shutil
import stat
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from docs_pages import FORMS, PAGES, ROOT, RUN, SHOWN, Block, blocks_of, commands_of, write_world
from hydra.core.override_parser.overrides_parser import OverridesParser

from medxfer.color import parse_colormap
from medxfer.model.catalogue import find
from medxfer.training.settings.checked import checked
from medxfer.training.settings.composed import compose_config

BLOCKS = [block for page in PAGES for block in blocks_of(page)]
of_each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
# What makes a page's trainings a matter of seconds; a page that gives one of these keeps its own.
SMALL = ("image_size=32", "trainer.max_epochs=1", "batch_size=8")
MAKES = "get_started"  # makes the study that other pages go on with
ADDED = ("sepia", "two_layers", "youden", "department", "weight_norm")  # what the pages on adding add


@of_each_page
def test_every_block_says_what_it_is(page: Path) -> None:
    found = blocks_of(page)
    assert page.read_text().count("\n```") == 2 * len(found), "a fence is not closed, or is indented"
    for block in found:
        assert block.language in (*RUN, *SHOWN), f"{block}: the language of a block is one of {RUN} or {SHOWN}"
        assert not block.said or re.fullmatch(FORMS, block.said), f"{block}: {block.said}"
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"^(?![ \t]*[-*\d]).*\n\n    \S", prose, re.MULTILINE), "code stands in fences"


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "sh"], ids=str)
def test_every_command_line_is_read(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("medxfer.training.settings.checked.check_loggers", lambda config: None)  # mlflow is an extra
    for name in re.findall(r"file:([\w.]+)", block.text):
        values = "0,0,0\n" * 256 if name.endswith(".csv") else ""
        Path(name).write_text(values)
    for name, *arguments in commands_of(block):
        for _, folder in re.findall(r"^(study|cell)=(.+)$", "\n".join(arguments), re.MULTILINE):
            Path(folder).mkdir(parents=True, exist_ok=True)
        for file in re.findall(r"^scores=(.+)$", "\n".join(arguments), re.MULTILINE):
            Path(file).touch()
        if not re.search(rf"\b({'|'.join(ADDED)})\b", " ".join(arguments)):
            _read(name, arguments)


def _read(command: str, arguments: list[str]) -> None:
    if command == "train" or (command == "data" and arguments[:1] == ["check"]):
        words = [word for word in arguments if word not in ("-m", "check")]
        for values in _cells(words):
            config = checked(compose_config(values))
            parse_colormap(config.colormap)
            find(config.backbone)
        return
    own_folder = command in ("data", "color", "model")
    module = import_module(f"medxfer.{command}.__main__" if own_folder else f"medxfer.{command}")
    if command == "data" and arguments:
        module.COMMANDS[arguments[0]].read(arguments[1:])
        return
    hydras = getattr(module, "EXTERNAL", ())
    own = [word for word in arguments if not word.lstrip("+").startswith(hydras or "\0")]
    if "--config-dir" not in own and hasattr(module, "COMMAND"):
        module.COMMAND.read(own)


def _cells(overrides: list[str]) -> list[list[str]]:
    """The overrides of as many cells as the longest sweep has values, which hold each value of every sweep."""
    parsed = [OverridesParser.create().parse_override(text) for text in overrides if not text.startswith("--")]
    sweeps = [[f"{p.key_or_group}={v}" for v in p.sweep_string_iterator()] if p.is_sweep_override() else [t]
              for p, t in zip(parsed, [t for t in overrides if not t.startswith("--")], strict=True)]  # fmt: skip
    return [[values[min(i, len(values) - 1)] for values in sweeps] for i in range(max(map(len, sweeps), default=0))]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders that pages speak of, and the study of get_started."""
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    small = [*SMALL, "data.patients=24", "data.images=1", "logger=none", f"store.root={folder}/store"]
    _run(folder, ROOT, [sys.executable, "-m", "medxfer.train", "-m", "study.name=first", "colormap=none,viridis",
                        "pretrained=true,false", "seed=0,1", *small])  # fmt: skip
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if any(b.runs for b in blocks_of(p))], ids=lambda page: page.stem)
def test_every_page_runs(page: Path, world: Path, tmp_path: Path) -> None:
    folder, checkout = tmp_path / "here", ROOT
    shutil.copytree(world, folder, ignore=shutil.ignore_patterns("store", *(["studies"] if page.stem == MAKES else [])))
    blocks = blocks_of(page)
    if any(re.search(r"(file: |in )(medxfer/|conf/data/department)", block.said) for block in blocks):
        checkout = folder
        for name in ("medxfer", "conf", "hydra_plugins"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    _small_python(tmp_path / "bin", tmp_path / "store")
    script: list[str] = []
    for block in blocks:
        if block.said.startswith("file: "):
            target = folder / block.said.removeprefix("file: ")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text)
        elif found := re.fullmatch(r"entry of (\w+) in (\S+)", block.said):
            _enter(folder / found[2], found[1], block.text)
        elif block.runs and block.language == "sh":
            script.append(block.text)
        elif block.runs:
            script.append(f"python - <<'END'\n{block.text}END\n")
    path = os.pathsep.join([str(tmp_path / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    _run(folder, checkout, ["bash", "-euo", "pipefail", "-c", "\n".join(script)], PATH=path)


def _enter(file: Path, name: str, text: str) -> None:
    """Put `text` at the end of the dict `name` in `file`."""
    before, start, after = file.read_text().partition(f"\n{name} = {{\n")
    inside, end, rest = after.partition("\n}\n")
    assert start
    assert end
    file.write_text(f"{before}{start}{inside}\n{text.rstrip()}{end}{rest}")


def _small_python(folder: Path, store: Path) -> None:
    """A python that gives SMALL to the trainings it starts, and one store to all."""
    given = "\n".join(f'[[ " $* " == *" {one.partition("=")[0]}="* ]] || more+=({one})' for one in SMALL)
    text = f"""#!/bin/bash
more=()
if [[ "$1 $2" == "-m medxfer.train" || "$1 $2 $3" == "-m medxfer.data check" ]]; then
{given}
[[ " $* " == *" data="* ]] || more+=(data.patients=24 data.images=1)
fi
[[ "$2" =~ ^medxfer.(train|report)$ || "$1 $2 $3" == "-m medxfer.data check" ]] && more+=(store.root={store})
exec {sys.executable} "$@" "${{more[@]}}"
"""
    folder.mkdir()
    (folder / "python").write_text(text)
    (folder / "python").chmod(stat.S_IRWXU)


def _run(folder: Path, checkout: Path, words: list[str], **environment: str) -> None:
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(checkout), "WANDB_MODE": "offline", **environment},
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


API = re.findall(r"^::: (\S+)$", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", API)
def test_what_a_function_returns_is_read_as_a_sentence(name: str) -> None:
    said = inspect.getdoc(pkgutil.resolve_name(name)) or ""
    returned = re.search(r"^Returns:\n(.+?)(\n\n|\Z)", said, re.MULTILINE | re.DOTALL)
    # What stands before a colon is a type to the site's reader.
    assert returned is None or not re.search(r":(\s|$)", returned[1]), returned


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_fetches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="pip install -e '.[docs]'")
    site = tmp_path / "site"
    _run(ROOT, ROOT, [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(site)])
    for page in site.rglob("*.html"):
        fetched = re.findall(
            r'<(?:script|img|iframe)[^>]+src="(?:https?:)?//[^"]+|<link[^>]+stylesheet[^>]+href="(?:https?:)?//[^"]+',
            page.read_text(),
        )
        assert not fetched, (page, fetched)
