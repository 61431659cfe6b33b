"""Tables as people have them: read from any usual file, their cells cleaned, their rows joined to files."""

from medxfer.data.sources.tables.cell_values import (
    check_no_failures,
    check_not_rounded,
    clean,
    cleaned,
    nearly_equal,
    words_for_missing,
)
from medxfer.data.sources.tables.path_join import match_paths, nearest
from medxfer.data.sources.tables.row_join import KINDS, PATH, join_rows, key_column, kind_of
from medxfer.data.sources.tables.stated_once import stated_once
from medxfer.data.sources.tables.table_file import no_column, read_table, shown_names

__all__ = [
    "KINDS",
    "PATH",
    "check_no_failures",
    "check_not_rounded",
    "clean",
    "cleaned",
    "join_rows",
    "key_column",
    "kind_of",
    "match_paths",
    "nearest",
    "nearly_equal",
    "no_column",
    "read_table",
    "shown_names",
    "stated_once",
    "words_for_missing",
]
