"""The schema that migrations make is the one that the models describe, on both databases."""

from typing import Any

from sqlalchemy import create_engine, inspect

from auth_service.database import Row

from .conftest import Store


def test_migrations_make_what_the_models_describe(database_url: str) -> None:
    engine = create_engine(database_url.replace("+aiosqlite", ""))
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
    engine.dispose()


def _indexes(indexes: list[Any]) -> set[tuple[tuple[str, ...], bool]]:
    return {(tuple(index["column_names"]), bool(index["unique"])) for index in indexes}


def test_a_table_that_is_made_anew_keeps_its_constraints(sqlite_url: str) -> None:
    schema = Store(sqlite_url).rows("SELECT sql FROM sqlite_master WHERE name = 'browser_sessions'")[0][0]
    assert "UNIQUE (token)" in schema
    assert "ON DELETE CASCADE" in schema
