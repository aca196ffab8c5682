"""Endpoints get parts by name. Names and types in their kinds must be those of `Parts`."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest

from todo_service import app  # imports all endpoints, and so every kind
from todo_service.assembly import Parts
from todo_service.http.parts import Given

PACKAGE = Path(app.__file__).parent
ASSEMBLED = get_type_hints(Parts)


def kinds(of: type[Given] = Given) -> Iterator[type[Given]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=str))
def test_a_kind_names_parts_that_there_are(kind: type[Given]) -> None:
    wanted = get_type_hints(kind)
    assert wanted.keys() == {each.name for each in fields(kind)}  # type: ignore[arg-type]  # a dataclass, or it raises
    assert wanted == {name: ASSEMBLED.get(name) for name in wanted}


def test_a_part_is_given_to_somebody() -> None:
    """Every part is used by a kind, except those that only the start of the process needs."""
    given = {name for kind in kinds() for name in get_type_hints(kind)}
    assert {name for name in ASSEMBLED if not name.startswith("_")} - given == {"verifier_reports"}


def test_the_state_of_the_application_is_read_in_one_place() -> None:
    readers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "state"
    }
    assert readers == {"app.py", "http/parts.py"}
