"""Migrations from every older schema to the newest keep the data, and the older version keeps working meanwhile."""

import asyncio
import json
import subprocess
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from argon2 import PasswordHasher
from sqlalchemy import Connection, MetaData, NullPool, Table, create_engine, delete, insert, select, text, update
from sqlalchemy.types import Boolean, DateTime, Integer, LargeBinary

from auth_service import migrations
from auth_service.migrations import ADVISORY_LOCK, HEAD, migrate

from .conftest import ISSUER, PASSWORD, Start, Store
from .oauth_client import claims_of
from .postgres_server import made_database
from .registry import API, set_up

VERSIONS = sorted(path.stem for path in (Path(migrations.__file__).parent / "versions").glob("[0-9]*.py"))
# The version before these migrations cannot insert after them. They precede the first release, so no one runs it.
BEFORE_RELEASES = {"0004_grants"}
LONG_AGO, FAR_AHEAD = datetime(2026, 1, 1), datetime(2099, 1, 1)  # noqa: DTZ001 - SQLite's are without a zone
# Columns that need a particular value, not just any of their type.
MEANT = {
    ("clients", "registered"): json.dumps({"redirect_uris": ["https://app.example.com/callback"]}),
    ("signing_keys", "state"): "gone",
    ("signing_keys", "public_jwk"): "{}",
    ("status_lists", "state"): "closed",
}


def upgrade(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["url"] = url
    command.upgrade(config, revision)


def tables(url: str) -> list[Table]:
    """The database's tables, parents first, without Alembic's own."""
    engine = create_engine(url.replace("+aiosqlite", ""), poolclass=NullPool)
    found = MetaData()
    found.reflect(engine)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def rows(table: Table) -> list[dict[str, Any]]:
    """Two rows for the table, with a value for every column. Foreign keys refer to the parents' rows."""
    return [{column.name: _value(column, number) for column in table.columns} for number in range(2)]


def _value(column: Any, number: int) -> object:
    parents = [key.column for key in column.foreign_keys]
    if parents:
        return _value(parents[0], number)
    if (column.table.name, column.name) in MEANT:
        return MEANT[column.table.name, column.name]
    if isinstance(column.type, DateTime):
        return FAR_AHEAD if column.name == "expires_at" else LONG_AGO
    if isinstance(column.type, Boolean):
        return bool(number)
    if isinstance(column.type, Integer):
        return 1000 + number
    if isinstance(column.type, LargeBinary):
        return bytes([number, 0, 255])
    return f"{column.table.name[:8]}.{column.name[:16]}.{number}"[: getattr(column.type, "length", None) or 100]


def connect(url: str) -> Connection:
    return create_engine(url.replace("+aiosqlite", ""), poolclass=NullPool).connect()


@pytest.mark.parametrize("revision", VERSIONS[:-1])
def test_what_is_stored_is_still_there(bare_url: str, revision: str) -> None:
    upgrade(bare_url, revision)
    before = tables(bare_url)
    with connect(bare_url) as connection:
        for table in before:
            connection.execute(insert(table), rows(table))
        connection.commit()
    migrate(bare_url)
    with connect(bare_url) as connection:
        for table in before:
            assert stored(connection, table) == rows(table), table.name


def stored(connection: Connection, table: Table) -> list[dict[str, Any]]:
    found = connection.execute(select(*table.columns).order_by(*table.primary_key.columns)).mappings()
    return [{name: _without_zone(value) for name, value in row.items()} for row in found]


def _without_zone(value: object) -> object:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


@pytest.mark.parametrize("revision", [VERSIONS[0], VERSIONS[len(VERSIONS) // 2], VERSIONS[-2]])
def test_people_of_then_sign_in(tmp_path: Path, start: Start, revision: str) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'old.db'}"
    upgrade(url, revision)
    account = {"id": "a", "email": "ann@example.com", "name": "Ann"}
    identity = {"id": "i", "account_id": "a", "provider_id": "credential", "subject": "a"}
    identity["password_hash"] = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(PASSWORD)
    with connect(url) as connection:
        for table in tables(url):
            if given := {"accounts": account, "identities": identity}.get(table.name):
                optional = {column.name: None for column in table.columns if column.nullable}
                connection.execute(insert(table).values({**rows(table)[0], **optional, **given}))
        connection.commit()
    migrate(url, issuer=ISSUER)
    if revision >= "0014":  # the migration registers what older deployments had; newer ones are set up by a command
        asyncio.run(set_up(url))
    client = start(url).client()
    signed_in = client.post("/sign-in/email", json={"email": "ann@example.com", "password": PASSWORD})
    assert (signed_in.status_code, signed_in.json()["user"]["id"]) == (200, "a")
    claims = claims_of(client.get("/token").json()["token"])
    assert (claims["aud"], claims["scope"]) == (API, "todos:read todos:write")


@pytest.mark.parametrize(
    ("older", "newer"),
    [pair for pair in pairwise(VERSIONS) if pair[1] not in BEFORE_RELEASES],
)
def test_the_version_before_reads_and_writes_all_that_it_knows(bare_url: str, older: str, newer: str) -> None:
    """The older version serves during the migration; its statements name only the columns that it knows."""
    upgrade(bare_url, older)
    known = tables(bare_url)
    upgrade(bare_url, newer)
    with connect(bare_url) as connection:
        for table in known:
            connection.execute(insert(table), rows(table))
            same = {name: value for name, value in rows(table)[0].items() if not table.columns[name].primary_key}
            one = [column == rows(table)[0][column.name] for column in table.primary_key.columns]
            if same:
                assert connection.execute(update(table).where(*one).values(same)).rowcount == 1, table.name
            assert stored(connection, table) == rows(table), table.name
        for table in reversed(known):
            assert connection.execute(delete(table)).rowcount == 2, table.name


@pytest.mark.process
def test_one_migrates_and_the_others_wait(bare_url: str) -> None:
    upgrade(bare_url, VERSIONS[0])
    store = Store(bare_url)
    with connect(bare_url) as holder:
        if bare_url.startswith("sqlite"):
            holder.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            holder.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        waiting = [store.started("migrate", stdout=subprocess.DEVNULL) for _ in range(2)]
        with pytest.raises(subprocess.TimeoutExpired):
            waiting[0].wait(1)
        holder.rollback()
    assert [process.wait(60) for process in waiting] == [0, 0]
    assert store.rows("SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_a_migration_gives_up_rather_than_have_everybody_wait_behind_it(postgres: str) -> None:
    """A backup, for example, holds the table's lock for long."""
    with made_database(postgres) as url:
        upgrade(url, "0007_account_events")
        with connect(url) as reader:
            reader.execute(text("SELECT count(*) FROM clients"))
            refused = Store(url).command("migrate")
            assert (refused.returncode, "lock timeout" in refused.stderr) == (1, True), refused.stderr
        assert Store(url).rows("SELECT version_num FROM alembic_version") == [("0007_account_events",)]
        migrate(url)
