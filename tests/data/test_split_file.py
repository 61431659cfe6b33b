"""A split that is given: a study's own, a table by path or by patient; what it names stays, the rest is drawn."""

import unicodedata

import pandas as pd
import pytest
from pictures import make_pictures
from pydicom import uid
from releases import dicom, prepared

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
        ({"path": ["0.png"]}, "needs the column part or fold, and one of image, path, SOPInstanceUID"),
        ({"path": ["0.png"], "split": ["test"]}, "needs the column part or fold, .* patient_id; it has path, split"),
        ({"name": ["0.png"], "part": ["test"]}, "needs the column part or fold"),
        (
            {"patient_id": ["1.23E+09"], "part": ["test"]},
            r"split\.csv: the column 'patient_id': a spreadsheet has rounded",
        ),
        ({"path": ["0.png"], "part": ["held out"]}, "'held out' is no part"),
        ({"path": ["0.png"], "part": ["test"], "Part": ["val"]}, "has the column 'part' twice"),
        ({"path": ["0.png", ""], "part": ["test"] * 2}, "1 row of it with a part and no path"),
        ({"patient_id": ["P0", " "], "part": ["test"] * 2}, "1 row of it with a part and no patient_id"),
        ({"path": ["0.png", "0"], "part": ["test", "val"]}, "paths '0.png' and '0' name one image with two parts"),
        ({"path": ["0.png", "0.png"], "part": ["test", "val"]}, "gives one path two parts"),
        (
            {"path": ["0.png", "no.png"], "part": ["test"] * 2},
            r"1 of its 2 values of path .*'no\.png', the data set has '\d\.png'",
        ),
        ({"patient_id": ["p0"], "part": ["test"]}, "the first is 'p0', the data set has 'P0'"),
        ({"image": ["abc"], "part": ["test"]}, "1 of its 1 values of image are not in the data set"),
        ({"path": ["0.png", "1.png"], "part": ["test", "val"]}, "has 1 patient in two parts"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, pictures, rows, words):
    with pytest.raises(MedxferError, match=words):
        cell(tmp_path, pictures, table(tmp_path, rows))


def test_a_file_that_cannot_be_read_is_named(tmp_path, pictures):
    with pytest.raises(MedxferError, match=r"(?i)data\.split\.file=.*no such file .*give a CSV"):
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


WAYS = {
    "backslashes, other case": lambda n: f"D:\\export\\IN\\{n}.PNG",
    "other machine": lambda n: f"/mnt/old/in/{n}.png",
    "no suffix": lambda n: f" {n}",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("column", ["path", "filename", "image"])
def test_paths_are_joined_as_those_of_label_tables(tmp_path, pictures, way, column):
    names = [WAYS[way](n) for n in range(12)]
    given = table(tmp_path, {column: names, "Part": ["Test"] * 11 + [""]})
    made = cell(tmp_path, pictures, given)
    assert (made.parts[:12] == "test").all()  # what has no part goes with its patient
    assert set(made.parts[12:]) == {"train", "val"}


def test_the_table_may_be_of_any_kind_and_folders_stand_for_what_they_hold(tmp_path, pictures):
    folder = pictures / "Ärzte"
    folder.mkdir()
    for n in range(12):
        (pictures / f"{n}.png").rename(folder / f"{n}.png")
    labels = pd.read_csv(pictures / "labels.csv")
    labels["path"] = [f"Ärzte/{path}" if n < 12 else path for n, path in enumerate(labels["path"])]
    labels.to_csv(pictures / "labels.csv", index=False)
    (tmp_path / "split.csv").write_bytes(
        unicodedata.normalize("NFD", "\ufefffile;part\r\nÄrzte;test\r\n").encode("utf-16-le")
    )
    made = cell(tmp_path, pictures, f"data.split.file={tmp_path / 'split.csv'}")
    assert (made.parts[:12] == "test").all()
    assert "test" not in made.parts[12:]
    pd.DataFrame({"path": ["Ärzte"], "part": ["test"]}).to_excel(tmp_path / "split.xlsx", index=False)
    again = cell(tmp_path, pictures, f"data.split.file={tmp_path / 'split.xlsx'}")
    assert (again.parts == made.parts).all()


def test_headers_name_images_of_a_given_split_also_those_that_are_left_out(tmp_path):
    rows = []
    for n in range(48):
        dicom(
            tmp_path / "in" / f"IM{n:02}", Modality="CT", PatientID=f"P{n // 2}", SeriesInstanceUID=f"1.2.4.{n // 2}",
            StudyInstanceUID=f"1.2.5.{n // 2}", AccessionNumber=f"00{n // 2 + 100}", SOPInstanceUID=f"1.2.3.{n}",
            ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER" if n == 0 else "AXIAL"], SOPClassUID=uid.CTImageStorage,
            RescaleIntercept=-1024, RescaleSlope=1,
        )  # fmt: skip
        rows.append((f"IM{n:02}", "ab"[n // 2 % 2]))
    pd.DataFrame(rows, columns=["path", "label"]).to_csv(tmp_path / "in" / "labels.csv", index=False)
    made = []
    for key, names in {
        "SOPInstanceUID": [f"1.2.3.{n}" for n in range(20)],  # the first is a localizer, which is left out
        "SeriesInstanceUID": [f"1.2.4.{n}" for n in range(10)],
        "AccessionNumber": [f"{n + 100}" for n in range(10)],
        "PatientID": [f"P{n}" for n in range(10)],
    }.items():
        given = table(tmp_path, {key: names, "part": ["test"] * len(names)})
        made.append(prepared(tmp_path / key, "data=dicom", f"data.root={tmp_path / 'in'}", given).parts)
    assert all((parts == made[0]).all() for parts in made)
    assert (made[0] == "test").sum() == 19
    strange = table(tmp_path, {"AccessionNumber": ["99"], "part": ["test"]})
    with pytest.raises(MedxferError, match="1 of its 1 values of AccessionNumber are not in the data set"):
        prepared(tmp_path, "data=dicom", f"data.root={tmp_path / 'in'}", strange)
