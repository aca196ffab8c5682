"""Endpoints and grants get parts by name; each name and type must match the assembled `Parts`."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest

from auth_service.assembly import Parts
from auth_service.commands import serving  # imports all endpoints, and with them every kind
from auth_service.http.parts import Given

PACKAGE = Path(serving.__file__).parents[1]
ASSEMBLED = get_type_hints(Parts)


def kinds(of: type[Given] = Given) -> Iterator[type[Given]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=str))
def test_a_kind_names_parts_that_there_are(kind: type[Given]) -> None:
    wanted = get_type_hints(kind)
    assert wanted.keys() == {each.name for each in fields(kind)}  # type: ignore[arg-type]  # or it raises
    assert wanted == {name: ASSEMBLED.get(name) for name in wanted}


def test_every_part_is_given_to_somebody() -> None:
    used = {name for kind in kinds() for name in get_type_hints(kind)}
    assert {name for name in ASSEMBLED if not name.startswith("_")} == used


def test_the_state_of_the_application_is_read_in_one_place() -> None:
    """The search is for `.state.parts`, because `state` is also an OAuth parameter."""
    readers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "parts"
        if isinstance(node.value, ast.Attribute) and node.value.attr == "state"
    }
    assert readers == {"app.py", "http/parts.py"}
