"""The names in a registry, a table that its module writes down, without the import of what the module needs."""

import ast
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


def registered_names(registry: str) -> list[str]:
    """The names in `registry`, "module:NAME": a dict by name, or a tuple of names.

    A module that nobody has imported yet is read as text, because its import may take torch and seconds; until then
    nobody can have added to it either.
    """
    module, _, table = registry.partition(":")
    if module in sys.modules:
        live: Iterable[str] = getattr(sys.modules[module], table)
        return list(live)
    return _written(_ROOT / f"{module.replace('.', '/')}.py", table)


def _written(file: Path, table: str) -> list[str]:
    """The names as the file has them. Raises ValueError where it has no such table of plain texts."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == table for target in targets):
            value: Any = getattr(node, "value", None)
            names: list[Any] = getattr(value, "keys", None) or value.elts
            return [str(ast.literal_eval(name)) for name in names]
    raise ValueError(f"{file}: no table {table}")
