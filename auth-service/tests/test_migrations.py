"""The schema that migrations make is the one that the models describe, on both databases."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import NullPool, create_engine, inspect

import auth_service
from auth_service import migrations
from auth_service.store.database import Row

from .conftest import Store


def test_migrations_make_what_the_models_describe(database_url: str) -> None:
    for module in pkgutil.iter_modules(auth_service.__path__, "auth_service."):
        importlib.import_module(module.name)  # a table is known once its module is imported
    engine = create_engine(database_url.replace("+aiosqlite", ""), poolclass=NullPool)
    made = inspect(engine)
    assert {*made.get_table_names()} == {*Row.metadata.tables, "alembic_version"}
    for name, table in Row.metadata.tables.items():
        columns = {column["name"]: column["nullable"] for column in made.get_columns(name)}
        assert columns == {column.name: column.nullable for column in table.columns}, name
        assert _indexes(made.get_indexes(name)) >= {
            (tuple(column.name for column in index.columns), bool(index.unique)) for index in table.indexes
        }, name
        assert {key["referred_table"] for key in made.get_foreign_keys(name)} == {
            key.column.table.name for key in table.foreign_keys
        }, name


def _indexes(indexes: list[Any]) -> set[tuple[tuple[str, ...], bool]]:
    return {(tuple(index["column_names"]), bool(index["unique"])) for index in indexes}


def test_what_was_there_before_grants_is_completed(sqlite_url: str) -> None:
    """0004: a session's person was authenticated when it started; clients' origins are taken from their metadata."""
    store = Store(sqlite_url.replace("auth.db", "old.db"))
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["url"] = store.database_url
    command.upgrade(config, "0003_clients")
    store.execute("INSERT INTO accounts VALUES ('a', 'a@example.com', 0, '', NULL, '2026-01-01', '2026-01-01', NULL)")
    store.execute(
        "INSERT INTO browser_sessions VALUES "
        "('s', 't', 'a', 1, '', '', '2026-01-02 00:00:00', '2026-01-03 00:00:00', '2099-01-01')"
    )
    registered = '{"redirect_uris": ["https://app.example.com/cb", "http://localhost:3000/"]}'
    store.execute(
        f"INSERT INTO clients VALUES ('client_x', '{registered}', NULL, NULL, NULL, '2026-01-01', '2026-01-01')"
    )
    command.upgrade(config, "head")
    assert store.rows("SELECT authenticated_at FROM browser_sessions") == [("2026-01-02 00:00:00",)]
    assert store.rows("SELECT origin FROM client_origins ORDER BY origin") == [
        ("http://localhost:3000",), ("https://app.example.com",),
    ]  # fmt: skip


def test_a_table_that_is_made_anew_keeps_its_constraints(sqlite_url: str) -> None:
    schema = Store(sqlite_url).rows("SELECT sql FROM sqlite_master WHERE name = 'browser_sessions'")[0][0]
    assert "UNIQUE (token)" in schema
    assert "ON DELETE CASCADE" in schema
