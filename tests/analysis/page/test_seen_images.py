"""What the networks see: the study's own test images where they may be shown, else a phantom that is called one."""

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from synthetic_study import several_labels, write_study
from test_analysis_pictures import write_store

from medxfer.analysis import answer, read_predictions, read_study
from medxfer.analysis.page.pictures import phantom_picture
from medxfer.analysis.page.seen import seen_images


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "study", data=["phantom_ct"], seeds=2, patients=10)


def test_there_is_one_image_of_each_class_the_same_in_all_arms(study: Path, tmp_path: Path) -> None:
    records = read_study(study)
    shown = seen_images(records, write_store(tmp_path / "store", study, burned_in=False))
    assert [(image.data, image.label, image.window) for image in shown] == [
        ("phantom_ct", "no lesion", "window 40/400"),
        ("phantom_ct", "lesion (positive)", "window 40/400"),
    ]
    tested = read_predictions(records.cells[0].folder)
    stored = np.load(next((tmp_path / "store").glob("*/*/gray.npy")))
    for place, image in enumerate(shown):
        assert [picture.caption for picture in image.pictures] == ["none", "viridis", "inferno"]
        first = min(tested.images[tested.labels == place])
        gray = stored[int(first[-4:])]  # write_store has the images in the order of their names
        window = ((gray.astype(float) + 160) / 400).clip(0, 1)
        pixels = np.asarray(
            Image.open(io.BytesIO(image.pictures[0].content)).resize((64, 64), Image.Resampling.NEAREST)
        )
        assert np.abs(pixels[..., 0] / 255 - window).max() < 2 / 255


def test_a_table_has_the_studys_number_of_levels(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "few", data=["phantom_ct"], patients=10, settings={"levels": 4})
    shown = seen_images(read_study(folder), write_store(tmp_path / "store", folder, burned_in=False))
    pixels = np.asarray(Image.open(io.BytesIO(shown[0].pictures[0].content)))
    assert len(np.unique(pixels)) == 4


def test_an_image_with_burned_in_annotations_is_never_shown(study: Path, tmp_path: Path) -> None:
    records = read_study(study)
    assert seen_images(records, write_store(tmp_path / "unsaid", study, burned_in=None)) == []
    store = write_store(tmp_path / "half", study, burned_in=True)
    table = next(store.glob("*/*/images.parquet"))
    frame = pd.read_parquet(table)
    labels = dict(
        zip(*(getattr(read_predictions(records.cells[0].folder), key) for key in ("images", "labels")), strict=True)
    )
    frame.assign(burned_in=["yes" if labels[image] == 1 else "no" for image in frame["image"]]).to_parquet(table)
    assert [image.label for image in seen_images(records, store)] == ["no lesion"]


def test_of_labels_there_is_an_image_without_any_and_one_of_each(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "labels", data=["phantom_ct"], patients=10, colormaps=["none"])
    among = lambda places: lambda frame: frame["image"].str[-4:].astype(int).isin(places)  # noqa: E731
    several_labels(folder, among([2, 3]), among([2, 3, 8]))
    shown = seen_images(read_study(folder), write_store(tmp_path / "store", folder, burned_in=False))
    assert [image.label for image in shown] == ["none of the labels", "mass, with other labels", "lesion"]


def test_the_page_has_own_images_when_asked_and_else_a_phantom_that_is_called_one(study: Path, tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", study, burned_in=False)
    answer(study)
    html = (study / "report.html").read_text()
    assert "What the networks see, on a phantom" in html
    assert "Drawn by formula, not the study&#39;s images: a CT phantom; none, viridis and inferno" in html
    answer(study, images=True, store_root=store)
    html = (study / "report.html").read_text()
    assert "<h3>phantom_ct: lesion (positive)</h3>" in html
    assert "Drawn by formula" not in html
    assert not re.search(r"test-[ip]0", html)  # not even a pseudonym
    assert "never shown here" not in html


@pytest.mark.parametrize(
    ("burned_in", "said"),
    [
        (None, "20 do not say whether text is burned into their pixels, as no PNG or JPEG does."),
        (True, "10 say that it is."),
    ],
)
def test_the_page_says_which_images_it_does_not_show_and_why(
    study: Path, tmp_path: Path, burned_in: bool | None, said: str
) -> None:
    answer(study, images=True, store_root=write_store(tmp_path / "store", study, burned_in))
    html = (study / "report.html").read_text()
    assert (
        f"phantom_ct: of 20 images, {said} Such text may name a patient, so these images are never shown here." in html
    )
    assert ("What the networks see, on a phantom" in html) == (burned_in is None)


@pytest.mark.parametrize(
    ("data", "which"),
    [(["phantom_ct"], ": a CT phantom;"), (["phantom_dx"], ": an X-ray phantom;"),
     (["phantom_dx", "phantom_ct"], ": a CT phantom left and an X-ray phantom right;")],
)  # fmt: skip
def test_the_phantom_is_of_the_studys_modality(tmp_path: Path, data: list[str], which: str) -> None:
    folder = write_study(tmp_path / "s", data=data, colormaps=["none"])
    picture = phantom_picture(read_study(folder))
    assert which in picture.caption
    width, height = Image.open(io.BytesIO(picture.content)).size
    assert (width > 1.7 * height) == (len(data) == 2)
