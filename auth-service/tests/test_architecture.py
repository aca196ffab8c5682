"""Rooms import only from lower floors, and certain code is in one place only."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from auth_service import FLOORS

PACKAGE = Path(__file__).parents[1] / "auth_service"
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
ROOMS = sorted(FLOOR_OF)
NOUNS = [room for room in ROOMS if FLOOR_OF[room] < FLOOR_OF["http"]]
ENDPOINTS = sorted(path for path in (PACKAGE / "endpoints").iterdir() if not path.name.startswith("__"))
MOST_ENTRIES = 30  # files in one folder; more are hard to search
MOST_LINES = 200


def imports(path: Path) -> Iterator[str]:
    """Absolute names of the modules that a file imports; for a `from` import of a package, its members."""
    package = ["auth_service", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*parent, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def files_of(room: str) -> list[Path]:
    module = PACKAGE / f"{room}.py"
    return [module] if module.exists() else sorted((PACKAGE / room).rglob("*.py"))


def rooms_imported_by(path: Path) -> set[str]:
    """The other rooms that a file imports; FLOORS and the room's own files are not counted."""
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    named = {name.split(".")[1] for name in imports(path) if name.startswith("auth_service.")}
    return (named & FLOOR_OF.keys()) - {own}


def foreign(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)} - {"auth_service"}


def test_every_room_stands_on_one_floor() -> None:
    names = [room for rooms in FLOORS for room in rooms]
    entries = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert sorted(names) == sorted(entries - {"__init__"})
    assert len(entries) <= MOST_ENTRIES


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_from_lower_floors_only(room: str) -> None:
    for path in files_of(room):
        above = {other for other in rooms_imported_by(path) if FLOOR_OF[other] >= FLOOR_OF[room]}
        assert not above, path


@pytest.mark.parametrize("room", [room for room in ROOMS if not room.startswith("__")])
def test_a_room_has_a_door(room: str) -> None:
    """The room's `__init__.py` has a docstring that describes the room."""
    door = PACKAGE / room / "__init__.py"
    text = (door if door.exists() else PACKAGE / f"{room}.py").read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))


def test_the_protocol_needs_only_the_standard_library() -> None:
    for path in files_of("oauth"):
        assert not rooms_imported_by(path), path
        assert foreign(path) <= set(sys.stdlib_module_names), path


@pytest.mark.parametrize("room", [room for room in NOUNS if room != "telemetry"])
def test_nouns_know_no_web_framework(room: str) -> None:
    """The one exception is telemetry, whose access log is a middleware and whose spans are FastAPI's."""
    for path in files_of(room):
        assert not foreign(path) & {"fastapi", "starlette", "uvicorn", "typer"}, path


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda path: path.stem)
def test_endpoints_do_not_import_each_other(endpoint: Path) -> None:
    prefix = "auth_service.endpoints."
    for path in [endpoint] if endpoint.is_file() else sorted(endpoint.rglob("*.py")):
        others = {name.removeprefix(prefix).split(".")[0] for name in imports(path) if name.startswith(prefix)}
        assert others <= {endpoint.stem}, path


def test_only_what_starts_a_process_knows_the_settings() -> None:
    knowing = {room for room in ROOMS for path in files_of(room) if "settings" in rooms_imported_by(path)}
    assert knowing == {"app", "assembly", "commands"}


def test_everything_is_caught_once() -> None:
    catching = [
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
    ]
    assert catching == ["app.py"]


def test_files_stay_small() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_no_code_knows_an_api_by_name() -> None:
    """APIs are registered. Only migrations name one: the versions before them had it built in."""
    knowing = [
        path
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and "migrations" not in path.parts
        if b"todo" in path.read_bytes().lower()
    ]
    assert knowing == []
