"""What ensembles of the trained networks reach: exploratory, a row an ensemble."""

from collections.abc import Iterator

from medxfer.analysis.judge.ensembles import Ensemble, ensembles
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.phrases import interval, percent, points
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.page.layout import Section, Table, block_title
from medxfer.base.words import arm_name

FOLDED = (
    "No ensemble is shown where patients are divided in folds: an image has one score a training, by the one network "
    "that has not seen its patient, and a mean over seeds would mix networks of different folds in one AUROC."
)


def ensemble_section(study: StudyRecord) -> Iterator[Section]:
    """A table for each block with two trainings of an arm, or with gray and a colormap of the same seed."""
    found = ensembles(Judge(study))
    if not found:
        if study.divided:
            yield Section("ensembles", "Ensembles", [FOLDED], folded=True)
        return
    blocks = list(dict.fromkeys(one.block for one in found))
    head = ["Ensemble", "networks", "AUROC", "mean of its networks", "gain over gray's ensemble"]
    tables = [
        Table(head, [_row(one) for one in found if one.block == block], block_title(block, blocks)) for block in blocks
    ]
    text = (
        "The mean of the probabilities of an arm's trainings, or of gray and a colormap with the same seeds, scored as "
        f"one network. AUROC in points; {percent(study.declared.level)} intervals are over patients alone and not "
        "adjusted: other trainings make another ensemble. An ensemble of two arms has twice the networks of gray's."
    )
    yield Section("ensembles", "Ensembles", [text], tables=tables)


def _row(one: Ensemble) -> list[str]:
    gain = f"{points(one.gain.mean)} ({interval(one.gain.low, one.gain.high)})" if one.gain else ""
    name, single = " + ".join(map(arm_name, one.arms)), f"{100 * one.single:.1f}"
    return [name, str(one.networks), one.auroc.words, single, gain]
