"""Who was in each part of the data, on the page and in methods.md; what is classified in each kind of task."""

from pathlib import Path
from typing import Any

from synthetic_study import records, scored, several_labels, write_study

from medxfer.analysis import read_study
from medxfer.analysis.judge.flow import flows
from medxfer.analysis.judge.provenance import provenance
from medxfer.analysis.judge.verdict import judge
from medxfer.analysis.out.methods import methods
from medxfer.analysis.page.flow_table import flow_sections

PEOPLE = {
    "age": {"known": 60, "median": 61.0, "low": 52.5, "high": 68.0},
    "sex": {"female": 24, "male": None, "other": 0},
    "scanner": {"A": 40, "B": 20},
}


def record_flow(folder: Path, people: dict[str, Any]) -> None:
    """Add to every cell what training records of its data."""
    for record in records(folder):
        images, patients = record["data"]["images"], record["data"]["patients"]
        halves = {
            part: {"images": [n // 2, n // 2], "patients": [patients[part] // 2] * 2} for part, n in images.items()
        }
        record["data"]["flow"] = {
            "received": {"files": 452, "patients": 225}, "used": {"images": 450, "patients": 224},
            "by_class": halves, "people": people,
        }  # fmt: skip


def shown(folder: Path) -> str:
    (section,) = flow_sections(read_study(folder))
    rows = [" ".join(filter(None, row)) for table in section.tables for row in (table.head, *table.rows)]
    return " | ".join([*section.text, *rows])


def test_the_flow_has_classes_and_patients_of_every_part(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=["none"])
    old = shown(folder)
    assert "| train 200 100 | val" in old  # a study of an earlier version
    record_flow(folder, {"train": PEOPLE, "val": {}, "test": PEOPLE})
    text = shown(folder)
    assert "received 452 225 | refused: no pixel data 2 | used 450 224 | not trained with (train_fraction) 10 4" in text
    assert "train 200 100 100 / 50 100 / 50 | val 120 60 60 / 30 60 / 30 | test 120 60 60 / 30 60 / 30" in text
    assert "age in years: median (quartiles) 61 (52.5–68) 61 (52.5–68) | age known 60 0 60" in text
    assert "sex: female 24 0 24 | sex: male < 5 0 < 5 | scanner: A 40 0 40 | scanner: B 20 0 20" in text
    assert "from 1 to 4 is shown as < 5" in text


def test_folds_have_ranges_and_a_patient_of_two_sites_counts_once(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=["none"], sites=("A", "B", "C"), images_per_patient=1)
    for record, frame in scored(folder):
        fold = record["factors"]["fold"]
        record["data"]["images"]["train"] = record["data"]["patients"]["train"] = 50 + fold
        first = frame.index[frame["split"] == "test"][0]
        frame.loc[first, "patient"] = "at every site"
    study = read_study(folder)
    text = shown(folder)
    (made,) = [facts for facts in provenance(study) if facts.title.startswith("Data: ")]
    assert dict(made.pairs)["train"] == "50–52 images of 50–52 patients in a fold"
    assert dict(made.pairs)["test"] == "60 images of 58 patients in all 3 folds"
    told = methods(study, judge(study))[0]
    assert "Training had 50–52 images of 50–52 patients in a fold" in told
    assert "test had 60 images of 58 patients" in told
    assert "every image was tested once a training, and a patient with images at several at each" in told
    assert "| train, a fold 50–52 50–52 |" in text
    assert "| test, all folds 60 58 " in text
    assert "A patient with images at several sites is tested at each, and counts once." in text


def test_where_nothing_is_known_of_patients_there_is_no_table_of_them(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=["none"])
    record_flow(folder, {"train": {}, "val": {}, "test": {}})
    (section,) = flow_sections(read_study(folder))
    assert len(section.tables) == 1
    assert "< 5" not in " ".join(section.text)


def test_the_methods_tell_age_and_sex_and_leave_the_rest_to_the_authors(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=["none"])
    study = read_study(folder)
    before = methods(study, judge(study))[0]
    assert "Median age" not in before
    assert "age and sex by part" not in before
    record_flow(folder, {"train": PEOPLE, "val": {}, "test": PEOPLE})
    study = read_study(folder)
    text = methods(study, judge(study))[0]
    assert "Median age (quartiles) was, in years, 61 (52.5 to 68) in training and 61 (52.5 to 68) in test." in text
    assert "By sex, patients were 24 female and fewer than 5 male in training; 24 female" in text
    assert "Images came from 2 scanners." in text
    assert "Training had 200 images of 100 patients (100 no lesion, 100 lesion)" in text
    answered, _, authors = text.partition("Only the authors can answer:")
    assert "age and sex by part" in answered
    assert "other demographic and clinical characteristics" in authors


def test_several_classes_and_labels_are_named_with_how_common_they_are(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "several", colormaps=["none"], classes=3)
    share = "33.3 % of the test images"
    assert f"phantom_dx, DX: one of class 0 ({share}), class 1 ({share}) and class 2 ({share})." in shown(folder)
    assert "(DX, 33.3 % class 0, 33.3 % class 1 and 33.3 % class 2)" in judge(read_study(folder)).scope
    folder = write_study(tmp_path / "labels", colormaps=["none"])
    several_labels(folder, lambda frame: frame.index % 4 == 0, lambda frame: frame["label"])
    study = read_study(folder)
    assert flows(study)[0].shares == {"mass": 0.25, "lesion": 0.5}
    said = "labels, any of which an image may have: mass (25 % of the test images) and lesion (50 % of the test images)"
    assert said in shown(folder)
    assert "(DX, 25 % mass and 50 % lesion)" in judge(study).scope


def test_patients_of_a_training_of_folds_are_those_of_all_its_folds(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=["none"], folds=3)
    record_flow(folder, {"train": {}, "val": {}, "test": PEOPLE | {"sex": {"female": 1}}})
    for record in records(folder):
        record["data"]["flow"]["people_tested"] = PEOPLE
    text, study = shown(folder), read_study(folder)
    assert "Patients all that are tested | age in years: median (quartiles) 61 (52.5–68) | age known 60 |" in text
    told = methods(study, judge(study))[0]
    assert "By sex, patients were 24 female and fewer than 5 male in all that are tested." in told
