"""The report of a large study, with every output, beyond the imports, each time in a new process."""

import subprocess
import sys
from pathlib import Path

import pytest
from measure import record
from scale import LONG_ONLY
from synthetic_study import write_study

COLORMAPS = ("none", "viridis", "inferno", "magma", "plasma", "cividis", "turbo", "jet", "hot", "bone")
ROUNDS = 3
CLOCKED = """
import sys, time
from pathlib import Path
import medxfer.analysis.page.pictures, medxfer.analysis.page.seen
from medxfer.analysis import answer
start, processor = time.perf_counter(), time.process_time()
answer(Path(sys.argv[1]))
print(time.perf_counter() - start, time.process_time() - processor)
"""
STUDIES = {  # name -> (the synthetic study, the goal)
    "60 cells × 10,000 images": ({"seeds": 10, "patients": 5000}, "at most 10"),
    "60 cells × 10,000 images, four classes": ({"seeds": 10, "patients": 5000, "classes": 4}, "at most 10"),
    "600 cells × 1,000 images, 3 colormaps": ({"seeds": 100, "patients": 500}, "at most 30"),
    "600 cells × 1,000 images, 10 colormaps": ({"seeds": 30, "patients": 500, "colormaps": COLORMAPS}, "at most 30"),
    "600 cells × 1,000 images, 4 blocks, 5 fractions": (
        {"seeds": 5, "patients": 500, "data": ("phantom_ct", "phantom_dx"), "backbones": ("resnet18", "resnet34"),
         "fractions": (0.1, 0.2, 0.4, 0.7, 1.0)},
        "at most 30",
    ),
}  # fmt: skip


@pytest.mark.benchmark
@LONG_ONLY
@pytest.mark.parametrize("name", STUDIES)
def test_the_report_of_a_large_study(tmp_path: Path, name: str) -> None:
    design, goal = STUDIES[name]
    folder = write_study(tmp_path / "study", declared={"metric": "auroc"}, **design)
    seconds, processor = [], []
    for _ in range(ROUNDS):
        done = subprocess.run([sys.executable, "-c", CLOCKED, folder], capture_output=True, text=True, check=True)
        for values, value in zip((seconds, processor), done.stdout.split()[-2:], strict=True):
            values.append(float(value))
    assert (folder / "report.html").is_file()
    assert len(list(folder.glob("cells/*/metrics.json"))) == int(name.split()[0])
    record(name, "report and every output", seconds, "s", goal)
    record(name, "of which processor time", processor, "s")  # what other work on the machine does not change
