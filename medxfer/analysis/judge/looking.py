"""What a look decides: whether the grid goes on to the next one (study.looks), and what each look is recorded as."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medxfer.analysis.judge.arms import seen
from medxfer.analysis.judge.conclusion import UNDECIDED
from medxfer.analysis.judge.contrasts import PRIMARY, questions
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.phrases import percent
from medxfer.analysis.judge.reached import first_seeds, key_of, reached, unfinished, waiting
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.study_reader import read_study
from medxfer.analysis.stats.looks import CHANCE, undeclared_error
from medxfer.base.words import FEWEST_SEEDS, count, listing
from medxfer.study.look_record import LookRecord, Taken, record_looks


@dataclass(frozen=True)
class Look:
    """Whether a study with declared looks goes on, by what its finished seeds say."""

    seeds: int | None  # an arm, of the next declared look; None after the last one, and where no looks are declared
    decided: bool  # every primary contrast has its answer
    hopeless: bool  # more seeds, up to the last look, cannot give an answer to any that has none
    reason: str  # one sentence

    @property
    def stop(self) -> bool:
        """Whether training more seeds is of no use to the answers."""
        return self.seeds is None or self.decided or self.hopeless


@dataclass(frozen=True)
class Looks:
    """Every look at a study's test results so far, this one included."""

    record: LookRecord
    next: Look | None  # None where no looks are declared
    undeclared: tuple[int, ...] = ()  # seeds an arm at which answers were given, if more than once and not declared
    error: float | None = None  # that so many undeclared looks at equal steps come to, where one has 1 − level


def looked_at(study: StudyRecord) -> StudyRecord:
    """The study as its declared looks show it: trainings beyond the look that is reached wait."""
    judge, looks = Judge(study), study.declared.looks
    primary = [contrast for contrast in judge.contrasts if contrast.family == PRIMARY]
    if not looks or not primary:  # where nothing is judged, looking spends nothing
        return study
    shown: dict[str, set[Any]] = {}
    for contrast in primary:
        blocks = judge.blocks_of(contrast)
        look = reached(blocks, contrast, looks)
        for data, seeds in first_seeds(blocks, contrast).items():
            shown.setdefault(data, set()).update(seeds[:look])
    cells = [
        cell if cell.factors["seed"] in shown.get(str(cell.factors["data"]), ()) else waiting(cell)
        for cell in study.cells
    ]
    return replace(study, cells=tuple(cells))


def next_look(study: Path) -> Look:
    """What the look that a study's finished seeds allow says of the looks after it.

    Looking spends error: the look is recorded in the folder's looks.json, as a report does. While a training of a look
    is failed or missing, that look is the next one. A study without declared looks has no next one.

    Raises:
        MedxferError: there is no study in the folder, or a record in it cannot be read or written.
    """
    records = looked_at(read_study(study))
    if not records.declared.looks:
        return Look(None, False, False, "No looks are declared (study.looks): the answer is given once, at the end.")
    judge, _ = seen(records)
    findings = [finding for question in questions(records.declared) for finding in judge.family(question, PRIMARY)]
    record_looks(study, record_of(judge, findings))
    return look(judge, findings)


def looks_of(judge: Judge, findings: Sequence[Finding]) -> Looks:
    """The looks that the primary findings and the study's record tell of."""
    declared, record = judge.study.declared, judge.study.looks.merged(record_of(judge, findings))
    if declared.looks:
        return Looks(record, look(judge, findings))
    most = max(record.undeclared.values(), key=len, default=())
    if len(most) < 2:
        return Looks(record, None)
    return Looks(record, None, tuple(sorted(most)), undeclared_error(len(most), 1 - declared.level))


def look(judge: Judge, findings: Sequence[Finding]) -> Look:
    """Whether to go on, by the primary findings of a study with declared looks."""
    looks = judge.study.declared.looks
    at = max((f.figures.look.seeds for f in findings if f.figures and f.figures.look), default=0)
    following = next((seeds for seeds in looks if seeds > at), None)
    if not findings:
        return Look(following, False, False, "The study asks no primary question, so that no look decides one.")
    ahead = f"the next look is at {count(following or 0, 'seed')}"
    here = f"Look {looks.index(at) + 1} of {len(looks)} ({count(at, 'seed')})" if at else "No look is taken yet"
    undecided = [finding for finding in findings if finding.conclusion in UNDECIDED]
    if not undecided:
        return Look(following, True, False, f"{here}: every primary question is decided.")
    names = _names(undecided)
    if following is None:
        return Look(None, False, False, f"{here} was the last; not decided: {names}.")
    reasons = [_hopeless(judge, finding, following) for finding in undecided]
    if all(reasons):
        whys = "; ".join(dict.fromkeys(reasons))
        return Look(following, False, True, f"{here}: more seeds cannot decide what is open, {names}: {whys}.")
    return Look(following, False, False, f"{here}: not decided are {names}; {ahead}." if at else f"{here}: {ahead}.")


def _names(findings: Sequence[Finding]) -> str:
    """'RQ1 (viridis and inferno) and RQ2'."""
    subjects: dict[str, list[str]] = {}
    for finding in findings:
        subjects.setdefault(finding.question, []).append(finding.subject)
    return listing([name if name == "RQ2" else f"{name} ({listing(of)})" for name, of in subjects.items()])


def _hopeless(judge: Judge, finding: Finding, following: int) -> str:
    """Why the looks after this one cannot decide a contrast; empty if they may."""
    what = "RQ2" if finding.question == "RQ2" else finding.subject
    if finding.conclusion == "refused":
        return f"{what} cannot be compared"
    if finding.conclusion == "too few patients":
        return f"{what} has too few test patients"
    if finding.conclusion == "no arm beats chance":
        return "no arm beats chance"
    known = finding.figures.look if finding.figures else None
    if known is not None and known.chance is not None and known.chance < CHANCE:
        last = count(judge.study.declared.looks[-1], "seed")
        return f"the chance that {last} decide {what} is below {percent(CHANCE)}"
    contrast = judge.contrast_of(finding)
    lacking = unfinished(judge.blocks_of(contrast), contrast, following)
    failed = sum(cell.status == "failed" for cell in lacking)
    return f"{what} has {count(failed, 'failed training')}" if failed else ""


def record_of(judge: Judge, findings: Sequence[Finding]) -> LookRecord:
    """What the primary findings add to looks.json: the declared looks that they are of, or those not declared."""
    declared: dict[str, tuple[Taken, ...]] = {}
    undeclared: dict[str, tuple[int, ...]] = {}
    for finding in findings:
        f, key = finding.figures, key_of(judge.contrast_of(finding))
        if f is not None and f.look is not None:
            at, decided = f.look, finding.conclusion not in UNDECIDED
            one = Taken(
                seeds=at.seeds,
                information=at.information,
                spent=at.spent,
                z=at.z,
                level=at.nominal,
                estimate=f.estimate,
                p=f.p_adjusted,
                p_equivalent=f.p_equivalent,
                decided=decided,
            )
            declared[key] = (one,)
        elif f is not None and f.trainings >= FEWEST_SEEDS:
            undeclared[key] = (f.trainings,)
    return LookRecord(declared, undeclared)
