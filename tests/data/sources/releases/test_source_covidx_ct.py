"""COVIDx CT in its own layout: lists without a header, patients by a table and by names that many sources gave."""

import pytest
from releases import picture, prepared, split_of

from medxfer.base.errors import MedxferError
from medxfer.data.sources.releases.covidx_ct import BY_NAME, CovidxCt

# Name of a slice, as its source gave it, and the patient; {} is the slice's number.
NAMES = (
    ("CP_1_3120_{:04}.png", "CP_1"),
    ("CP_10_3121_{:04}.png", "CP_10"),  # begins with another patient's id
    ("CP_10_3122_{:04}.png", "CP_10"),  # a second scan
    ("NCP_10_1328_{:04}.png", "NCP_10"),
    ("Normal_1742_4_{:04}.png", "Normal_1742"),
    ("137covid_patient1_SR_2_IM{:05}.png", "137covid_patient1"),
    ("137covid_patient11_SR_2_IM{:05}.png", "137covid_patient11"),
    ("HUST-Patient7-{:04}.png", "HUST-Patient7"),
    ("volume-covid19-A-0672-{:04}.png", "volume-covid19-A-0672"),
    ("coronacases_003-{:04}.png", "coronacases_003"),
    ("study_0255-{:04}.png", "study_0255"),
)
CLASS = (1, 1, 1, 2, 0, 2, 2, 2, 2, 2, 2)


@pytest.fixture
def release(tmp_path):
    """Each source's slices in each part, under names of other patients (…00 in train, …01 in val, …02 in test)."""
    root = tmp_path / "covidx"
    patients = set()
    for place, part in enumerate(("train", "val", "test")):
        lines = []
        for (pattern, patient), kind in zip(NAMES, CLASS, strict=True):
            own = f"{patient}0{place}"
            patients.add(own)
            for number in range(3):
                name = pattern.replace(patient, own, 1).format(number)
                picture(root / "3A_images" / name)
                lines.append(f"{name} {kind} 1 2 9 11")
        (root / f"{part}_COVIDx_CT-3A.txt").write_text("\n".join(lines) + "\n")
    rows = [f"{patient},CNCB,China,F,77,Pneumonia" for patient in sorted(patients)]
    (root / "metadata.csv").write_text("\n".join(["patient id,source,country,sex,age,finding", *rows]) + "\n")
    return root


@pytest.mark.parametrize("table", [True, False])
def test_patients_are_those_of_the_table_or_of_the_names(release, table):
    if not table:
        (release / "metadata.csv").unlink()
    index = CovidxCt(str(release), "class").index()
    expected = [f"{patient}0{place}" for place in range(3) for _, patient in NAMES for _ in range(3)]
    assert index.images["patient"].tolist() == expected
    assert (BY_NAME in index.caveats) != table
    assert index.classes == ("COVID-19", "Normal", "Pneumonia")
    assert [index.classes[label] for label in index.labels[:12:3]] == ["Pneumonia"] * 3 + ["COVID-19"]
    assert ("age" in index.images) == table
    assert ("source" in index.table) == table


def test_an_image_that_the_table_does_not_name_has_a_patient_by_its_name(release):
    path = release / "metadata.csv"
    rows = path.read_text().splitlines()
    path.write_text("\n".join(row for row in rows if not row.startswith("CP_100")) + "\n")
    index = CovidxCt(str(release), "class").index()
    assert (index.images["patient"] == "CP_100").sum() == 3  # CP_10 of train is CP_1000
    assert (index.images["patient"] == "").sum() == 0
    assert BY_NAME in index.caveats


def test_the_official_parts_are_kept(release, tmp_path):
    cell = prepared(tmp_path, "data=covidx_ct", f"data.root={release}", "data.label=COVID-19")
    assert cell.store.classes == ("no COVID-19", "COVID-19")
    parts = split_of(cell, CovidxCt(str(release), "COVID-19"))
    for part, files in parts.items():
        listed = [line.split()[0] for line in (release / f"{part}_COVIDx_CT-3A.txt").read_text().splitlines()]
        assert {file.rpartition("/")[2] for file in files} == set(listed)
    assert any("boxes around the body are not applied" in caveat for caveat in cell.store.caveats)


def test_what_is_wrong_is_one_sentence(release):
    with pytest.raises(MedxferError, match=r"unknown data\.label 'covid-19': did you mean COVID-19"):
        CovidxCt(str(release), "covid-19").index()
    path = release / "val_COVIDx_CT-3A.txt"
    text = path.read_text()
    path.write_text(text.replace(" 1 2 9 11", "", 1))
    with pytest.raises(MedxferError, match=r"a line of val_COVIDx_CT-3A\.txt has not file, class and four numbers"):
        CovidxCt(str(release), "class").index()
    path.write_text(text + text.splitlines()[0] + "\n")
    with pytest.raises(MedxferError, match="or an image twice"):
        CovidxCt(str(release), "class").index()
    (release / "train_COVIDx_CT-2A.txt").write_text(text)
    with pytest.raises(MedxferError, match="holds the lists of 2A and 3A"):
        CovidxCt(str(release), "class").index()
    (release / "train_COVIDx_CT-2A.txt").unlink()
    path.unlink()
    with pytest.raises(MedxferError, match=r"holds no val_COVIDx_CT-3A\.txt, but another list"):
        CovidxCt(str(release), "class").index()


@pytest.mark.parametrize("score", ["mean", "max"])
def test_its_labels_are_of_slices_so_that_no_series_has_a_score(release, tmp_path, score):
    with pytest.raises(MedxferError, match=r"data\.score=m.*: all images are slices of no series .* data\.score=image"):
        prepared(tmp_path, "data=covidx_ct", f"data.root={release}", f"+data.score={score}")
