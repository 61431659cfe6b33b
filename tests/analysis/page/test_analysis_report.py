import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from synthetic_study import record_flow, records, scored, write_study

from medxfer.analysis import read_study
from medxfer.analysis.judge.results_table import columns, results_csv
from medxfer.analysis.judge.verdict import judge
from medxfer.analysis.out.paper import answers_markdown
from medxfer.analysis.page import page
from medxfer.analysis.page.arm_tables import confusion_section
from medxfer.analysis.page.training_curves import training_curves
from medxfer.report import main, report

VOID = {"meta", "link", "img", "input", "br", "hr", "col"}


class Outline(HTMLParser):
    """Checks that elements nest, and gathers text, ids and what a page would load.

    `seen` holds the words that are read without unfolding anything, before the table of cells; labels of axes apart.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"]] if values.get("id") else []
        self.loads += [values["src"] or ""] if "src" in values else []
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.stack or self.stack[-1] not in ("style", "script"):
            self.text.append(data)
            folded = "details" in self.stack and "summary" not in self.stack
            if "cells" not in self.ids and not folded and "svg" not in self.stack and "head" not in self.stack:
                self.seen += data.split()


def outline(folder: Path) -> Outline:
    found = Outline()
    found.feed((folder / "report.html").read_text(encoding="utf-8"))
    assert found.stack == []
    assert len(found.ids) == len(set(found.ids))
    return found


@pytest.mark.parametrize(
    "options",
    [
        {"colormaps": ["none"], "pretrained": [True]},
        {},
        {"seeds": 3, "data": ("phantom_ct", "phantom_dx"), "backbones": ("a", "b")},
        {"failed": [{}]},
        {"missing": [{}]},
        {"seeds": 2, "missing": [{"seed": 1, "colormap": "none"}], "classes": 3},
        {"tuned": {"lr": [1e-3, 1e-4]}, "seeds": 2},
        {"fractions": (0.25, 1.0), "seeds": 2},
    ],
    ids=["one cell", "one seed", "CT and DX", "all failed", "all missing", "holes", "tuned", "fractions"],
)
def test_every_study_gets_its_files(tmp_path: Path, options: dict) -> None:
    folder = write_study(tmp_path / "s", **options)
    verdict = report(folder)
    for name in ("results.csv", "verdict.json", "report.html", "methods.md", "table.md", "table.tex"):
        assert (folder / name).stat().st_size > 0
    text = " ".join(" ".join(outline(folder).text).split()).replace("\u00a0", " ")
    for answer in verdict.answers:
        assert answer.question in text
        assert answer.headline in text


def test_what_is_read_before_the_table_of_cells_is_short(tmp_path: Path) -> None:
    folder = record_flow(write_study(tmp_path / "s", seeds=3), 300)
    verdict = report(folder)
    assert len(verdict.designs) == 2  # the sentences on other divisions too
    assert len(outline(folder).seen) <= 500


def test_what_is_exploratory_is_folded_once(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=3, data=("phantom_ct", "phantom_dx"))
    verdict = report(folder)
    html = (folder / "report.html").read_text(encoding="utf-8")
    before, _, folded = html.partition("<summary>Exploratory: what does not answer the questions</summary>")
    for table in verdict.tables:
        assert table.title not in before
        assert folded.count(f"<h3>{table.title}</h3>") == 1


def test_decisions_classes_and_the_way_of_the_images(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=2)
    report(folder)
    text = " ".join(" ".join(outline(folder).text).split()).replace("\u00a0", " ")
    assert "phantom_dx, DX: lesion (positive, 50 % of the test images) against no lesion." in text
    assert "received 442 refused: no pixel data 2 train 200 100 val 120 60 60 / 30 60 / 30 test 120 60 60 / 30" in text
    assert "Arm sensitivity specificity PPV NPV TP FP FN TN none × pretrained" in text
    assert "Arm slope intercept none × pretrained" in text
    assert "Precision and recall" not in text


def test_rare_positives_get_precision_and_recall(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=2, colormaps=["none"])
    for _, frame in scored(folder):
        frame.drop(frame[frame["label"].ne(0) & ~frame["patient"].str.endswith("1")].index, inplace=True)
    report(folder)
    text = " ".join(" ".join(outline(folder).text).split())
    assert "Precision and recall" in text


def test_chance_is_drawn_where_the_axis_reaches_it(tmp_path: Path) -> None:
    for name, effect in (("learned", 0.0), ("blind", -2.0)):
        folder = write_study(tmp_path / name, seeds=2, effect=lambda _, effect=effect: effect)
        report(folder)
        drawn = (folder / "report.html").read_text(encoding="utf-8").count('class="chance"')
        assert drawn == (6 if name == "blind" else 0)


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=2)
    report(folder)
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert "http://" not in html
    assert "https://" not in html
    assert all(load.startswith("data:") for load in outline(folder).loads)


def test_what_comes_from_outside_is_escaped(tmp_path: Path) -> None:
    evil = "<script>alert('x')</script>"
    folder = write_study(
        tmp_path / "s", data=[evil], colormaps=["none", evil], backbones=[evil], caveats=[evil], command=evil,
        settings={evil: evil}, failed=[{"colormap": evil, "pretrained": False}],
    )  # fmt: skip
    report(folder)
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert evil not in html
    assert "alert(&#39;x&#39;)" in html
    assert html.count("<script>") == 1


def test_another_column_of_the_table_of_cells_is_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_study(tmp_path / "s", colormaps=["none"], failed=[{"pretrained": False}])
    minutes = {"minutes": lambda cell: cell.record["timings"]["total_s"] / 60 if cell.record else None}
    monkeypatch.setattr(page, "columns", lambda study: columns(study) | minutes)
    study = read_study(folder)
    html = page.render_page(study, judge(study))
    assert '<button type="button">minutes</button>' in html
    assert '<td data-value="0.22333' in html
    assert "minutes" not in results_csv(study)


def test_factors_that_all_cells_share_stand_above_the_table_of_cells(tmp_path: Path) -> None:
    answered = write_study(tmp_path / "s", seeds=2, fractions=(0.5, 1.0))
    report(answered)
    html = (answered / "report.html").read_text(encoding="utf-8")
    assert "All: data=phantom_dx, backbone=tf_efficientnet_lite0, window=40/400, image_size=64." in html
    headings = re.findall(r'<button type="button">([^<]+)</button>', html)
    assert headings[:4] == ["colormap", "pretrained", "train fraction", "seed"]


def test_reporting_twice_gives_the_same_files(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=2)
    names = ("results.csv", "verdict.json", "report.html", "methods.md", "table.md", "table.tex")
    report(folder)
    first = {name: (folder / name).read_bytes() for name in names}
    report(folder)
    assert {name: (folder / name).read_bytes() for name in names} == first


def test_the_terminal_shows_arms_answers_and_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_study(tmp_path / "s", seeds=2)
    assert main([f"study={folder}"]) == 0
    shown = capsys.readouterr().out
    for part in ("viridis", "RQ1", "RQ2", "2 done", "report.html"):
        assert part in shown
    assert "figures:" not in shown


@pytest.mark.parametrize("arguments", [[], ["study="]])
def test_wrong_arguments_get_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    assert "study=DIR" in capsys.readouterr().err


def test_a_folder_that_is_no_study_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"study={tmp_path}"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_papers_tables_hold_every_contrast_and_escape_names(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=("none", "a_b|c&d"), seeds=2)
    verdict = report(folder)
    markdown, latex = ((folder / name).read_text(encoding="utf-8") for name in ("table.md", "table.tex"))
    assert r"| RQ1 | a_b\|c&d − none, pretrained |" in markdown
    assert r"RQ1 & a\_b|c\&d $-$ none, pretrained &" in latex
    contrasts = len(verdict.primary) + sum(len(table.findings) for table in verdict.tables)
    assert markdown.count("\n| RQ") == contrasts
    assert latex.count(r"\\") == contrasts + len(verdict.arms) + 3
    assert "phantom_dx" in markdown


def test_the_papers_tables_keep_arms_primary_and_exploratory_contrasts_apart(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=2, failed=[{"colormap": "inferno", "pretrained": False, "seed": 1}])
    report(folder)
    markdown, latex = ((folder / name).read_text(encoding="utf-8") for name in ("table.md", "table.tex"))
    arms, primary, exploratory = markdown.split("\n\n", 1)[0], *markdown.split("\n| Question")[1:]
    assert "in points (hundredths), with 95 % intervals over trainings and patients, not adjusted" in arms
    assert "phantom_dx, 60 patients (30 no lesion, 30 lesion)" in arms
    assert "| Arm | balanced accuracy | accuracy | AUROC | Trainings |" in markdown
    assert "| 1 of 2 |" in markdown
    assert primary.count("\n| RQ") == 3
    assert "viridis − none, random weights" in exploratory
    assert "Exploratory contrasts, which answer no question" in markdown
    assert "95 % intervals, simultaneous within RQ1 (Dunnett); p adjusted within it (step-down Dunnett)" in markdown
    assert [latex.count(rf"\label{{tab:{name}}}") for name in ("arms", "primary", "exploratory")] == [1, 1, 1]


def test_the_answers_in_markdown(tmp_path: Path) -> None:
    verdict = judge(read_study(write_study(tmp_path / "s", caveats=["phantoms"])))
    text = answers_markdown(verdict)
    for answer in verdict.answers:
        assert f"## {answer.question}: {answer.asks}\n\n**{answer.headline}**" in text
    assert "> phantom_dx: phantoms" in text
    assert "| Question |" in text


def test_where_the_uncertainty_comes_from_has_a_column_for_each_contrast(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=3, backbones=("a", "b"))
    verdict = report(folder)
    text = " ".join(" ".join(outline(folder).text).split()).replace("\u00a0", " ")
    assert "In figures RQ1: viridis − none RQ1: inferno − none RQ2: pretrained − random" in text
    figures = [finding.figures for finding in verdict.primary]
    shares = [100 * f.from_trainings for f in figures]
    assert f"variance from trainings {' '.join(f'{share:.0f} %' for share in shares)}" in text
    assert f"df of trainings {' '.join(f'{f.df_trainings:.1f}' for f in figures)}" in text
    assert "covariance over blocks" in text
    assert "simulated error" in text


def test_one_block_and_one_training_have_fewer_figures(tmp_path: Path) -> None:
    report(write_study(tmp_path / "s", seeds=1))
    text = " ".join(" ".join(outline(tmp_path / "s").text).split())
    assert "df of patients" in text
    assert "df of trainings" not in text
    assert "covariance over blocks" not in text


def test_a_simulated_level_that_was_missed_stands_beside_the_answer(tmp_path: Path) -> None:
    """Two trainings whose differences between weights all rise with the seed: correlated, from trainings alone."""
    rise = {(True, 0): 0.0, (True, 1): 3.0, (False, 0): 0.0, (False, 1): 0.0}
    folder = write_study(
        tmp_path / "s", seeds=2, seed_noise=0.0, effect=lambda f: rise[f["pretrained"], f["seed"]], patients=200
    )
    verdict = report(folder)
    note = verdict.answers[1].notes[-1]
    assert note.startswith("In simulated studies like this one (2 seeds, correlated by 0.9 within the same weights")
    before = (folder / "report.html").read_text(encoding="utf-8").partition('id="trainings"')[0]
    assert "of families erred, not 5" in before


def test_training_curves_show_every_training_and_the_epoch_tested(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=2, colormaps=["none"])
    (section,) = training_curves(read_study(folder))
    assert [chart.title for chart in section.charts] == ["none × pretrained: loss", "none × random: loss"]
    lines = section.charts[0].lines
    assert [list(line.x) for line in lines if not line.marks] == [[1.0, 2.0, 3.0]] * 4
    assert {tuple(line.x) for line in lines if line.marks} == {(3.0,)}
    assert lines[0].y == pytest.approx([0.7, 0.35, 0.7 / 3])


def test_without_a_history_there_are_no_curves(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", colormaps=["none"])
    for record in records(folder):
        record.update({"epochs": record["epochs"][:1], "best_epoch": 0})
    assert list(training_curves(read_study(folder))) == []


def test_ensembles_are_exploratory_and_say_over_what_their_intervals_are(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", seeds=2, pretrained=[True])
    report(folder)
    html = (folder / "report.html").read_text(encoding="utf-8")
    before, _, folded = html.partition("<summary>Exploratory: what does not answer the questions</summary>")
    assert "Ensemble" not in before
    assert "intervals are over patients alone" in folded.replace("\u00a0", " ")
    assert "none × pretrained + viridis × pretrained" in folded


def test_three_classes_have_a_confusion_matrix_and_two_do_not(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path / "three", seeds=2, classes=3, colormaps=["none"], patients=30))
    (section,) = confusion_section(study)
    table = section.tables[0]
    assert table.title == "none × pretrained"
    counts = [[float(value) for value in row[1:4]] for row in table.rows]
    assert [sum(row) for row in counts] == [20, 20, 20]
    right = sum(row[k] for k, row in enumerate(counts))
    cells = [cell for cell in study.done if cell.arm == ("none", True)]
    accuracy = sum(cell.score("test/accuracy") for cell in cells) / len(cells)
    assert right / 60 == pytest.approx(accuracy)
    assert list(confusion_section(read_study(write_study(tmp_path / "two", colormaps=["none"])))) == []
