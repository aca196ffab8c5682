"""The worker rotates keys and cleans up. Only one of many acts at a time, and a stop or kill does no harm."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import httpx2
import psycopg
import pytest

from auth_service.commands import working
from auth_service.settings.settings import Settings
from auth_service.store.database import Database, open_database
from auth_service.store.instants import utc_now
from auth_service.worker.duty_metrics import DutyMetrics
from auth_service.worker.worker import Duty, perform_duties

from .conftest import Store, environment
from .ports import free_port
from .test_key_rotation import LONG_AGO, age
from .test_logs import TYPED, configured
from .waiting import wait_until


@dataclass(frozen=True)
class Worker:
    process: subprocess.Popen[str]
    port: int = field(default_factory=free_port)

    def status(self, path: str) -> int | None:
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}{path}", trust_env=False).status_code
        except httpx2.TransportError:
            return None

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


eventually = partial(wait_until, seconds=60)  # the worker's process has to start first
StartWorker = Callable[..., Worker]


@pytest.fixture
def start_worker() -> Iterator[StartWorker]:
    started: list[Worker] = []

    def start(store: Store, *options: str, **changes: str) -> Worker:
        port = free_port()
        started.append(Worker(store.started("worker", "--port", str(port), *options, stdout=None, **changes), port))
        return started[-1]

    yield start
    for worker in started:
        worker.process.kill()
        worker.process.wait(60)


def kids(store: Store) -> dict[str, str]:
    return dict(store.rows("SELECT state, kid FROM signing_keys WHERE purpose = 'tokens'"))


@pytest.mark.process
def test_a_worker_rotates_and_cleans_up_and_ends_when_it_is_told_to(
    start_worker: StartWorker, database_url: str
) -> None:
    store = Store(database_url)
    age(store)
    store.execute(f"INSERT INTO used_assertions (key, expires_at) VALUES ('k', '{LONG_AGO}')")
    before = kids(store)
    worker = start_worker(store)
    eventually(lambda: kids(store).get("retiring") == before["active"])
    eventually(lambda: store.rows("SELECT * FROM used_assertions") == [])
    assert kids(store)["active"] == before["next"]
    assert (worker.status("/livez"), worker.status("/readyz"), worker.status("/")) == (200, 200, 404)
    assert worker.stop() == 0
    assert store.rows("SELECT * FROM leases") == [], "a stopped worker must release its leases"


@pytest.mark.process
def test_before_the_interval_nothing_is_rotated(start_worker: StartWorker, sqlite_url: str) -> None:
    store = Store(sqlite_url)
    age(store)
    before = kids(store)
    worker = start_worker(store, AUTH_KEY_ROTATION_INTERVAL="P3650D")
    eventually(lambda: len(store.rows("SELECT * FROM leases")) >= 2)
    assert worker.stop() == 0
    assert kids(store) == before


@pytest.mark.process
def test_of_two_workers_one_rotates(start_worker: StartWorker, postgres_url: str) -> None:
    store = Store(postgres_url)
    age(store)
    before = kids(store)
    workers = [start_worker(store) for _ in range(2)]
    eventually(lambda: all(worker.status("/readyz") == 200 for worker in workers))
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(Worker.stop, workers)) == [0, 0]
    after = kids(store)
    assert (after["retiring"], after["active"]) == (before["active"], before["next"])
    assert len(store.rows("SELECT * FROM signing_keys WHERE purpose = 'tokens'")) == 3


@pytest.mark.process
def test_a_worker_killed_inside_a_rotation_leaves_it_to_the_next_one(
    start_worker: StartWorker, postgres_url: str
) -> None:
    """The worker is killed while its transaction waits for a row that the test has locked."""
    store = Store(postgres_url)
    age(store)
    before = kids(store)
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as locked:
        locked.execute("SELECT * FROM signing_keys WHERE state = 'next' FOR UPDATE")
        worker = start_worker(store)
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE signing_keys%'"
        eventually(lambda: store.rows(waiting) != [])
        worker.process.kill()
        worker.process.wait(60)
    assert kids(store) == before
    store.execute(f"UPDATE leases SET expires_at = '{LONG_AGO}'")  # as if three minutes had passed
    start_worker(store)
    eventually(lambda: kids(store).get("active") == before["next"])
    assert len(store.rows("SELECT * FROM signing_keys WHERE purpose = 'tokens'")) == 3


@pytest.mark.process
def test_a_worker_with_an_unknown_secret_refuses_in_one_line(sqlite_url: str) -> None:
    refused = Store(sqlite_url).process("worker", "--port", "1", AUTH_KEY_ENCRYPTION_KEYS="7:" + "z" * 40)
    assert refused.returncode == 1
    assert "needs version 1 of the key-encryption keys" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.process
def test_a_worker_outlives_a_database_that_does_not_answer(start_worker: StartWorker, sqlite_url: str) -> None:
    store = Store(sqlite_url)
    worker = start_worker(store)
    eventually(lambda: worker.status("/readyz") == 200)
    store.execute("ALTER TABLE alembic_version RENAME TO elsewhere")
    eventually(lambda: worker.status("/readyz") == 503)
    assert worker.status("/livez") == 200
    store.execute("ALTER TABLE elsewhere RENAME TO alembic_version")
    eventually(lambda: worker.status("/readyz") == 200)


def test_a_worker_that_fails_is_told_without_the_text(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refuse() -> None:
        raise ValueError(TYPED)

    async def assemble(settings: Settings, database: Database) -> list[Duty]:
        return [Duty("x", timedelta(seconds=1), timedelta(minutes=1), refuse)]

    monkeypatch.setattr(working, "_assemble", assemble)
    for name, value in environment(sqlite_url).items():
        monkeypatch.setenv(name, value)
    with configured(), pytest.raises(SystemExit) as ended:
        working.work("127.0.0.1", free_port(), None)
    out, err = capsys.readouterr()
    [failure] = [each for each in map(json.loads, out.splitlines()) if each["event"] == "worker_failed"]
    assert (ended.value.code, failure["exception.type"], err) == (1, "ExceptionGroup", "")
    assert "ValueError" in failure["exception.stacktrace"]
    assert TYPED not in out


def tells(metrics: DutyMetrics, is_held: int) -> bool:
    return metrics.lease_held.values["x",] == is_held


def test_a_lease_that_cannot_be_renewed_is_not_told_to_be_held(sqlite_url: str) -> None:
    """Another worker may hold the lease by then."""
    told: list[float] = []

    async def perform() -> None:
        database, metrics, stopping = open_database(sqlite_url), DutyMetrics(["x"]), asyncio.Event()
        duty = Duty("x", timedelta(milliseconds=5), timedelta(milliseconds=20), partial(asyncio.sleep, 0))
        working = asyncio.create_task(perform_duties(database, [duty], utc_now, stopping, metrics))
        for expected in (1, 0):
            await asyncio.to_thread(wait_until, partial(tells, metrics, expected))
            told.append(metrics.failures.values["x",])
            if expected:  # in a thread, because the holder of the database's lock needs this event loop to finish
                await asyncio.to_thread(Store(sqlite_url).execute, "ALTER TABLE leases RENAME TO elsewhere")
        stopping.set()
        await working
        await database.close()

    asyncio.run(perform())
    assert told[0] == 0 < told[1]
