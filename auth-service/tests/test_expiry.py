"""Old rows are deleted, so that no table grows with traffic."""

import asyncio
import json
from datetime import timedelta

from auth_service.limits.budgets import AttemptBudget
from auth_service.store.database import open_database
from auth_service.store.leases import hold
from auth_service.worker.expiry import BATCH, delete_expired

from .browser import Browser
from .code_flow import register_frontend
from .conftest import Clock, Service
from .test_lockout import WRONG, attempt


def test_what_has_expired_is_deleted_and_nothing_else(service: Service) -> None:
    ended = service.signed_up("ann@example.com")
    service.clock.advance(days=6)
    attempt(service, "ann@example.com", WRONG)
    live = service.signed_up("eve@example.com")
    service.clock.advance(days=2)
    attempt(service, "nobody@example.com", WRONG)
    assert run_expiry(service) == 1 + 2
    assert len(service.rows("SELECT * FROM browser_sessions")) == 1
    assert len(service.rows("SELECT * FROM attempts")) == 2
    assert live.get("/get-session").json() is not None
    assert ended.get("/get-session").json() is None


def run_expiry(service: Service, **options: int) -> int:
    async def run() -> int:
        database = open_database(service.database_url)
        try:
            return await delete_expired(database, now=service.clock(), **options)
        finally:
            await database.close()

    return asyncio.run(run())


def test_too_many_attempts_go_the_least_tried_first_in_batches(service: Service) -> None:
    """Attempts for invented names are capped, and do not displace the counts of an account under attack."""

    async def fill() -> None:
        database = open_database(service.database_url)
        now = service.clock()
        async with database.writing() as session:
            for number in range(BATCH + 300):
                count = 9 if number < 10 else 1
                session.add(
                    AttemptBudget(key=f"k{number}", count=count, next_at=now, expires_at=now + timedelta(hours=1))
                )
        await database.close()

    asyncio.run(fill())
    assert run_expiry(service, max_rows=100) == BATCH + 200
    assert service.rows("SELECT count(*) FROM attempts WHERE count = 9") == [(10,)]
    assert service.rows("SELECT count(*) FROM attempts") == [(100,)]


def test_requests_that_wait_expire_and_are_capped_the_oldest_first(service: Service) -> None:
    """Anybody can create authorization requests, so they are capped, and the newest stay."""
    frontend = register_frontend(service)
    browser = Browser(service)
    for minute in range(5):
        browser.authorize(frontend, state=str(minute))
        browser.open("/oauth/logout", client_id=frontend.client_id)
        service.clock.advance(minutes=1)
    assert run_expiry(service, max_rows=3) == 2 + 2
    kept = service.rows("SELECT parameters FROM authorization_requests")
    assert sorted(json.loads(row[0])["state"] for row in kept) == ["2", "3", "4"]
    service.clock.advance(hours=23, minutes=58)
    assert run_expiry(service) == 2 + 2
    service.clock.advance(minutes=5)
    assert run_expiry(service) == 1 + 1


def test_of_many_processes_one_holds_the_lease(service: Service) -> None:
    async def race() -> list[bool]:
        database = open_database(service.database_url)
        clock = Clock()
        lasting = timedelta(minutes=3)
        first = await asyncio.gather(*(hold(database, "x", f"h{i}", lasting=lasting, now=clock()) for i in range(8)))
        holder = f"h{first.index(True)}"
        again = await hold(database, "x", holder, lasting=lasting, now=clock())
        other = await hold(database, "x", "other", lasting=lasting, now=clock())
        clock.advance(minutes=4)
        later = await hold(database, "x", "other", lasting=lasting, now=clock())
        await database.close()
        return [first.count(True) == 1, again, not other, later]

    assert asyncio.run(race()) == [True] * 4
