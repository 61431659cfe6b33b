"""One study's answer: judged, drawn, written into its folder and printed."""

from pathlib import Path

from platformdirs import user_cache_path

from medxfer.analysis.judge.looking import looked_at
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.results_table import results_csv
from medxfer.analysis.judge.study_reader import read_study
from medxfer.analysis.judge.verdict import Verdict, judge
from medxfer.analysis.out.methods import methods
from medxfer.analysis.out.paper import latex_tables, markdown_tables, paper_tables
from medxfer.analysis.out.references import bibliography
from medxfer.analysis.out.summary import print_summary
from medxfer.analysis.page.page import render_page
from medxfer.base.errors import MedxferError
from medxfer.base.files import write_text
from medxfer.study.cell import COLOR_FILE
from medxfer.study.look_record import record_looks

WRITTEN = ("results.csv", "verdict.json", "table.md", "table.tex", "methods.md", "references.bib", "report.html")


def answer(study: Path, images: bool = False, store_root: Path | None = None, figures: Path | None = None) -> Verdict:
    """Make everything that can be drawn from a study's folder, and print the answer.

    Writes results.csv, verdict.json, report.html, methods.md, references.bib, table.md and table.tex into the folder,
    and into looks.json that its test results were looked at.

    Args:
        study: its folder.
        images: show test images: one of each class as networks see it, and those that the arms disagree on.
        store_root: where their decoded images lie; by default the user's cache folder, as in training.
        figures: a folder for the figures of a paper, beside table.tex, methods.md and references.bib.

    Raises:
        MedxferError: there is no study in the folder, or a record in it cannot be read or written; with `images`,
            the decoded images are not there.
    """
    records = looked_at(read_study(study))
    verdict = judge(records)
    page = _page(records, verdict, (store_root or user_cache_path("medxfer")) if images else None)
    tables, (how, cited) = paper_tables(records, verdict), methods(records, verdict)
    texts = {
        "results.csv": results_csv(records),
        "verdict.json": verdict.to_json(),
        "table.md": markdown_tables(tables),
        "table.tex": latex_tables(tables),
        "methods.md": how,
        "references.bib": bibliography(cited),
        "report.html": page,
    }
    try:
        record_looks(study, verdict.looks.record)  # first: what a page has shown was looked at
        try:
            for name, text in texts.items():
                write_text(study / name, text)
        except OSError:  # the answer is known, though the disk does not take its page
            print_summary(records, verdict, None)
            raise
    except OSError as error:
        raise MedxferError(
            f"cannot write into {study}: {error.strerror}; make the folder writable, or free some space, and "
            f"python -m medxfer.report study={study} makes the page"
        ) from error
    if figures is not None:
        from medxfer.analysis.out.figure_files import write_figures  # with matplotlib's drawing
        from medxfer.color import kept_files

        beside = {name: texts[name] for name in ("table.tex", "methods.md", "references.bib")}
        with kept_files(_color_files(records)):
            write_figures(records, verdict, figures, beside)
    print_summary(records, verdict, study / "report.html", figures)
    return verdict


def _page(records: StudyRecord, verdict: Verdict, store: Path | None = None) -> str:
    """report.html; with test images, as far as they may be shown, where their `store` is given."""
    # These import torch; wrong arguments do not wait for it.
    from medxfer.analysis.page.pictures import changed_images, learned_tables, phantom_picture
    from medxfer.analysis.page.seen import seen_images
    from medxfer.analysis.page.stored import withheld
    from medxfer.color import kept_files

    with kept_files(_color_files(records)):
        seen, changed = (seen_images(records, store), changed_images(records, store)) if store else ([], [])
        phantoms = None if seen or records.declared.table else phantom_picture(records)
        learned = learned_tables(records)
    return render_page(records, verdict, phantoms, changed, learned, seen, withheld(records, store) if store else ())


def _color_files(records: StudyRecord) -> dict[str, Path]:
    """The users' tables of colours by name, as finished cells keep them."""
    done = [cell for training in records.done for cell in training.cells]
    return {cell.record["colors"]["file"]: cell.folder / COLOR_FILE for cell in done if "colors" in cell.record}


def public_files(study: Path, images: bool) -> dict[str, str]:
    """What `answer` has just written into the folder, name -> text; where it showed test `images`, the page without
    them, for these are pictures of patients."""
    found = {name: (study / name).read_text(encoding="utf-8") for name in WRITTEN}
    if images:
        records = looked_at(read_study(study))
        found["report.html"] = _page(records, judge(records))
    return found
