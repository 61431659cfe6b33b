"""Tables of scores: what can be read, and one sentence for what cannot be judged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from score_tables import score_table

from medxfer.base.errors import MedxferError
from medxfer.scored import Question, read_score_table, write_table_study


def written(folder: Path, table: pd.DataFrame) -> Path:
    table.to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


@pytest.mark.parametrize("kind", ["csv", "european", "xlsx", "parquet"])
def test_every_format_gives_the_same_numbers(tmp_path: Path, kind: str) -> None:
    table, path = score_table(seeds=(0, 1), patients=10), tmp_path / f"t.{kind}"
    if kind == "xlsx":
        pytest.importorskip("openpyxl")
        table.to_excel(path, index=False)
    elif kind == "parquet":
        table.to_parquet(path)
    else:
        european = kind == "european"
        table.to_csv(path, index=False, sep=";" if european else ",", decimal="," if european else ".")
    found = read_score_table(path)
    np.testing.assert_allclose(found.scores[:, 1], table["score"], rtol=1e-12)
    np.testing.assert_array_equal(found.labels, table["label"])
    assert found.rows["seed"].tolist() == table["seed"].tolist()
    assert (found.task, found.classes, found.arms) == ("binary", ("label 0", "label 1"), "arm")


def test_several_classes_and_several_labels_are_read(tmp_path: Path) -> None:
    table = score_table(patients=12).drop(columns="score")
    table["label"] = table["label"].map({0: "benign", 1: "mass"})
    three = table.assign(score_mass=0.5, score_benign=0.3, score_cyst=0.2)
    three.loc[three.index % 24 < 4, "label"] = "cyst"
    found = read_score_table(written(tmp_path, three))
    assert (found.task, found.classes) == ("multiclass", ("mass", "benign", "cyst"))
    assert found.scores[0].tolist() == [0.5, 0.3, 0.2]
    labels = table.drop(columns="label").assign(
        label_a=table.index % 2, label_b=table.index % 3 == 0, score_a=0.9, score_b=0.8
    )
    labels["label_b"] = labels["label_b"].astype(int)
    found = read_score_table(written(tmp_path, labels))
    assert (found.task, found.classes, found.labels.shape) == ("multilabel", ("a", "b"), (len(table), 2))


def test_the_positive_label_is_never_guessed(tmp_path: Path) -> None:
    table = score_table(patients=8)
    table["label"] = table["label"].map({0: "normal", 1: "malignant"})
    path = written(tmp_path, table)
    with pytest.raises(MedxferError, match="score is the probability of malignant or of normal; say which by positive"):
        read_score_table(path)
    found = read_score_table(path, positive="malignant")
    assert found.classes == ("normal", "malignant")
    np.testing.assert_array_equal(found.labels, (table["label"] == "malignant").astype(int))


def cut(column: str, name: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: table.rename(columns={column: name})


def put(column: str, value: object, row: int = 3) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table = table.astype({column: object})
        table.loc[row, column] = value
        return table

    return change


BAD = {
    "patient": (cut("patient", "patient_id"), "no column 'patient' (the nearest is 'patient_id'); it has arm, seed, "),
    "score": (cut("score", "scores"), "no column 'score' (the nearest is 'scores')"),
    "label": (cut("label", "Label"), "no column 'label' (the nearest is 'Label')"),
    "arm": (cut("arm", "arms"), "no column 'arm' (the nearest is 'arms')"),
    "logit": (put("score", -2.3), "score -2.3 of the image 'SECRET-IMG-003' is outside 0–1, and so are 0 more; "
              "probabilities are asked: of logits give the sigmoid"),
    "nan": (put("score", float("nan")), "score is missing in 1 row (the first has the image 'SECRET-IMG-003')"),
    "text": (put("score", "high"), "score is 'high' in 1 row"),
    "two labels": (put("label", 0), "the image 'SECRET-IMG-003' has two labels; every row of an image needs the same"),
    "two patients": (put("patient", "X"), "the image 'SECRET-IMG-003' has two patients"),
    "no patient": (put("patient", ""), "1 row without patient (the first is row 4); fill it"),
    "no patient, tested": (lambda table: put("patient", "")(table.assign(split=["val", *["test"] * (len(table) - 1)])),
                           "1 row without patient (the first is row 4); fill it"),
    "other images": (lambda table: table.drop(index=3),
                     "arm color, seed 0 scored 20 images and arm gray, seed 0 19 ('SECRET-IMG-003' is in one alone)"),
    "seeds": (lambda table: table[(table["arm"] == "gray") | (table["seed"] == 0)],
              "arm color has seed 0 and arm gray has seeds 0, 1 and 2; trainings are paired by seed"),
    "twice": (lambda table: pd.concat([table, table[:1]]),
              "the image 'SECRET-IMG-000' stands twice in arm gray, seed 0; give each image one row a training"),
    "one class": (lambda table: table.assign(label=1), "all images have the label '1'"),
    "one arm": (lambda table: table[table["arm"] == "gray"], "arm is gray in all rows; a comparison needs two arms"),
    "several": (lambda table: table.assign(label=table.index % 20 % 3),
                "3 labels (0, 1 and 2) and one column score; give a column score_<class> for each"),
    "sum": (lambda table: table.assign(score_0=table.pop("score"), score_1=0.9), "not 1; give probabilities (softmax)"),
    "fold": (lambda table: table.assign(fold=table.index % 2),
             "the patient 'DOE^JOHN0' is in two folds of arm gray, seed 0; all images of a patient are"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_judged_is_one_sentence(tmp_path: Path, name: str) -> None:
    change, said = BAD[name]
    path = written(tmp_path, change(score_table(patients=10)))
    with pytest.raises(MedxferError) as raised:
        write_table_study(read_score_table(path), path, tmp_path / "out", Question(reference="gray"), "")
    text = str(raised.value)
    assert said in text
    assert "\n" not in text
    assert not (tmp_path / "out" / "study.json").exists()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Question(), "say by with= which arm the others are compared with: gray or color"),
        (Question("grey"), "unknown arm 'grey': did you mean gray?"),
    ],
)
def test_what_is_asked_must_be_in_the_table(tmp_path: Path, asked: Question, said: str) -> None:
    path = written(tmp_path, score_table(patients=10))
    with pytest.raises(MedxferError, match=said.replace("(", r"\(")):
        write_table_study(read_score_table(path), path, tmp_path / "out", asked, "")


def test_a_factor_that_was_not_read_is_named_where_rows_stand_twice(tmp_path: Path) -> None:
    table = score_table(patients=10)
    path = written(tmp_path, pd.concat([table.assign(loss="a"), table.assign(loss="b")]))
    with pytest.raises(MedxferError, match="if loss tells them apart, name it by compare="):
        write_table_study(read_score_table(path), path, tmp_path / "out", Question("gray"), "")


def test_a_trained_study_or_anything_else_is_never_overwritten(tmp_path: Path) -> None:
    path, out = written(tmp_path, score_table(patients=10)), tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(MedxferError, match="the folder is not empty; give a new one by out="):
        write_table_study(read_score_table(path), path, out, Question("gray"), "")
    (out / "study.json").write_text('{"declared": {}}')
    with pytest.raises(MedxferError, match="a study that medxfer trained lies there"):
        write_table_study(read_score_table(path), path, out, Question("gray"), "")
    assert (out / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("column", ["image", "patient"])
def test_names_that_a_spreadsheet_has_rounded_are_refused(tmp_path: Path, column: str) -> None:
    table = score_table(patients=10)
    table[column] = table[column].astype(object)
    table.loc[0, column] = "1.23E+09"
    with pytest.raises(MedxferError, match=rf"t\.csv: the column '{column}': a spreadsheet has rounded"):
        read_score_table(written(tmp_path, table))
