"""Rooms import from lower floors only, and certain code is in one place only."""

import ast
import sys
from pathlib import Path

import pytest

import atjwt
from todo_service import FLOORS

PACKAGE = Path(__file__).parents[1] / "todo_service"
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in PACKAGE.rglob("*.py")
    if "versions" not in path.parts
}
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
ATJWT = Path(__file__).parents[1] / "verifier/python/atjwt"
TYPESCRIPT = [
    path
    for folder in ("web", "verifier/typescript")
    for part in ("src", "tests")
    for path in (Path(__file__).parents[1] / folder / part).rglob("*")
    if path.suffix in (".ts", ".tsx", ".css")
]
LONGEST = 400  # lines of a file
A_TABLE = {"de.ts"}  # of words, one a line: it is looked up, not read
ADAPTERS = {
    "pytest_plugin": ("pytest",),
    "fastapi": ("fastapi",),
    "flask": ("flask",),
    "django": ("django", "asgiref"),
    "drf": ("rest_framework",),
    "mcp": ("mcp",),
    "grpc": ("grpc",),
    "__main__": ("uvicorn",),
}  # files of atjwt that need more than the package does
MOST_ENTRIES = 30  # in one folder; with more it is hard to find anything


def imports(path: Path) -> set[str]:
    """Absolute names of all modules that the file imports, also inside functions."""
    package = ["todo_service", *path.relative_to(PACKAGE).parts[:-1]]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*parent, *([node.module] if node.module else [])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def ours(module: str) -> set[str]:
    prefix = "todo_service."
    names = {name.removeprefix(prefix) for name in imports(MODULES[module]) if name.startswith(prefix)}
    return names & MODULES.keys()


def rooms_imported_by(module: str) -> set[str]:
    prefix = "todo_service."
    names = {name.removeprefix(prefix).split(".")[0] for name in imports(MODULES[module]) if name.startswith(prefix)}
    return (names & FLOOR_OF.keys()) - {module.split(".")[0]}


def test_every_room_stands_on_one_floor() -> None:
    names = [room for rooms in FLOORS for room in rooms]
    entries = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert sorted(names) == sorted(entries - {"__init__"})
    assert len(entries) <= MOST_ENTRIES


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name != "__init__"))
def test_a_room_imports_from_lower_floors_only(module: str) -> None:
    floor = FLOOR_OF[module.split(".")[0]]
    assert {room for room in rooms_imported_by(module) if FLOOR_OF[room] >= floor} == set()


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"migrations.env"}))
def test_imports_inside_the_package_are_relative(module: str) -> None:
    """Except in env.py, which Alembic runs by its path."""
    absolute = [
        node.module
        for node in ast.walk(ast.parse(MODULES[module].read_text()))
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("todo_service")
    ]
    assert not absolute


def outside(path: Path) -> set[str]:
    """The packages that a file of atjwt imports, absolutely."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", sorted(ATJWT.rglob("*.py")), ids=lambda path: path.stem)
def test_the_verifier_can_be_installed_by_any_service(path: Path) -> None:
    """atjwt imports nothing of ours, no web framework, and no package besides those that its pyproject.toml names."""
    assert outside(path) - sys.stdlib_module_names <= {"cryptography", "httpx2", *ADAPTERS.get(path.stem, ())}
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= LONGEST


def test_only_the_public_interface_of_the_verifier_is_used() -> None:
    """As by everybody else: `from atjwt import NAME`, where NAME is in its `__all__`."""
    reached = {name for path in MODULES.values() for name in imports(path) if name.partition(".")[0] == "atjwt"}
    assert "atjwt.Verifier" in reached
    assert reached - {"atjwt", *(f"atjwt.{name}" for name in atjwt.__all__)} == set()


@pytest.mark.parametrize("path", ["http/strict_json.py", "todos/jitter.py"])
def test_copies_of_files_of_the_verifier_are_equal(path: str) -> None:
    """A fault that is mended in one must be mended in the other. A public interface for them would be a promise."""
    assert (PACKAGE / path).read_text() == (ATJWT / Path(path).name).read_text()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_the_top_knows_settings(module: str) -> None:
    if module.split(".")[0] not in ("app", "assembly", "__main__", "commands", "settings"):
        assert "settings" not in rooms_imported_by(module)
        assert "os" not in imports(MODULES[module])


_TOUCH_TABLES = (
    "queries", "at_once", "list_queries", "memberships", "invitations", "pages", "filling", "idempotency", "purge",
    "cursors", "erasure", "table"
)  # fmt: skip


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith("todos.")))
def test_only_queries_touch_tables(module: str) -> None:
    if module.removeprefix("todos.") not in _TOUCH_TABLES:
        assert "todos.table" not in ours(module)


def test_every_query_takes_the_owner_first() -> None:
    """Except the purge, which works for all owners and sees only rows that are due for removal."""
    found = set()
    given = {"queries": {"connection", "database"}, "pages": {"connection", "find"}}
    for module in ("queries", "list_queries", "pages", "owners", "idempotency"):
        for node in ast.walk(ast.parse(MODULES[f"todos.{module}"].read_text())):
            names = [argument.arg for argument in node.args.args] if isinstance(node, ast.AsyncFunctionDef) else []
            if by := given.get(module, {"connection"}) & set(names):
                found.add(f"{module}.{node.name}")  # type: ignore[attr-defined]  # a function, as the line above saw
                assert names[:2] == ["owner", *by], node
    assert found >= {
        "queries.create",
        "queries.find",
        "queries.change",
        "queries.remove",
        "pages.find_page",
        "owners.advance",
    }


def test_alembic_is_imported_by_the_migrate_command_only() -> None:
    """Alembic takes 11 MB, which serving does not need."""
    assert {name for name in MODULES if any(i.startswith("alembic") for i in imports(MODULES[name]))} == {
        "migrations.__init__",
        "migrations.env",
    }
    importers = {name.split(".")[0] for name in MODULES if "migrations" in rooms_imported_by(name)}
    assert importers == {"assembly", "commands"}
    at_import = ast.parse(MODULES["migrations.__init__"].read_text()).body
    assert not [node for node in at_import if isinstance(node, ast.ImportFrom) and "alembic" in (node.module or "")]


def test_the_mcp_sdk_is_imported_in_one_place_and_not_at_the_start() -> None:
    """It takes 20 MB, which a process without agents does not need."""
    importers = {name for name in MODULES if any(i.split(".")[0].startswith("mcp") for i in imports(MODULES[name]))}
    assert importers == {"agents.server", "agents.lazy"}
    assert {name for name in MODULES if "agents.server" in ours(name)} == {"agents.lazy"}
    at_import = [
        node for node in ast.parse(MODULES["agents.lazy"].read_text()).body if isinstance(node, ast.ImportFrom)
    ]
    assert not [node for node in at_import if (node.module or "").startswith(("server", "mcp"))]  # types excepted


def test_layers_of_a_request_share_its_id_and_its_outgoing_fields_only() -> None:
    """Whatever stands in the ASGI scope has no type, so each key has one module that writes it.

    http.head_requests changes the method, a key of ASGI's own, for the routes inside it.
    """
    writing = {
        name
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
        if ast.unparse(node.value) in ("scope", "request.scope")
    }
    assert writing == {"telemetry.access_log", "http.outgoing", "http.head_requests"}


def test_broad_exceptions_are_caught_once() -> None:
    """Only in app.py, which turns unexpected exceptions into a 500."""
    broad = {
        name: sum(
            isinstance(node, ast.ExceptHandler)
            and (
                node.type is None
                or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))
            )
            for node in ast.walk(ast.parse(path.read_text()))
        )
        for name, path in MODULES.items()
    }
    assert {name: count for name, count in broad.items() if count} == {"app": 1}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_modules_say_what_they_are_and_stay_small(module: str) -> None:
    text = MODULES[module].read_text()
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= LONGEST


def test_files_of_typescript_and_styles_stay_small() -> None:
    assert {path.suffix for path in TYPESCRIPT} == {".ts", ".tsx", ".css"}
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in TYPESCRIPT}
    assert {path.name for path, number in lines.items() if number > LONGEST} == A_TABLE
