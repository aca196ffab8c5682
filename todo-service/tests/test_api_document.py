"""The tables of API.md match the code."""

import re
from pathlib import Path

from fastapi.routing import iter_route_contexts

from todo_fixtures.service import Service
from todo_service.http import problems

FOLDER = Path(__file__).parents[1]
API = (FOLDER / "API.md").read_text()


def test_the_endpoint_table_has_the_routes(sqlite_service: Service) -> None:
    listed = set(re.findall(r"^\| ([A-Z]+) \| `(/\S*)` \|", API, re.MULTILINE))
    routed = {
        (method, context.path)
        for context in iter_route_contexts(sqlite_service.app.routes)
        for method in (context.methods or set()) - {"HEAD", "OPTIONS"}  # both are answered beside GET
        if "{user_id}" not in (context.path or "")
    }
    assert listed == routed


def test_the_problem_table_is_the_catalogue() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", API, re.MULTILINE)
    assert listed == [(kind.slug, str(kind.status)) for kind in problems.CATALOGUE]


def test_every_problem_is_reached_by_a_test() -> None:
    tests = "".join(path.read_text() for path in (FOLDER / "tests").glob("test_*.py") if path != Path(__file__))
    for kind in problems.CATALOGUE:
        assert kind.slug in tests, kind.slug
