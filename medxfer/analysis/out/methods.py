"""methods.md: how a study was done, ready to paste into a paper, and which items of three checklists it answers.

Every figure comes from the study's records. No path and no patient is named.
"""

from collections.abc import Iterator

from medxfer.analysis.judge.computed import arithmetic_sentences, each_value
from medxfer.analysis.judge.flow import flows
from medxfer.analysis.judge.readings import flat
from medxfer.analysis.judge.results import StudyRecord
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.out.checklists import CHECKLISTS, checklists
from medxfer.analysis.out.comparison_sentences import comparison_sentences, external_sentences
from medxfer.analysis.out.data_sentences import data_sentences
from medxfer.analysis.out.references import Cited, Reference
from medxfer.analysis.out.training_sentences import image_sentences, network_sentences, training_sentences
from medxfer.base.words import listing


def methods(study: StudyRecord, verdict: Verdict) -> tuple[str, list[Reference]]:
    """The text of methods.md, in Markdown, and what it cites."""
    if not study.done:
        text = "No training is finished yet, so that there is nothing to describe."
        return f"# Methods of {study.name}\n\n{text}\n", []
    settings = flat(study.settings)
    cited = Cited()
    table = study.declared.table
    made = {
        "Images": image_sentences(study, settings),
        "Networks": network_sentences(study, settings),
        "Training": training_sentences(study, verdict, settings, cited),
    }
    paragraphs = {
        "Data": data_sentences(flows(study), any(cell.record["data"]["resampled"] for cell in study.done)),
        **({"Scores": _from_table(verdict)} if table else made),
        "Comparison": comparison_sentences(study, verdict, cited),
        **({"External validation": external_sentences(verdict)} if verdict.elsewhere else {}),
        "Software": _software(study),
    }
    parts = [f"# Methods of {study.name}"]
    if study.unfinished:
        parts.append(f"{len(study.unfinished)} of {len(study.cells)} trainings are not finished: make this text again.")
    parts += [f"**{title}.** {' '.join(sentences)}" for title, sentences in paragraphs.items()]
    parts.append("## References\n\n" + cited.listed)
    known = any(part.age or part.sex for flow in flows(study) for part in flow.parts.values())
    parts.append(checklists(known, bool(verdict.elsewhere), table))
    return "\n\n".join(parts) + "\n", [*cited.found, *CHECKLISTS.values()]


def _from_table(verdict: Verdict) -> Iterator[str]:
    yield (
        "The scores of these images were made by another program and judged as a table; how images were prepared and "
        "networks trained has to be added by the authors."
    )
    arms = sorted({one.trainings for one in verdict.arms})
    number = listing(arms, "or")
    yield f"Each arm had {number} {'training' if arms == [1] else 'trainings'} (seeds)."


def _software(study: StudyRecord) -> Iterator[str]:
    records = [cell.record for cell in study.done]
    named = [f"{name} {' and '.join(found)}" for name, found in each_value(records, "versions").items()]
    if study.declared.table:
        yield f"The scores were judged with {listing(named)}."
        return
    yield f"Everything was done with {listing(named)}." if named else "Versions were not recorded."
    if devices := each_value(records, "machine").get("device"):
        yield f"Networks were trained on {listing(devices)}."
    yield from arithmetic_sentences(records)
