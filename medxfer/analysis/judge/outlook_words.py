"""Where the uncertainty of contrasts comes from, and what other numbers of seeds or patients would do to it."""

from collections.abc import Sequence

from medxfer.analysis.judge.figures import Figures
from medxfer.analysis.judge.phrases import points
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.stats.forecasts import TWICE
from medxfer.base.words import listing, site_noun


def outlook(contrasts: Sequence[Figures], study: StudyRecord) -> str:
    """Two to four sentences for all of them, with ranges; empty if there is no forecast for any of them."""
    known = [f for f in contrasts if f.from_trainings is not None and f.expected]
    if not known:
        return ""
    low, high = (round(100 * end(f.from_trainings or 0.0 for f in known)) for end in (min, max))
    seeds, patients = _range(str(low), str(high)), _range(str(100 - high), str(100 - low))
    subject, verb = ("The interval", "is") if len(known) == 1 else ("Intervals", "are")
    whole = [(f.high - f.low) / 2 for f in known if not f.clipped]
    widths = [f"{_half_widths(whole)} points"] if whole else []
    now = listing([*widths, *(["cut off at what the metric can be"] if len(whole) < len(known) else [])], "or")
    site = _site(study)
    more = f"{TWICE:g} times the test patients{f' at these {site}s' if site else ''}"
    halves: dict[str, list[float]] = {}
    for f in known:
        for e in f.expected:
            way = f"{e.seeds} seeds" if e.seeds > f.trainings else more
            halves.setdefault(way, []).append(e.half_width)
    said = (
        f"{subject} {verb} {now}; expect {listing([f'{_half_widths(of)} with {way}' for way, of in halves.items()])}."
    )
    if all(e.patients == 1 for f in known for e in f.expected):
        said = f"{said[:-1]}. {more} would not narrow {'it' if len(known) == 1 else 'them'}."
    if site:
        said += f" More patients at these {site}s say nothing of others: that takes more {site}s."
    return f"Of the variance, {seeds} % is from seeds and {patients} % from patients. {said}"


def _site(study: StudyRecord) -> str:
    """What is tested apart where folds are given by a column: 'hospital'; empty where they are drawn."""
    found = (cell.record["data"] for cell in study.done)
    return next((site_noun(str(data["groups"])) for data in found if "sites" in data), "")


def _half_widths(values: Sequence[float]) -> str:
    return "±" + _range(*(points(end(values), signed=False) for end in (min, max)))


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
