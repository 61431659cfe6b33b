"""What is said of looks: on the page, at the terminal, in verdict.json and in methods.md."""

from collections.abc import Iterator, Sequence

from medxfer.analysis.judge.findings import Finding
from medxfer.analysis.judge.looking import Looks
from medxfer.analysis.judge.phrases import percent
from medxfer.analysis.judge.results import StudyRecord
from medxfer.base.words import count, listing


def look_notices(study: StudyRecord, looks: Looks) -> Iterator[str]:
    """What a reader must know of the looks before using the answers."""
    if looks.next is not None and not study.stopped:  # which says it itself
        yield looks.next.reason
    if waiting := sum(cell.status == "waiting" for cell in study.cells):
        following = looks.next.seeds if looks.next else None
        until = f"until the look at {count(following, 'seed')}" if following else "after the last look"
        yield f"{count(waiting, 'finished training')}: test results are neither used nor shown {until}."
    if looks.undeclared:
        yield undeclared_sentence(study, looks)


def undeclared_sentence(study: StudyRecord, looks: Looks) -> str:
    """What looks that were not declared do to the error (docs/simulations.md)."""
    assert looks.error is not None
    return (
        f"Looks that were not declared: results were reported at {listing(looks.undeclared)} seeds. "
        f"With {len(looks.undeclared)} looks at equal steps, a difference that is none is found in about "
        f"{100 * looks.error:.0f} % of studies, not in {percent(1 - study.declared.level)}. "
        "Looks declared before the first training, as in "
        f"study.looks=[{','.join(map(str, looks.undeclared))}], keep the level."
    )


def at_looks(findings: Sequence[Finding]) -> str:
    """', at look 2 of 3': of which declared looks the findings' figures are; empty without declared looks."""
    at = sorted({(f.figures.look.number, f.figures.look.looks) for f in findings if f.figures and f.figures.look})
    if not at:
        return ""
    return f", at {'look' if len(at) == 1 else 'looks'} {listing([str(number) for number, _ in at])} of {at[0][1]}"


def look_rows(looks: Looks) -> list[list[str]]:
    """A row for each contrast and look: seeds, information, error spent, critical value, level, p and decision."""
    return [
        [
            contrast,
            str(one.seeds),
            f"{100 * one.information[-1]:.0f} %",
            f"{100 * one.spent:.2f} %",
            f"{one.z:.2f}",
            f"{100 * one.level:.2f} %",
            "yes" if one.decided else "no",
        ]
        for contrast, taken in looks.record.declared.items()
        for one in taken
    ]


LOOK_HEAD = ("Contrast", "seeds", "information", "error spent", "z", "level", "decided")


def looks_in_words(study: StudyRecord, looks: Looks) -> str:
    """For the methods: after how many seeds the results were looked at, and how that was allowed for; or empty."""
    if looks.undeclared:
        return (
            f"Results were looked at with {listing(looks.undeclared)} seeds; these looks were not declared, "
            "and no level allows for them (so many looks at equal steps find a difference that is none in about "
            f"{100 * (looks.error or 0):.0f} % of studies)."
        )
    if not study.declared.looks:
        return ""
    planned = listing(study.declared.looks)
    taken = sorted({one.seeds for of_contrast in looks.record.declared.values() for one in of_contrast})
    done = f"it was looked at with {listing(taken)}" if taken else "no look was taken yet"
    return f"Looks at the results were declared after {planned} seeds; {done}."
