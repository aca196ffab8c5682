"""Reads of SQLite on the event loop use one connection as long as it works."""

from pathlib import Path

import pytest
from sqlalchemy import column, select, table, text
from sqlalchemy.exc import OperationalError

from auth_service.store.database import Database

from .opened_database import with_database

_LATER = select(table("later", column("word")).c.word)


def test_a_failed_read_is_sqlalchemys_error_and_the_next_one_works(tmp_path: Path) -> None:
    async def read(database: Database) -> None:
        with pytest.raises(OperationalError):
            await database.find_rows(_LATER, {})
        async with database.writing() as session:
            await session.execute(text("CREATE TABLE later AS SELECT 'here' AS word"))
        assert [tuple(row) for row in await database.find_rows(_LATER, {})] == [("here",)]

    with_database(f"sqlite+aiosqlite:///{tmp_path / 'reads.db'}", read)


def test_a_read_sees_what_was_committed_before_it(tmp_path: Path) -> None:
    async def read(database: Database) -> None:
        async with database.writing() as session:
            await session.execute(text("CREATE TABLE later (word TEXT)"))
        for count in range(3):
            assert len(await database.find_rows(_LATER, {})) == count
            async with database.writing() as session:
                await session.execute(text("INSERT INTO later VALUES ('here')"))

    with_database(f"sqlite+aiosqlite:///{tmp_path / 'reads.db'}", read)
