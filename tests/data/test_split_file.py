"""A split that is given: a study's own, a table by path or by patient; what it names stays, the rest is drawn."""

import pandas as pd
import pytest
from pictures import make_pictures
from releases import prepared

from medxfer.base.errors import MedxferError


@pytest.fixture
def pictures(tmp_path):
    return make_pictures(tmp_path / "in", n=60)


def cell(folder, pictures, *overrides):
    return prepared(folder, "data=images", f"data.root={pictures}", *overrides)


def table(folder, rows, **columns):
    path = folder / "split.csv"
    pd.DataFrame(rows, **columns).to_csv(path, index=False)
    return f"data.split.file={path}"


def test_a_studys_own_split_can_be_given_back(tmp_path, pictures):
    first = cell(tmp_path, pictures, "data.split.seed=5")
    written = next(first.cell.study.folder.glob("splits/*.parquet"))
    again = cell(tmp_path / "again", pictures, f"data.split.file={written}")
    assert (again.parts == first.parts).all()
    assert (cell(tmp_path / "other", pictures).parts != first.parts).any()


@pytest.mark.parametrize("key", ["path", "patient_id"])
def test_a_fixed_test_list_is_the_test_part_and_the_rest_is_drawn(tmp_path, pictures, key):
    images = [f"{i}.png" for i in range(0, 12)]
    names = images if key == "path" else [f"P{i}" for i in range(6)]
    given = table(tmp_path, {key: names, "part": ["test"] * len(names)})
    for seed in (0, 1):
        made = cell(tmp_path, pictures, given, f"seed={seed}", "data.split.resample=true")
        assert (made.parts[:12] == "test").all()
        assert set(made.parts[12:]) == {"train", "val"}


def test_the_files_content_is_part_of_what_a_cell_is_and_its_path_is_not(tmp_path, pictures):
    one = table(tmp_path, {"path": ["0.png", "1.png", "2.png", "3.png"], "part": ["test"] * 4})
    made = cell(tmp_path, pictures, one)
    (tmp_path / "moved").mkdir()
    (tmp_path / "split.csv").rename(tmp_path / "moved" / "split.csv")
    moved = cell(tmp_path, pictures, f"data.split.file={tmp_path / 'moved' / 'split.csv'}")
    assert moved.cell.name == made.cell.name
    other = table(tmp_path, {"path": ["4.png", "5.png", "6.png", "7.png"], "part": ["test"] * 4})
    assert cell(tmp_path, pictures, other).cell.name != made.cell.name
    assert cell(tmp_path, pictures).cell.name != made.cell.name


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"path": ["0.png"]}, "needs the column part or fold, and one of image, path, patient_id"),
        ({"name": ["0.png"], "part": ["test"]}, "needs the column part or fold"),
        ({"path": ["0.png"], "part": ["held out"]}, "'held out' is no part"),
        ({"path": ["0.png", "0.png"], "part": ["test", "val"]}, "gives one path two parts"),
        ({"path": ["0.png", "no.png"], "part": ["test"] * 2}, r"1 of its 2 values of path .*'no\.png'"),
        ({"image": ["abc"], "part": ["test"]}, "1 of its 1 values of image are not in the data set"),
        ({"path": ["0.png", "1.png"], "part": ["test", "val"]}, "has 1 patient in two parts"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, pictures, rows, words):
    with pytest.raises(MedxferError, match=words):
        cell(tmp_path, pictures, table(tmp_path, rows))


def test_a_file_that_cannot_be_read_is_named(tmp_path, pictures):
    with pytest.raises(MedxferError, match=r"data\.split\.file=.*cannot be read"):
        cell(tmp_path, pictures, f"data.split.file={tmp_path / 'none.parquet'}")


def share(pictures, *images):
    """Make the first of `images` the picture of all of them."""
    for other in images[1:]:
        (pictures / other).write_bytes((pictures / images[0]).read_bytes())


def test_shared_pictures_of_given_patients_are_not_divided_and_it_is_said(tmp_path, pictures):
    share(pictures, "0.png", "20.png", "31.png")  # of three patients; 0.png is given, the others are drawn
    made = cell(tmp_path, pictures, table(tmp_path, {"path": ["0.png", "2.png", "5.png"], "part": ["test"] * 3}))
    assert (made.parts[[0, 1, 20, 21, 30, 31]] == "test").all()  # 2i and 2i + 1 are of one patient
    joined = [caveat for caveat in made.split.caveats if "belong to it" in caveat]
    assert joined == ["the same picture or patient as in a given part, so that they belong to it: 2 patients"]


def test_what_a_studys_own_split_left_out_stays_out_when_it_is_given_back(tmp_path, pictures):
    share(pictures, "0.png", "20.png")
    parts = ["test"] * 10 + ["val"] * 10 + ["train"] * 40
    given = table(tmp_path, {"path": [f"{i}.png" for i in range(60)], "part": parts})
    first = cell(tmp_path, pictures, given)
    assert (first.parts[20:22] == "").all()  # both images of the patient
    assert (first.parts == "").sum() == 2
    written = next(first.cell.study.folder.glob("splits/*.parquet"))
    again = cell(tmp_path / "again", pictures, f"data.split.file={written}")
    assert (again.parts == first.parts).all()


def test_a_saved_split_is_joined_by_image_and_refused_where_images_are_missing(tmp_path, pictures):
    first = cell(tmp_path, pictures)
    written = next(first.cell.study.folder.glob("splits/*.parquet"))
    saved = pd.read_parquet(written)
    saved.iloc[::-1].to_parquet(written)  # another order
    again = cell(tmp_path, pictures)
    assert (again.parts == first.parts).all()
    for kept in (saved.iloc[:-3], saved.iloc[:0]):
        kept.to_parquet(written)
        with pytest.raises(MedxferError, match=f"{60 - len(kept)} of 60 are not in it"):
            cell(tmp_path, pictures)
