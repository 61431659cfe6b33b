"""One value in two spellings is not compared with itself."""

import re
import shutil
from pathlib import Path

import pytest
import timm
import torch
from cells import small_config, small_settings
from hydra import compose, initialize_config_dir

from medxfer.base.config import CONF
from medxfer.base.errors import MedxferError
from medxfer.grid.around import begin
from medxfer.grid.jobs import Job
from medxfer.training.run import train


def asked(folder: Path, *each: str, shared: tuple[str, ...] = ("study.name=s",)) -> list[Job]:
    return [Job(small_config(folder, *shared, *one.split()), {}) for one in each]


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ("colormap=none", "colormap=gray", "table of colours"),
        ("colormap=viridis", "colormap=cmap:bids:viridis", "table of colours"),
        ("colormap=shuffled:viridis@0", "colormap=shuffled:viridis@00", "table of colours"),
        ("backbone=resnet18 ", "backbone=resnet18.a1_in1k", "network"),
    ],
)
def test_two_spellings_of_one_value_are_refused_in_a_sentence_that_names_both(tmp_path, one, other, what):
    with pytest.raises(MedxferError) as refused:
        begin(asked(tmp_path, one, other), "command")
    one = one.strip()
    assert str(refused.value) == f"{one} and {other} are one {what}, and would be two levels of it: give {one} alone"
    assert not list(tmp_path.glob("studies/*"))


def test_values_that_differ_in_anything_are_levels_of_their_own(tmp_path):
    each = ("viridis", "learned:viridis", "viridis_r", "viridis:luminance", "none", "single", "shuffled:viridis@1")
    lite = "backbone=tf_efficientnet_lite0"  # whose weights are others, of a package, than those of its tag
    networks = ("backbone=resnet18.tv_in1k", "backbone=resnet18.a1_in1k", lite, f"{lite}.in1k")
    cells = begin(asked(tmp_path, *(f"colormap={one}" for one in each), *networks), "command").cells
    assert len(cells) == len(each) + len(networks)


def test_windows_are_told_by_their_numbers_within_a_command_and_a_study(tmp_path):
    settings = [one for one in small_settings(tmp_path) if not one.startswith("data")]

    def begun(*each: str) -> int:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            bases = [
                compose("train", [*settings, "data=phantom_ct", "data.patients=12", "study.name=s", *one.split()])
                for one in each
            ]
        return len(begin([Job(base, {}) for base in bases], "command").cells)

    assert begun("window=soft_tissue", "window=lung") == 2
    for other in ("window=40/400", "window=40.0/400", "window=auto"):
        with pytest.raises(MedxferError, match="this study has window=soft_tissue, so give window=soft_tissue alone"):
            begun(other)
    with pytest.raises(MedxferError, match=r"windows:40/80\+lung\+bone are one table of colours"):
        begun(*(f"window=lung colormap=windows:{one}+lung+bone" for one in ("brain", "40/80")))
    assert begun("window=soft_tissue", "window=50/400") == 2


def test_a_study_that_has_both_spellings_goes_on(tmp_path, monkeypatch):
    both = asked(tmp_path, "colormap=none", "colormap=gray")
    monkeypatch.setattr("medxfer.grid.settling.check_spelled_once", lambda *_: None)
    begin(both, "command")  # as an earlier version did
    monkeypatch.undo()
    assert len(begin(both, "command").cells) == 2
    with pytest.raises(MedxferError, match=re.escape("this study has colormap=none, so give colormap=none alone")):
        begin(asked(tmp_path, "colormap=grey"), "command")


def test_files_are_told_by_their_content_also_of_cells_that_are_done(tmp_path):
    own, copy = tmp_path / "own.pth", tmp_path / "copy.pth"
    torch.save(timm.create_model("test_efficientnet", num_classes=3).state_dict(), own)
    shutil.copyfile(own, copy)
    first, again = asked(tmp_path, f"pretrained=file:{own}", f"pretrained=file:{copy}")
    begin([first], "command")
    train(first.base)
    with pytest.raises(MedxferError, match=r"pretrained=file:own.pth and pretrained=file:copy.pth are one file of w"):
        begin([again], "command")
    ramp, same = tmp_path / "ramp.csv", tmp_path / "same.csv"
    for path in (ramp, same):
        path.write_text("".join(f"{n},{n},0\n" for n in range(256)))
    with pytest.raises(MedxferError, match=r"colormap=file:ramp.csv and colormap=file:same.csv are one table"):
        begin(asked(tmp_path, f"colormap=file:{ramp}", f"colormap=file:{same}"), "command")
