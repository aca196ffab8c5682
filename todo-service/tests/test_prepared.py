"""The fast path of the most frequent statements on PostgreSQL: one transaction with its owner, which leaves nothing."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Float, String, bindparam, func, select, text
from sqlalchemy.exc import ProgrammingError

from todo_fixtures.event_loop import in_a_loop
from todo_fixtures.service import Service
from todo_service.store.database import Database, open_database
from todo_service.todos import at_once, idempotency, owners, transitions
from todo_service.todos.rooms import Quota
from todo_service.todos.table import lists

NOW = datetime.now(UTC)
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


def new_todo(title: str = "x", *, list_id: uuid.UUID | None = None) -> dict[str, Any]:
    fields = {"title": title, "notes": "", "status": "open", "priority": 0, "due": None, "due_at": NOW}
    return transitions.created({**fields, "list_id": list_id, "position": "1"}, id_=uuid.uuid4(), now=NOW)


def new_list(owner: str, id_: uuid.UUID) -> dict[str, Any]:
    row = {"owner": owner, "id": id_, "name": "l", "color": "red", "position": "1", "version": 1, "octets": 0}
    return {**row, "created_at": NOW, "updated_at": NOW, "sequence": 1, "members": 0}


async def counters(owner: str, database: Database) -> tuple[Any, ...]:
    """The owner's counters, of which the room is what the rows take."""
    columns = ("owners.sequence", "todo_count", "kept_rows", "kept_octets", "kept_at - owners.sequence")
    kept = "SELECT coalesce(sum(octets), 0) FROM todos WHERE owner = owners.owner"
    query = f"SELECT {', '.join(columns)}, ({kept}) FROM owners"
    async with database.reading(owner) as connection:
        return tuple((await connection.execute(text(query))).one())


@in_a_loop
async def test_a_change_that_fails_is_undone_as_a_whole(database: Database) -> None:
    """Its statement also counts the todo, and the count is undone, too."""
    owner, values, quota = f"owner-{uuid.uuid4()}", new_todo(), Quota(10, 100_000)
    told: list[str] = []
    database.on_commit.append(told.append)
    assert await at_once.create(owner, database, values=values, quota=quota)
    with pytest.raises(Exception, match="unique"):  # the same id once more
        await at_once.create(owner, database, values=values, quota=quota)
    assert not await at_once.create(owner, database, values=new_todo(), quota=Quota(1, 100_000))
    octets = values["octets"]
    assert await counters(owner, database) == (1, 1, 1, octets, 0, octets)
    assert told == [owner]
    await database.close()


@in_a_loop
async def test_a_todo_with_a_list_or_a_key_is_made_with_all_that_belongs_to_it_or_not_at_all(
    database: Database,
) -> None:
    owner, quota = f"owner-{uuid.uuid4()}", Quota(10, 10_000)
    assert await at_once.create(owner, database, values=new_todo(), quota=quota)
    known, unknown = uuid.uuid4(), uuid.uuid4()
    async with database.writing(owner) as connection:
        await connection.execute(lists.insert().values(new_list(owner, known)))
    claim = idempotency.Claim(owner, "client", "/route", "key")
    stored, octets = idempotency.stored(claim, idempotency.Answer(201, b"{}", {}), body=b"", now=NOW)
    before = await counters(owner, database)
    for values, kept in ((new_todo(list_id=unknown), None), (new_todo(list_id=unknown), stored)):
        assert not await at_once.create(owner, database, values=values, quota=quota, stored=kept, octets=octets)
        assert await counters(owner, database) == before
    full = Quota(10, before[3] + 10)
    for values, kept in ((new_todo(list_id=known), None), (new_todo(), stored)):
        assert not await at_once.create(owner, database, values=values, quota=full, stored=kept, octets=octets)
        assert await counters(owner, database) == before
    assert await at_once.create(owner, database, values=new_todo(list_id=known), quota=quota)
    assert await at_once.create(
        owner, database, values=new_todo(list_id=known), quota=quota, stored=stored, octets=octets
    )
    sequence, todos, rows, kept_octets, _, of_todos = await counters(owner, database)
    assert (sequence, todos, rows, kept_octets) == (3, 3, 3, of_todos + octets)
    assert not await at_once.create(owner, database, values=new_todo(), quota=quota, stored=stored, octets=octets)
    assert (await counters(owner, database))[0] == 3
    await database.close()


@in_a_loop
async def test_a_todo_does_not_get_into_a_list_that_is_deleted_meanwhile(database: Database) -> None:
    """The statement began before the deletion was committed, and waits for the owner's lock."""
    owner, quota, known = f"owner-{uuid.uuid4()}", Quota(10, 10_000), uuid.uuid4()
    assert await at_once.create(owner, database, values=new_todo(), quota=quota)
    async with database.writing(owner) as connection:
        await connection.execute(lists.insert().values(new_list(owner, known)))
    async with database.writing(owner) as connection:
        await owners.advance(owner, connection)
        await connection.execute(lists.update().where(lists.c.id == known).values(deleted_at=NOW))
        adding = asyncio.ensure_future(at_once.create(owner, database, values=new_todo(list_id=known), quota=quota))
        await asyncio.sleep(0.3)
        assert not adding.done()
    assert not await adding
    assert (await counters(owner, database))[1] == 1
    await database.close()


@in_a_loop
async def test_a_change_counts_its_octets_once_and_only_at_the_version_that_was_seen(database: Database) -> None:
    """Twenty at once: each is made by the statement, or left to the transaction, and nothing is counted twice."""
    owner, values, quota = f"owner-{uuid.uuid4()}", new_todo(), Quota(10, 100_000)
    assert await at_once.create(owner, database, values=values, quota=quota)

    async def rename(title: str, room: Quota = quota) -> Any:
        return await at_once.change(owner, database, values["id"], {"title": title}, versions=None, now=NOW, quota=room)

    made = [each for each in await asyncio.gather(*(rename("y" * n) for n in range(2, 22))) if each is not None]
    assert made
    assert len({each["version"] for each in made}) == len(made)
    sequence, todos, rows, kept, is_counted, of_todos = await counters(owner, database)
    assert (sequence, todos, rows, kept, is_counted) == (1 + len(made), 1, 1, of_todos, 0)
    full = Quota(10, kept)
    assert await rename("z" * 100, full) is None
    assert (await rename("z", full))["title"] == "z"
    unchanged = await rename("z")
    assert unchanged["version"] == 2 + len(made)
    with pytest.raises(transitions.VersionDiffers):
        await at_once.change(owner, database, values["id"], {"title": "a"}, versions=[1], now=NOW, quota=quota)
    assert await at_once.change(owner, database, uuid.uuid4(), {}, versions=None, now=NOW, quota=quota) is None
    assert (await counters(owner, database))[0] == 2 + len(made)
    await database.close()
