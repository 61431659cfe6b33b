"""The answer as figures with names: the summary of the study's run at W&B."""

from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.out.paper import has_p


def named_figures(verdict: Verdict) -> dict[str, str | float | bool]:
    """'RQ1/answer' → its headline; 'RQ1/viridis vs none/difference', low, high, p, conclusion of each primary contrast.

    Differences are fractions, as in verdict.json, and p is adjusted.
    """
    found: dict[str, str | float | bool] = {f"{one.question}/answer": one.headline for one in verdict.answers}
    for finding in verdict.primary:
        key, figures = f"{finding.question}/{finding.contrast}", finding.figures
        found[f"{key}/conclusion"] = finding.conclusion
        if figures is not None:
            found |= {
                f"{key}/difference": figures.estimate,
                f"{key}/low": figures.low,
                f"{key}/high": figures.high,
            }
            if has_p(finding):
                found[f"{key}/p"] = figures.p_adjusted
    return (
        found | {f"cells/{status}": number for status, number in verdict.cells.items()} | {"complete": verdict.complete}
    )
