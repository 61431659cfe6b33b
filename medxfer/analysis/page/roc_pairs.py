"""ROC curves of the primary pairs, with the band in which their difference is no more than chance."""

from collections.abc import Iterator

from medxfer.analysis.judge.contrasts import PRIMARY, Contrast
from medxfer.analysis.judge.findings import Judge
from medxfer.analysis.judge.operating import GRID
from medxfer.analysis.judge.phrases import percent
from medxfer.analysis.judge.results import Arm, StudyRecord
from medxfer.analysis.judge.roc_bands import RocBand, roc_bands
from medxfer.analysis.page.drawing import Chart, Line
from medxfer.analysis.page.layout import Section, colour_classes, is_dashed, key_of
from medxfer.analysis.page.operating_charts import roc_line, share_chart

MOST = 6  # charts that are shown unfolded, and contrasts whose bands are computed (seconds each in a large study)


def roc_pairs(study: StudyRecord) -> Iterator[Section]:
    """A chart for each primary contrast and data set; nothing where there are more than MOST contrasts."""
    judge = Judge(study)
    contrasts = [one for one in judge.contrasts if one.family == PRIMARY]
    if len(contrasts) > MOST:
        return
    found = [(contrast, band) for contrast in contrasts for band in roc_bands(judge, contrast)]
    if not found:
        return
    colours = colour_classes(cell.arm for cells in judge.blocks.values() for cell in cells)
    several = len({band.data for _, band in found}) > 1
    charts = [_chart(contrast, band, colours, several) for contrast, band in found]
    key = key_of({arm: colours[arm] for contrast, _ in found for arm in contrast.weights})
    chance = "trainings and patients" if min(band.trainings for _, band in found) > 1 else "patients alone"
    text = f"Means over trainings; band: pointwise {percent(study.declared.level)} of the difference, over {chance}."
    yield Section("pairs", "ROC of the pairs compared", [text], key, charts, folded=len(charts) > MOST)


def _chart(contrast: Contrast, band: RocBand, colours: dict[Arm, str], several: bool) -> Chart:
    better, other = (
        next(arm for arm, weight in contrast.weights.items() if sign * weight > 0) for sign in (1, -1)
    )  # fmt: skip
    at = dict(zip(GRID.tolist(), band.other.tolist(), strict=True))
    middle = [at[rate] for rate in band.rates.tolist()]
    ends = [(max(m - h, 0.0), min(m + h, 1.0)) for m, h in zip(middle, band.half.tolist(), strict=True)]
    lines = [
        Line(band.rates.tolist(), (), colours[other], band=ends),
        roc_line(band.other, colours[other], is_dashed(other)),
        roc_line(band.better, colours[better], is_dashed(better)),
    ]
    name = contrast.name.partition(", ")[0]
    title = f"{name} · {band.data}" if several else name
    about = f"ROC curves of {name} on {band.data}, with the band of their difference"
    return share_chart(title, lines, "false positive rate", "sensitivity", about)
