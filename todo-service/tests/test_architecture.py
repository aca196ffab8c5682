"""Who may import whom."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "todo_service"
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in PACKAGE.rglob("*.py")
    if "versions" not in path.parts
}
LIFTED = {
    *("strict_json", "saved_copy", "jws", "key_set", "jwks", "access_token", "verified_tokens"),
    *("status_list", "status_lists", "status_hints", "outgoing", "jitter"),
}


def imports(path: Path) -> set[str]:
    """Every module that the file names in an import, wherever the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def ours(module: str) -> set[str]:
    prefix = "todo_service."
    names = {name.removeprefix(prefix) for name in imports(MODULES[module]) if name.startswith(prefix)}
    return names & MODULES.keys()


@pytest.mark.parametrize("module", sorted(LIFTED))
def test_the_verifier_can_be_lifted_into_another_service(module: str) -> None:
    """DESIGN.md section 7: neither FastAPI nor settings, nor anything of ours beside these."""
    assert ours(module) <= LIFTED
    outside = {name.partition(".")[0] for name in imports(MODULES[module])} - {"todo_service"}
    assert not outside & {
        "fastapi",
        "starlette",
        "pydantic",
        "pydantic_settings",
        "sqlalchemy",
        "structlog",
        "os.environ",
    }


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_the_top_knows_settings(module: str) -> None:
    if module not in ("app", "__main__", "settings"):
        assert "settings" not in ours(module)
        assert "os" not in imports(MODULES[module]) or module == "saved_copy"  # which writes a file


@pytest.mark.parametrize("module", sorted(MODULES))
def test_nobody_imports_the_top(module: str) -> None:
    assert not ours(module) & ({"app"} if module == "__main__" else {"app", "__main__"}) or module == "__main__"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith("todos.")))
def test_only_queries_touch_tables(module: str) -> None:
    if module.removeprefix("todos.") not in ("queries", "pages", "idempotency", "purge", "cursors", "erasure", "table"):
        assert "todos.table" not in ours(module)


def test_every_query_takes_the_owner_first() -> None:
    """All but the purge, which is for all owners and sees only what had to be gone."""
    found = set()
    for module in ("queries", "pages", "owners", "idempotency"):
        for node in ast.walk(ast.parse(MODULES[f"todos.{module}"].read_text())):
            names = [argument.arg for argument in node.args.args] if isinstance(node, ast.AsyncFunctionDef) else []
            if "connection" in names:
                found.add(f"{module}.{node.name}")  # type: ignore[attr-defined]  # a function, as the line above saw
                assert names[:2] == ["owner", "connection"], node
    assert found >= {"queries.create", "queries.change", "queries.remove", "pages.find_page", "owners.advance"}


def test_alembic_is_imported_by_the_migrate_command_only() -> None:
    """It takes 11 MB that serving does not need."""
    assert {name for name in MODULES if any(i.startswith("alembic") for i in imports(MODULES[name]))} == {
        "migrate",
        "migrations.env",
    }
    importers = {name for name in MODULES if "migrate" in ours(name)}
    assert importers == {"__main__"}


def test_broad_exceptions_are_caught_once() -> None:
    """STYLE.md section 5: in app.py."""
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
    assert len(text.splitlines()) <= 400
