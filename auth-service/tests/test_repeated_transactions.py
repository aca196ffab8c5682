"""A transaction that PostgreSQL rolls back in favour of another one is repeated once."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text

from auth_service.store import conflicts, database

from .code_flow import live_grants, register_frontend, sign_up
from .conftest import Service, Start
from .test_lock_order import waits
from .waiting import wait_until


@pytest.fixture
def lone_service(start: Start, postgres_url: str) -> Service:
    return start(postgres_url)


def sign_out_into_a_deadlock(service: Service) -> int:
    """Sign a person out while somebody locks the rows in the opposite order. Returns the status."""
    person, frontend = sign_up(service), register_frontend(service)
    frontend.tokens(person)
    url = service.database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as watcher, psycopg.connect(url) as other, ThreadPoolExecutor(2) as pool:
        other.execute("SET deadlock_timeout = '1min'")  # so PostgreSQL rolls the service's transaction back, not this
        other.execute("SELECT id FROM grants FOR UPDATE")
        signing_out = pool.submit(person.browser.post, "/sign-out", json={})
        wait_until(lambda: waits(watcher) or signing_out.done())
        opposite = pool.submit(other.execute, "SELECT id FROM browser_sessions FOR UPDATE")
        wait_until(opposite.done)
        other.rollback()
        return signing_out.result().status_code


def test_a_transaction_that_deadlocked_is_repeated(lone_service: Service) -> None:
    assert sign_out_into_a_deadlock(lone_service) == 200
    assert live_grants(lone_service) == 0
    assert lone_service.rows("SELECT count(*) FROM browser_sessions") == [(0,)]


def test_nothing_is_answered_as_done_that_was_rolled_back(
    lone_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the repetition: 503, and the session is still there."""
    monkeypatch.setattr(conflicts, "CONFLICTS", ())
    assert sign_out_into_a_deadlock(lone_service) == 503
    assert live_grants(lone_service) == 1


def test_a_server_with_another_default_level_changes_nothing(start: Start, postgres_url: str) -> None:
    """The statements expect READ COMMITTED, whatever the server's own default is."""
    name = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'".encode())

    async def level(opened: database.Database) -> object:
        async with opened.writing() as session:
            return await session.scalar(text("SHOW transaction_isolation"))

    assert start(postgres_url).do(level) == "read committed"
