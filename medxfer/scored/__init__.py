"""Scores that another program made: a table is read, checked, and written as the study's folder that is judged."""

from medxfer.scored.score_table import ScoreTable, read_score_table
from medxfer.scored.table_study import Question, write_table_study

__all__ = ["Question", "ScoreTable", "read_score_table", "write_table_study"]
