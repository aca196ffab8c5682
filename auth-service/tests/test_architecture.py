"""Imports point down only, and what belongs in one place is in one place (STYLE section 1 and 5)."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "auth_service"

TOP = {"app", "failures", "__main__", "commands", "settings", "access_log", "migrations", "routes", "tracing"}
ENDPOINTS = {
    *("authorize", "token", "userinfo", "introspect", "revoke", "logout"),
    *("better_auth", "discovery", "health", "hosted_pages", "internal", "jwks", "status_list_documents"),
}
EDGE = {  # what endpoints share of HTTP
    "dependencies",
    "direct_routes",
    "session_cookies",
    "current_session",
    "guessing",
    "browsers",
    "pages",
    "answers",
    "waiting",
    "password_sign_in",
    "password_sign_up",
    "published",
    "oauth_requests",
    "bearer_tokens",
    "client_cors",
    "exposition",
    "client_requests",
}
PROTOCOL = {"oauth"}
MODULES = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
NOUNS = MODULES - TOP - ENDPOINTS - EDGE - PROTOCOL - {"__init__"}


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports; of this package, the part below it."""
    package = ["auth_service", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*parent, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names) if base == "auth_service" else (base,)


def files_of(names: set[str]) -> Iterator[tuple[str, Path]]:
    for name in sorted(names):
        yield from (
            (name, path) for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] in (name, f"{name}.py")
        )


def own(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("auth_service.")}


def foreign(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path) if not name.startswith("auth_service")}


def test_the_protocol_needs_only_the_standard_library() -> None:
    for _, path in files_of(PROTOCOL):
        assert own(path) <= PROTOCOL, path
        assert foreign(path) <= set(sys.stdlib_module_names), path


def test_nouns_know_no_web_framework_and_nothing_above_them() -> None:
    for _, path in files_of(NOUNS):
        assert own(path) <= NOUNS | PROTOCOL, path
        assert not foreign(path) & {"fastapi", "starlette", "uvicorn", "typer"}, path


def test_endpoints_do_not_import_each_other_or_what_is_above_them() -> None:
    for name, path in files_of(ENDPOINTS):
        assert own(path) <= NOUNS | PROTOCOL | EDGE | {name} | ({"migrations"} if name == "health" else set()), path


def test_only_app_and_the_commands_know_the_settings() -> None:
    for name, path in files_of(MODULES - {"app", "commands", "settings"}):
        assert "settings" not in own(path), (name, path)


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
    assert {name: length for name, length in lengths.items() if length > 200} == {}
