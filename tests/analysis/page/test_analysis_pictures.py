"""Pictures of patients enter the page only when asked for, and never where annotations may be burned in."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from synthetic_study import write_study

from medxfer.analysis import answer, read_study
from medxfer.analysis.page.pictures import changed_images, most_changed, phantom_picture
from medxfer.base.errors import MedxferError


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "study", data=["phantom_ct"], seeds=2, patients=10)


def write_store(root: Path, study: Path, burned_in: bool | None) -> Path:
    """The store that the study's cells were trained from; half of its images burned in, none, or nothing said."""
    folder = root / "DicomFolder-phantom_ct-0123456789abcdef" / "v1-64px-hu"
    folder.mkdir(parents=True)
    images = [f"test-i{i:04d}" for i in range(20)]
    table = pd.DataFrame({"image": images, "patient": [f"test-p{i // 2:04d}" for i in range(20)]})
    if burned_in is not None:
        table["burned_in"] = ["yes" if burned_in and i < 10 else "no" for i in range(20)]
    table.to_parquet(folder / "images.parquet")
    gray = np.random.default_rng(0).integers(-1000, 1000, (20, 64, 64)).astype(np.int16)
    np.save(folder / "gray.npy", gray)
    (folder / "store.json").write_text("{}")
    return root


def test_the_arms_disagree_most_comes_first_and_one_image_a_patient(study: Path) -> None:
    records = read_study(study)
    found = most_changed(records, records.cells[0].block, 5)
    assert len({int(changed.image[-4:]) // 2 for changed in found}) == len(found) == 5  # two images a patient
    assert all(set(changed.scores) == {cell.arm for cell in records.cells} for changed in found)
    ranges = [max(c.scores.values()) - min(c.scores.values()) for c in found]
    crossing = [min(c.scores.values()) <= 0.5 <= max(c.scores.values()) for c in found]
    assert crossing == sorted(crossing, reverse=True)
    assert all(0 < size <= 1 for size in ranges)


def score(study: Path, colormap: str, changed: dict[str, list[float]], task: str, threshold: float) -> None:
    """Every image has the scores .1, and those that are `changed` others with the colormap."""
    for path in study.glob("cells/*/predictions.parquet"):
        record = json.loads(path.with_name("metrics.json").read_text())
        frame = pd.read_parquet(path)
        for c in range(2):
            frame[f"score_{c}"] = 0.1
            if task == "multilabel":
                frame[f"label_{c}"] = frame["label"]
        for image, scores in changed.items():
            if record["factors"]["colormap"] == colormap:
                frame.loc[frame["image"] == image, ["score_0", "score_1"]] = scores
        frame = frame.drop(columns="label") if task == "multilabel" else frame.assign(score_0=1 - frame["score_1"])
        frame.to_parquet(path, index=False)
        path.with_name("metrics.json").write_text(json.dumps(record | {"task": task, "threshold": threshold}))


@pytest.mark.parametrize(
    ("task", "threshold", "decided", "moved"),
    [
        ("multilabel", 0.5, [0.1, 0.6], [0.4, 0.49]),  # a label is given; another label has the highest score
        ("binary", 0.2, [0.0, 0.3], [0.0, 0.19]),  # above the validation's threshold, below a half
    ],
)
def test_arms_disagree_where_they_decide_otherwise(
    tmp_path: Path, task: str, threshold: float, decided: list[float], moved: list[float]
) -> None:
    study = write_study(tmp_path / "s", colormaps=("none", "viridis"), patients=4, declared={"threshold": "validation"})
    score(study, "viridis", {"test-i0000": moved, "test-i0003": decided}, task, threshold)
    records = read_study(study)
    assert most_changed(records, records.cells[0].block, 1)[0].image == "test-i0003"


def test_pictures_show_gray_and_colours_with_scores(study: Path, tmp_path: Path) -> None:
    shown = changed_images(read_study(study), write_store(tmp_path / "store", study, burned_in=False))
    assert len(shown) == 4
    assert [picture.caption for picture in shown[0].pictures] == ["none", "viridis", "inferno"]
    gray = np.asarray(Image.open(io.BytesIO(shown[0].pictures[0].content)))
    assert gray.shape == (192, 192, 3)
    assert (gray[..., 0] == gray[..., 2]).all()
    assert len(shown[0].scores) == 6


def test_images_with_burned_in_annotations_are_never_shown(study: Path, tmp_path: Path) -> None:
    records = read_study(study)
    clean = changed_images(records, write_store(tmp_path / "half", study, burned_in=True))
    assert 0 < len(clean) <= 4
    assert changed_images(records, write_store(tmp_path / "unsaid", study, burned_in=None)) == []


def test_the_page_shows_patients_only_when_asked(study: Path, tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", study, burned_in=False)
    answer(study)
    assert "Where the arms disagree" not in (study / "report.html").read_text()
    answer(study, images=True, store_root=store)
    html = (study / "report.html").read_text()
    assert "Where the arms disagree" in html
    assert "test-i0" not in html  # not even a pseudonym


def test_a_store_that_is_not_there_is_one_sentence(study: Path, tmp_path: Path) -> None:
    with pytest.raises(MedxferError, match=r"report\.images=true.*store\.root="):
        changed_images(read_study(study), tmp_path / "nowhere")


def test_the_phantoms_show_the_studys_colormaps_and_no_unknown_one(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s", colormaps=("none", "magma", "no_such_map"), failed=[{"colormap": "no_such_map"}]
    )
    picture = phantom_picture(read_study(folder))
    assert "; none and magma from top to bottom" in picture.caption
    assert Image.open(io.BytesIO(picture.content)).format == "WEBP"
