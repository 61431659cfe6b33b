"""Figures for a paper: column widths, embedded fonts, the page's own numbers; and references that resolve."""

import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from synthetic_study import write_study

from medxfer.analysis import answer, read_study
from medxfer.analysis.judge.verdict import judge
from medxfer.analysis.out.figure_files import paper_figures
from medxfer.analysis.out.print_drawing import COLOURS, STYLE, draw_panel
from medxfer.analysis.page.drawing import Axis, Panel, Row
from medxfer.analysis.page.layout import COLOURS as CLASSES

WIDTHS = {89.0, 183.0}  # mm


def width_mm(svg: Path) -> float:
    return float(ElementTree.parse(svg).getroot().attrib["width"].removesuffix("pt")) / 72 * 25.4


def test_a_study_gives_every_figure_with_its_fonts_and_what_is_cited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_study(tmp_path / "s", colormaps=["none", "viridis"], seeds=2, patients=24, fractions=[0.5, 1.0],
                         declared={"metric": "auroc"}, settings={"optimizer": "adamw"})  # fmt: skip
    out = tmp_path / "figures"
    verdict = answer(folder, figures=out)
    assert f"\nfigures: {out}\n" in capsys.readouterr().out
    names = ("intervals", "trainings", "roc", "learning", "figure1")
    assert {path.name for path in out.iterdir()} == {
        *(f"{name}.{kind}" for name in names for kind in ("pdf", "svg")),
        "captions.md", "methods.md", "references.bib", "table.tex",
    }  # fmt: skip
    for name in names:
        assert any(abs(width_mm(out / f"{name}.svg") - width) < 0.1 for width in WIDTHS)
        content = (out / f"{name}.pdf").read_bytes()
        assert b"/FontFile2" in content  # TrueType, embedded
        assert b"/Type3" not in content
        assert b"CreationDate" not in content
    methods, bib = (out / "methods.md").read_text(), (out / "references.bib").read_text()
    assert methods == (folder / "methods.md").read_text()
    keys = re.findall(r"^@\w+\{(\w+),$", bib, re.M)
    assert len(keys) == len(set(keys))
    assert sorted(re.findall(r"\. `(\w+)`$", methods, re.M)) == sorted(keys)
    body, listed = methods.split("## References")
    numbers = {int(n) for found in re.findall(r"\[([\d, ]+)\]", body) for n in found.split(", ")}
    assert numbers == {int(n) for n in re.findall(r"^(\d+)\. ", listed, re.M)}
    assert "author = {DeLong, E. R. and DeLong, D. M. and Clarke-Pearson, D. L.}," in bib
    assert "author = {Tejani, A. S. and others}," in bib
    assert bib.count("{") == bib.count("}")
    drawn = {figure.name: figure.figure for figure in paper_figures(read_study(folder), judge(read_study(folder)))}
    marks = [float(line.get_xdata()[0]) for line in drawn["intervals"].axes[0].lines if line.get_marker() == "o"]
    assert marks == pytest.approx([100 * finding.figures.estimate for finding in verdict.primary])


def test_long_names_take_two_columns() -> None:
    with mpl.rc_context(STYLE):
        for name, width in (("short", 89), ("finetune=last:2 − full, gray, pretrained weights, all data", 183)):
            rows = [Row(name, "+1.0 (−2.0 to +4.0)", span=(1.0, -2.0, 4.0))]
            figure = draw_panel(Panel([("", "", rows)], Axis(-5, 5), 1.0), "points")
            assert figure.get_size_inches()[0] * 25.4 == pytest.approx(width)


def test_every_colour_of_the_page_has_one_for_print() -> None:
    assert set(COLOURS) == {f"arm{k}" for k in range(CLASSES)}
    assert len(set(COLOURS.values())) == CLASSES
