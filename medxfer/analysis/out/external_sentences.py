"""What methods.md says of external sets."""

from collections.abc import Iterator

from medxfer.analysis.judge.verdict import Verdict
from medxfer.base.words import count, listing


def external_sentences(verdict: Verdict) -> Iterator[str]:
    """Which images, what was left out, when the set was named, and what the figures on it hold for."""
    for one in verdict.elsewhere:
        tested = f"The networks trained on {one.data} were also tested on {one.about()}"
        yield f"{tested}, which no training or validation saw."
        out = one.left_out
        if out["images"]:
            why = [count(out[key], key.removesuffix("s")) for key in ("patients", "pictures") if out[key]]
            yield f"Before that {count(out['images'], 'image')} had been left out ({listing(why)} also in {one.data})."
        if one.results_before:
            yield f"{one.name} was named when {count(one.results_before, 'training')} had a result."
        elif one.results_before == 0:
            yield f"{one.name} was named before the first result."
    yield (
        "Images were prepared as those of training were, each network was that of its tested epoch, and decisions were "
        "made at the threshold of its own validation. The declared contrasts were repeated there with the same "
        "statistics, adjusted within a question and a set and not together with the internal answer; they hold for "
        "other patients of these places and are conditional on the training patients."
    )
