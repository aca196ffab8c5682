"""All tables of this version, found by searching the package: a new table needs no list."""

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from ..store.rows import Row

_PACKAGE = Path(__file__).parents[1]


def import_tables() -> list[Any]:
    """All table classes, sorted by table name.

    SQLAlchemy knows a table once its module is imported. Only modules with a table are imported: others may need
    packages that are not installed, or much memory.
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
