"""What a look decides: whether the grid goes on to the next one (study.looks), and what each look is recorded as."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medxfer.analysis.judge.conclusion import Conclusion
from medxfer.analysis.judge.contrasts import PRIMARY, Contrast
from medxfer.analysis.judge.findings import Finding, Judge
from medxfer.analysis.judge.reached import key_of, looked_at, unfinished
from medxfer.analysis.judge.results import read_study
from medxfer.analysis.stats.looks import CHANCE
from medxfer.base.words import FEWEST_SEEDS, count, listing
from medxfer.study.look_record import LookRecord, Taken, record_looks

OPEN: tuple[Conclusion, ...] = ("cannot tell", "one training", "incomplete", "before the first look")
NEVER: tuple[Conclusion, ...] = ("refused", "too few patients")  # more seeds do not help


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
    judge = Judge(records)
    findings = [finding for question in ("RQ1", "RQ2") for finding in judge.family(question, PRIMARY)]
    record_looks(study, record_of(judge, findings))
    return look(judge, findings)


def look(judge: Judge, findings: Sequence[Finding]) -> Look:
    """Whether to go on, by the primary findings of a study with declared looks."""
    looks = judge.study.declared.looks
    at = max((f.figures.look.seeds for f in findings if f.figures and f.figures.look), default=0)
    following = next((seeds for seeds in looks if seeds > at), None)
    if not findings:
        return Look(following, False, False, "The study asks no primary question, so that no look decides one.")
    here = f"Look {looks.index(at) + 1} of {len(looks)} ({count(at, 'seed')})" if at else "No look is reached yet"
    undecided = [finding for finding in findings if finding.conclusion in (*OPEN, *NEVER)]
    if not undecided:
        return Look(following, True, False, f"{here}: every primary question is decided.")
    names = listing([finding.contrast for finding in undecided])
    if following is None:
        return Look(None, False, False, f"{here} was the last: not decided are {names}.")
    reasons = [_hopeless(judge, finding, following) for finding in undecided]
    if all(reasons):
        said = "; ".join(f"{f.contrast} {why}" for f, why in zip(undecided, reasons, strict=True))
        return Look(following, False, True, f"{here}: more seeds cannot decide what is open: {said}.")
    return Look(
        following, False, False, f"{here}: {names} not decided; the next look is at {count(following, 'seed')}."
    )


def _hopeless(judge: Judge, finding: Finding, following: int) -> str:
    """Why the looks after this one cannot decide a contrast; empty if they may."""
    if finding.conclusion in NEVER:
        return "cannot be compared" if finding.conclusion == "refused" else "has too few test patients"
    known = finding.figures.look if finding.figures else None
    if known is not None and known.chance is not None and known.chance < CHANCE:
        return f"is decided at {count(judge.study.declared.looks[-1], 'seed')} with a chance below {CHANCE:.0%}"
    failed = [
        cell for cell in unfinished(judge.blocks, contrast_of(judge, finding), following) if cell.status == "failed"
    ]
    return f"has {count(len(failed), 'failed training')}" if failed else ""


def contrast_of(judge: Judge, finding: Finding) -> Contrast:
    (found,) = (c for c in judge.contrasts if (c.question, c.name) == (finding.question, finding.contrast))
    return found


def record_of(judge: Judge, findings: Sequence[Finding]) -> LookRecord:
    """What the primary findings add to looks.json: the declared looks that they are of, or those not declared."""
    declared: dict[str, tuple[Taken, ...]] = {}
    undeclared: dict[str, tuple[int, ...]] = {}
    for finding in findings:
        f, key = finding.figures, key_of(contrast_of(judge, finding))
        if f is not None and f.look is not None:
            at, decided = f.look, finding.conclusion not in (*OPEN, *NEVER)
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
