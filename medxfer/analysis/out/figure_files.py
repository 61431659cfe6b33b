"""The page's figures for a paper: the same panels and charts as PDF and SVG, at a column's width."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from medxfer.analysis.judge.phrases import metric_name
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.out.print_drawing import BOTH, COLUMN, STYLE, draw_charts, draw_panel
from medxfer.analysis.page.layout import Section
from medxfer.analysis.page.learning_charts import learning_sections
from medxfer.analysis.page.operating_charts import operating_sections
from medxfer.analysis.page.panels import answers, trainings
from medxfer.analysis.page.roc_pairs import roc_pairs
from medxfer.base.errors import MedxferError
from medxfer.base.files import whole_file, write_text

FORMATS = ("pdf", "svg")
MOST = 9  # charts in one figure
UNDATED = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}  # so that the same study gives the same file


@dataclass(frozen=True)
class PaperFigure:
    name: str  # of its files
    caption: str
    figure: Figure


def write_figures(study: StudyRecord, verdict: Verdict, folder: Path, texts: Mapping[str, str]) -> None:
    """Write intervals, trainings, roc, learning and figure1 (those that the study has) and captions.md into `folder`.

    `texts` lie beside them, by their names. Raises MedxferError where the folder cannot be written.
    """
    with mpl.rc_context(STYLE):
        found = [*paper_figures(study, verdict), *_figure1(study)]
        captions = [f"**{one.name}.** {one.caption}" for one in found]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for one in found:
                for kind in FORMATS:
                    with whole_file(folder / f"{one.name}.{kind}") as file:
                        one.figure.savefig(file, format=kind, metadata=UNDATED[kind])
            for name, text in {**texts, "captions.md": "\n\n".join(captions) + "\n"}.items():
                write_text(folder / name, text)
        except OSError as error:
            raise MedxferError(
                f"figures={folder}: cannot be written ({error.strerror}); give another folder"
            ) from error


def paper_figures(study: StudyRecord, verdict: Verdict) -> Iterator[PaperFigure]:
    """The answers' intervals, every training, ROC curves and learning curves, in the style of matplotlib's rc."""
    metric = metric_name(study.declared.metric)
    if panel := answers(verdict):
        yield PaperFigure("intervals", panel.caption, draw_panel(panel, f"difference in {metric}, points"))
    dots = trainings(study, verdict)
    for number, panel in enumerate(dots, 1):
        title = panel.groups[0][0]
        caption = (
            f"Every training on {title}. Dots: trainings; upright bar: their mean; line: its interval over trainings "
            "and patients, not adjusted; dotted: chance."
        )
        name = _numbered("trainings", number, len(dots))
        yield PaperFigure(name, caption, draw_panel(panel, f"{metric}, points"))
    pairs = list(roc_pairs(study))
    roc = pairs or [one for one in operating_sections(study, verdict) if one.id == "roc"]
    yield from _charts("roc", roc, square=True)
    yield from _charts("learning", learning_sections(study, verdict))


def _figure1(study: StudyRecord) -> Iterator[PaperFigure]:
    """The study's colormaps on phantoms; nothing of a table of scores, which does not tell what networks saw."""
    from medxfer.analysis.page.pictures import phantom_figure  # with torch

    if study.declared.table:
        return
    figure, caption = phantom_figure(study)
    width, height = figure.get_size_inches()
    size = (COLUMN if width < 5 else BOTH) / width
    figure.set_size_inches(size * width, size * height)
    yield PaperFigure("figure1", caption, figure)


def _charts(name: str, sections: Iterable[Section], square: bool = False) -> Iterator[PaperFigure]:
    for section in sections:
        charts = [section.charts[i : i + MOST] for i in range(0, len(section.charts), MOST)]
        for number, some in enumerate(charts, 1):
            text = re.sub(r"\s+", " ", " ".join(section.text))
            yield PaperFigure(_numbered(name, number, len(charts)), text, draw_charts(some, section.key, square))


def _numbered(name: str, number: int, of: int) -> str:
    return name if of == 1 else f"{name}-{number}"
