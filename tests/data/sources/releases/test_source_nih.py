"""NIH ChestX-ray14 in its own layout: twelve folders, a header with commas, official lists."""

import pytest
from releases import picture, prepared, split_of

from medxfer.base.errors import MedxferError
from medxfer.data.sources.releases.nih import FINDINGS, NihChestXray14

HEADER_2017 = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)


@pytest.fixture
def release(tmp_path):
    """Forty patients of one or two images in three folders; a quarter of the patients is the official test part."""
    root = tmp_path / "nih"
    rows, lists = [], {"train_val_list.txt": [], "test_list.txt": []}
    for patient in range(1, 41):
        for visit in range(1 + patient % 2):
            name = f"{patient:08}_{visit:03}.png"
            picture(root / f"images_{patient % 3 + 1:03}" / "images" / name)
            found = [f for i, f in enumerate(FINDINGS[:3]) if patient % (i + 2) == 0] or ["No Finding"]
            rows.append(f"{name},{'|'.join(found)},{visit},{patient},058Y,M,PA,2682,2749,0.143,0.143,")
            lists["test_list.txt" if patient % 4 == 1 else "train_val_list.txt"].append(name)
    (root / "Data_Entry_2017.csv").write_text("\n".join([HEADER_2017, *rows]) + "\n")
    for name, names in lists.items():
        (root / name).write_text("\n".join(names) + "\n")
    return root


THREE = list(FINDINGS[:3])


@pytest.mark.parametrize(
    "header",
    [
        HEADER_2017,
        HEADER_2017.replace("Gender", "Sex").rstrip(","),
        HEADER_2017.replace("[Width,Height]", "Width,Height"),
    ],
)
def test_every_version_of_the_table_is_read_by_its_columns(release, header):
    path = release / "Data_Entry_2017.csv"
    path.write_text(path.read_text().replace(HEADER_2017, header))
    index = NihChestXray14(str(release), THREE).index()
    assert index.images["patient"].nunique() == 40
    assert index.images["file"][0] == "images_002/images/00000001_000.png"
    assert index.classes == tuple(THREE)
    assert index.labels[index.images["patient"] == "6"].tolist() == [[1, 1, 0]]
    assert index.labels[index.images["patient"] == "1"].tolist() == [[0, 0, 0]] * 2


def test_one_finding_is_a_binary_task(release):
    index = NihChestXray14(str(release), "Effusion").index()
    assert (index.classes, index.task) == (("no Effusion", "Effusion"), "binary")


def test_the_official_test_list_is_kept_and_validation_is_drawn_by_patient(release, tmp_path):
    cell = prepared(tmp_path, "data=nih", f"data.root={release}", f"data.label=[{','.join(THREE)}]")
    parts = split_of(cell, NihChestXray14(str(release), THREE))
    named = {part: {file.rpartition("/")[2] for file in files} for part, files in parts.items()}
    assert named["test"] == set((release / "test_list.txt").read_text().split())
    patients = {part: {name[:8] for name in names} for part, names in named.items()}
    assert patients["train"].isdisjoint(patients["val"])
    assert len(patients["val"]) > 2
    again = prepared(
        tmp_path,
        "data=nih",
        f"data.root={release}",
        f"data.label=[{','.join(THREE)}]",
        "data.split.resample=true",
        "seed=7",
    )
    redrawn = split_of(again, NihChestXray14(str(release), THREE))
    assert redrawn["test"] == parts["test"]
    assert redrawn["val"] != parts["val"]


def test_without_its_lists_the_record_says_so(release):
    for name in ("train_val_list.txt", "test_list.txt"):
        (release / name).unlink()
    index = NihChestXray14(str(release), THREE).index()
    assert set(index.images["split"]) == {""}
    assert any("not the official split" in caveat for caveat in index.caveats)


def test_what_is_wrong_is_one_sentence(release):
    with pytest.raises(MedxferError, match="'Infiltration' is absent from all images"):
        NihChestXray14(str(release), "all").index()
    with pytest.raises(MedxferError, match=r"unknown data\.label 'Efusion': did you mean Effusion"):
        NihChestXray14(str(release), ["Efusion"]).index()
    (release / "test_list.txt").write_text("00000001_000.png\n")
    with pytest.raises(MedxferError, match="images are in neither of"):
        NihChestXray14(str(release), THREE).index()
    (release / "test_list.txt").unlink()
    with pytest.raises(MedxferError, match=r"holds no test_list\.txt, but the other list"):
        NihChestXray14(str(release), THREE).index()


def test_views_are_kept_by_the_releases_own_table(release, tmp_path):
    path = release / "Data_Entry_2017.csv"
    header, *rows = path.read_text().splitlines()
    rows = [row.replace(",PA,", ",AP,") if n % 3 == 0 else row for n, row in enumerate(rows)]
    path.write_text("\n".join([header, *rows]) + "\n")
    arguments = ("data=nih", f"data.root={release}", "data.label=Atelectasis")
    kept = prepared(tmp_path, *arguments, "data.keep.view=pa").store
    assert len(kept) == sum(",PA," in row for row in rows)
    assert kept.rejected == {"by rule: data.keep.view": sum(",AP," in row for row in rows)}
    assert len(prepared(tmp_path, *arguments, "data.keep.view=[PA,AP]").store) == len(rows)
    with pytest.raises(MedxferError, match=r"data\.keep leaves no image of 60 \(60 by rule: data\.keep\.view\)"):
        prepared(tmp_path, *arguments, "data.keep.view=L*")
