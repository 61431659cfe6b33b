"""How methods.md says that results were looked at more than once."""

from collections.abc import Callable, Iterator

from medxfer.analysis.judge.look_words import looks_in_words
from medxfer.analysis.judge.looking import Looks
from medxfer.analysis.judge.phrases import percent
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.out.references import JENNISON, KIM_DEMETS, LAN_DEMETS
from medxfer.analysis.stats.looks import HELD_BACK


def looks_sentences(study: StudyRecord, looks: Looks, cited: Callable[..., str]) -> Iterator[str]:
    """Nothing for a study whose results were reported once."""
    if words := looks_in_words(study, looks):
        yield words
    if not study.declared.looks:
        return
    yield (
        "The error was spent in proportion to the information, that is the variance to expect at the last look over "
        f"the present one {cited(LAN_DEMETS, KIM_DEMETS)}. Intervals and p values of the contrasts that answer are "
        f"repeated ones, which hold at all looks together {cited(JENNISON)}. As information is estimated, at most "
        f"{percent(HELD_BACK * (1 - study.declared.level))} was spent."
    )
    if looks.next is not None:
        yield looks.next.reason
