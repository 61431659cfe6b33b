"""The code blocks of README, CONTRIBUTING and docs/, and the folders that their commands speak of.

A block of `sh` or `python` is run, in the order of its page, in one folder; a comment before it says what else it is:

    <!-- not run: why -->               it is not
    <!-- file: PATH -->                 it is written to PATH
    <!-- entry of NAME in PATH -->      it is put at the end of the dict NAME in PATH
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image
from pydicom import dcmread

from medxfer.data.dicom import read_gray
from medxfer.data.phantom import write_phantoms

ROOT = Path(__file__).parents[1]
GENERATED = ("settings.md", "benchmarks.md", "benchmarks_full.md", "simulations.md")
OF_ITS_OWN = ("reuse.md",)  # test_reuse_page.py runs it
# Their figures and formulas are no commands.
PROSE = ("gpu.md", "gray.md", "method.md", "prior_work.md", "verdict.md", "api.md", "index.md")
PAGES = sorted(
    path
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    if path.name not in (*GENERATED, *OF_ITS_OWN, *PROSE)
)
_FENCE = re.compile(
    r"(?:^<!-- (?P<said>[^\n]*) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
RUN, SHOWN = ("sh", "python"), ("text", "json", "yaml", "csv", "bibtex")
FORMS = r"not run: .+|file: \S+|entry of \w+ in \S+"


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    said: str  # by the comment before it
    text: str

    @property
    def runs(self) -> bool:
        return self.language in RUN and not self.said

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start("text")), found["language"], found["said"] or "", found["text"])
        for found in _FENCE.finditer(text)
    ]


def commands_of(block: Block) -> list[list[str]]:
    """The words after `python -m` or of `medxfer` in each of the block's commands."""
    found = []
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"\w+=\S*", words[0]):  # WANDB_MODE=offline
            del words[0]
        for end in ("|", ">", "&&"):
            words = words[: words.index(end)] if end in words else words
        if words[:2] == ["python", "-m"] and words[2].startswith("medxfer."):
            found.append([words[2].removeprefix("medxfer."), *words[3:]])
        elif words[:1] == ["medxfer"]:
            found.append(words[1:])
    return found


def write_world(folder: Path) -> None:
    """The folders that pages call mine, theirs, slices, classes, register and register2: phantoms of 24 patients."""
    write_phantoms(folder / "mine", "DX", patients=24, images=2, size=64, workers=1)
    theirs = write_phantoms(folder / "theirs", "DX", patients=12, images=1, seed=5, size=64, workers=1)
    table = pd.read_csv(theirs / "labels.csv")
    table["patient_id"] = "clinic-" + table["patient_id"]  # phantoms of any seed have the same ids
    table.to_csv(theirs / "labels.csv", index=False)
    slices = write_phantoms(folder / "slices", "CT", patients=24, images=2, size=64, workers=1)
    table = pd.read_csv(slices / "labels.csv")
    table["SeriesInstanceUID"] = [str(dcmread(slices / path).SeriesInstanceUID) for path in table["path"]]
    table.drop(columns="path").drop_duplicates().to_csv(slices / "labels.csv", index=False)
    _pictures(folder, "register", 0, 48)
    _pictures(folder, "register2", 5, 12)
    for name, finding, patient in pd.read_csv(folder / "register" / "register.csv").itertuples(index=False):
        place = folder / "classes" / ("lesion" if finding == "lesion" else "normal")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{patient}_{name}").write_bytes((folder / "register" / name).read_bytes())


def _pictures(folder: Path, name: str, seed: int, number: int) -> None:
    """`name` with register.csv and labels.csv, of the DICOM files written with `seed`."""
    files = folder / ("mine" if seed == 0 else "theirs")
    table, place = pd.read_csv(files / "labels.csv").head(number), folder / name
    place.mkdir()
    for path in table["path"]:
        Image.fromarray((255 * read_gray(files / path)).astype("uint8")).save(place / f"{Path(path).stem}.png")
    table["path"] = [f"{Path(path).stem}.png" for path in table["path"]]
    table["patient_id"] = [f"P{n}{seed}" for n in pd.factorize(table["patient_id"])[0]]
    table.to_csv(place / "labels.csv", index=False)
    table.set_axis(["image", "finding", "patient"], axis=1).to_csv(place / "register.csv", index=False)
