"""The fast path of the most frequent statements on PostgreSQL: one transaction with its owner, which leaves nothing."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import Float, String, bindparam, func, select, text
from sqlalchemy.exc import ProgrammingError

from todo_fixtures.event_loop import in_a_loop
from todo_fixtures.service import Service
from todo_service.store.database import Database, open_database
from todo_service.todos import queries
from todo_service.todos.rooms import Quota

_OWNER = select(func.coalesce(func.current_setting("todo.owner", True), "").label("owner"))
_SLEEP = select(func.pg_sleep(bindparam("seconds", type_=Float)).label("slept"))
_UNKNOWN = select(func.no_such_function(bindparam("typed", type_=String)).label("found"))


@pytest.fixture
def database(postgres_service: Service) -> Database:
    return open_database(postgres_service.app.state.parts.database.writer.url.render_as_string(hide_password=False))


@in_a_loop
async def test_the_owner_is_set_for_the_statement_and_no_longer(database: Database) -> None:
    assert [row.owner for row in await database.find_rows("alice", _OWNER, {})] == ["alice"]
    async with database.reader.connect() as connection:  # the connection that was just given back
        assert (await connection.execute(_OWNER)).scalar_one() == ""
    await database.close()


@in_a_loop
async def test_a_refused_statement_or_a_cancelled_one_leaves_nothing(database: Database) -> None:
    for _ in range(30):  # more than the pool has connections
        with pytest.raises(ProgrammingError) as caught:
            await database.find_rows("alice", _UNKNOWN, {"typed": "hunter2"})
        assert "hunter2" not in str(caught.value)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await database.find_rows("alice", _SLEEP, {"seconds": 30.0})
    names = [f"owner {number}" for number in range(60)]
    found = await asyncio.gather(*(database.find_rows(name, _OWNER, {}) for name in names))
    assert [rows[0].owner for rows in found] == names
    await database.close()


@in_a_loop
async def test_a_change_that_fails_is_undone_as_a_whole(database: Database) -> None:
    """Its statement also counts the todo, and the count is undone, too."""
    owner, id_, now = f"owner-{uuid.uuid4()}", uuid.uuid4(), datetime.now(UTC)
    fields = {"title": "x", "notes": "", "status": "open", "priority": 0, "due": None, "due_at": now, "list_id": None}
    fields["position"] = "1"
    told: list[str] = []
    database.on_commit.append(told.append)
    quota = Quota(10, 100_000)
    assert await queries.create_at_once(owner, database, id_=id_, fields=fields, now=now, quota=quota) is not None
    with pytest.raises(Exception, match="unique"):  # the same id once more
        await queries.create_at_once(owner, database, id_=id_, fields=fields, now=now, quota=quota)
    full = Quota(1, 100_000)
    assert await queries.create_at_once(owner, database, id_=uuid.uuid4(), fields=fields, now=now, quota=full) is None
    async with database.reading(owner) as connection:
        counted = await connection.execute(text("SELECT sequence, todo_count, kept_rows FROM owners"))
        assert counted.all() == [(1, 1, 1)]
    assert told == [owner]
    await database.close()
