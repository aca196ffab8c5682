"""Every table of this version, found in the rooms: a new one needs no second place."""

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from ..store.rows import Row

_PACKAGE = Path(__file__).parents[1]


def import_tables() -> list[Any]:
    """All classes of tables, sorted by name.

    SQLAlchemy knows a table once its module is imported. Only modules that define one are imported: others need
    packages that a process may not have, or much memory.
    """
    for module in _modules_with_tables():
        importlib.import_module(module)
    return sorted((mapper.class_ for mapper in Row.registry.mappers), key=lambda table: str(table.__tablename__))


@cache
def _modules_with_tables() -> tuple[str, ...]:
    return tuple(
        ".".join([_PACKAGE.name, *path.relative_to(_PACKAGE).with_suffix("").parts])
        for path in sorted(_PACKAGE.rglob("*.py"))
        if path.parent != Path(__file__).parent and "__tablename__" in path.read_text(encoding="utf-8")
    )
