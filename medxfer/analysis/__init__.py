"""Records → an answer: comparisons over trainings and patients, the verdict, the page, tables.

`stats` holds pure numbers (no study, no files), `judge` makes findings of a study's records, `page` draws report.html,
`out` has the other forms of the answer.
"""

from medxfer.analysis.answers import answer, public_files
from medxfer.analysis.judge.findings import ALIKE
from medxfer.analysis.judge.looking import Look, next_look
from medxfer.analysis.judge.phrases import margin_points, metric_name, points
from medxfer.analysis.judge.power import DISAGREEMENT, SEEDS, Designs, Detectable, Planned, compare_designs, detectable
from medxfer.analysis.judge.results import Arm, CellRecord, StudyRecord
from medxfer.analysis.judge.scores import CellScores, read_predictions, stack
from medxfer.analysis.judge.study_reader import read_study
from medxfer.analysis.judge.verdict import Verdict
from medxfer.analysis.out.paper import answers_markdown, named_figures
from medxfer.analysis.out.workspace import save_workspace
from medxfer.analysis.stats.forecasts import POWER
from medxfer.analysis.stats.influence import NotComparable
from medxfer.analysis.stats.mrmc import BlockScores, Comparison, compare, compare_blocks

__all__ = [
    "ALIKE", "DISAGREEMENT", "POWER", "SEEDS",
    "Arm", "BlockScores", "CellRecord", "CellScores", "Comparison", "Designs", "Detectable", "Look", "NotComparable",
    "Planned", "StudyRecord", "Verdict",
    "answer", "answers_markdown", "compare", "compare_blocks", "compare_designs", "detectable", "margin_points",
    "metric_name", "named_figures", "next_look", "points", "public_files", "read_predictions", "read_study",
    "save_workspace", "stack",
]  # fmt: skip
