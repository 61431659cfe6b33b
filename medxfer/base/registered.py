"""The names in a registry, a table that its module writes down, without the import of what the module needs."""

import ast
import sys
from collections.abc import Iterable
from pathlib import Path
from pkgutil import resolve_name

_ROOT = Path(__file__).parents[2]


def registered_names(registry: str) -> list[str]:
    """The names in `registry`, "module:NAME": a dict by name, or a tuple of names.

    A module that nobody has imported yet is read as text, because its import may take torch and seconds; until then
    nobody can have added to it either.
    """
    module, _, table = registry.partition(":")
    if module not in sys.modules and (names := _written(_ROOT / f"{module.replace('.', '/')}.py", table)) is not None:
        return names
    live: Iterable[str] = resolve_name(registry)
    return list(live)


def _written(file: Path, table: str) -> list[str] | None:
    """The names as the file has them; None where they are no plain texts in it."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body if file.is_file() else ():
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if not any(isinstance(target, ast.Name) and target.id == table for target in targets):
            continue
        value = getattr(node, "value", None)
        names = value.keys if isinstance(value, ast.Dict) else value.elts if isinstance(value, ast.Tuple) else [None]
        texts = [name.value for name in names if isinstance(name, ast.Constant) and isinstance(name.value, str)]
        return texts if len(texts) == len(names) else None
    return None
