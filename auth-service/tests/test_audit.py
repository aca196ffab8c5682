"""The audit trail: events in a table of their own, and the polls that the log leaves out."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from auth_service.audit import trail
from auth_service.audit.trail import MAX_PER_HOUR, AuditEvent, record
from auth_service.migrations.tables import import_tables
from auth_service.serving.routes import ROUTES
from auth_service.store.database import Database
from auth_service.telemetry import logs
from auth_service.telemetry.access_log import POLLED
from auth_service.worker.expiry import BATCH, delete_old_events

from .code_flow import register_frontend, sign_in, sign_up
from .conftest import PASSWORD, Service, Start
from .oauth_client import register
from .status_scene import post
from .waiting import wait_until

TYPED = "nobody-typed-this@example.com"


def events(service: Service, *filters: str) -> list[dict[str, Any]]:
    done = service.command("audit", "export", *filters)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def names(service: Service, *filters: str) -> list[str]:
    return [event["event"] for event in events(service, *filters)]


def refuse(service: Service, email: str) -> None:
    answer = service.client().post("/sign-in/email", json={"email": email, "password": "incorrect-zebra"})
    assert answer.status_code in (401, 429)


def test_what_happens_to_an_account_and_a_client_is_there(start: Start, database_url: str) -> None:
    service = start(database_url)
    person, elsewhere = sign_up(service), sign_in(service)
    frontend = register_frontend(service)
    frontend.tokens(person)
    robot = register(service)
    post(elsewhere, "/sign-out")
    body = {"currentPassword": PASSWORD, "newPassword": "another-long-pass-word", "revokeOtherSessions": True}
    post(person, "/change-password", **body)
    for command in (
        ("users", "suspend", person.account_id, "--yes"),
        ("users", "activate", person.account_id),
        ("users", "revoke-sessions", person.account_id, "--yes"),
        ("clients", "rotate-secret", robot.client_id),
        ("clients", "rotate-secret", robot.client_id, "--revoke", "--yes"),
        ("clients", "delete", robot.client_id, "--yes"),
        ("users", "delete", person.account_id, "--yes"),
    ):
        assert service.command(*command).returncode == 0, command
    assert names(service, "--account", person.account_id) == [
        "signed_up", "signed_in", "password_changed", "account_suspended", "account_activated", "sessions_revoked",
        "account_deleted",
    ]  # fmt: skip
    assert names(service, "--client", robot.client_id) == [
        "client_secret_rotated", "client_secret_revoked", "client_deleted",
    ]  # fmt: skip
    assert service.command("clients", "create", stdin='{"grant_types": ["client_credentials"]}').returncode == 0
    assert names(service)[-1] == "client_registered"
    [signed_out] = events(service, "--event", "signed_out")
    assert signed_out["facts"] == {"session_id": elsewhere.session_id}


@pytest.mark.process
def test_a_commands_output_has_no_log_lines(sqlite_service: Service) -> None:
    done = sqlite_service.process("clients", "create", stdin='{"grant_types": ["client_credentials"]}')
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["client_secret"]
    assert done.stderr == ""


def test_no_event_holds_a_secret_or_what_was_typed(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    person = sign_up(service)
    refuse(service, TYPED)
    refuse(service, "ann@example.com")
    secret = register(service).secret
    text = json.dumps(service.rows("SELECT * FROM audit_events"))
    for each in (TYPED, "ann@example.com", "incorrect-zebra", PASSWORD, secret, person.browser.cookies.jar):
        assert str(each) not in text


def test_an_event_is_rolled_back_with_its_transaction(start: Start, database_url: str) -> None:
    service = start(database_url)

    async def fail(database: Database) -> None:
        async with database.writing() as session:
            await record(session, "signed_in", now=service.clock(), account_id="a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        service.do(fail)
    assert events(service) == []


def test_refused_sign_ins_are_counted_by_account_and_hour(start: Start, database_url: str) -> None:
    """All unknown addresses are one subject."""
    service = start(database_url, AUTH_LIMITS="off")
    person = sign_up(service)
    for _ in range(3):
        refuse(service, "ann@example.com")
    for number in range(4):
        refuse(service, f"{number}@example.com")
    found = events(service, "--event", "sign_in_refused")
    counts: dict[str | None, int] = {}
    for event in found:  # two rows of one subject if the hour has just ended
        counts[event["account_id"]] = counts.get(event["account_id"], 0) + event["count"]
    assert counts == {person.account_id: 3, None: 4}
    assert 2 <= len(found) <= 4
    assert all(event["occurred_at"] <= event["last_at"] for event in found)


def test_one_subject_cannot_fill_the_table(start: Start, database_url: str) -> None:
    """Above MAX_PER_HOUR events of one kind, account and client in an hour are counted in one row."""
    service = start(database_url)
    service.clock.stop()
    more = 20

    async def flood(database: Database) -> None:
        async def one(account_id: str) -> None:
            async with database.writing() as session:
                await record(session, "signed_in", now=service.clock(), account_id=account_id, session_id="s")

        for _ in range(MAX_PER_HOUR + more):
            await one("a")
        await asyncio.gather(*(one("a") for _ in range(more)))
        await one("b")

    service.do(flood)
    found = events(service, "--account", "a")
    assert len(found) == MAX_PER_HOUR + 1
    assert sum(event["count"] for event in found) == MAX_PER_HOUR + 2 * more
    assert len(events(service, "--account", "b")) == 1
    service.clock.advance(hours=1)

    async def later(database: Database) -> None:
        async with database.writing() as session:
            await record(session, "signed_in", now=service.clock(), account_id="a")

    service.do(later)
    assert len(events(service, "--account", "a")) == MAX_PER_HOUR + 2


def test_events_are_filtered_by_time(start: Start, database_url: str) -> None:
    service = start(database_url)
    service.clock.stop()
    first = service.clock()

    async def write(database: Database) -> None:
        for number in range(3):
            async with database.writing() as session:
                await record(session, f"event_{number}", now=first + timedelta(hours=number))

    service.do(write)
    since, until = (first + timedelta(hours=1)).isoformat(), (first + timedelta(hours=2)).isoformat()
    assert names(service, "--since", since) == ["event_1", "event_2"]
    assert names(service, "--until", until) == ["event_0", "event_1"]
    assert names(service, "--since", since, "--until", until) == ["event_1"]
    listed = service.command("audit", "list", "--since", since, "--json").stdout.splitlines()
    assert [json.loads(line)["event"] for line in listed] == ["event_1", "event_2"]


@pytest.mark.parametrize("time", ["yesterday", "2026-13-01", "9999-12-31T23:59:59-14:00"])
def test_what_is_no_time_is_refused_in_one_line(sqlite_service: Service, time: str) -> None:
    done = sqlite_service.command("audit", "list", "--since", time)
    assert (done.returncode, len(done.stderr.splitlines()), "--since" in done.stderr) == (1, 1, True)


def test_old_events_are_deleted_in_batches(start: Start, database_url: str) -> None:
    service = start(database_url)
    rows = ", ".join(f"('2026-01-01', '2026-01-01', 'x', '{{}}', 1, {number})" for number in range(BATCH + 2))
    columns = "occurred_at, last_at, event, facts, count, counted_as"
    values = rows.replace("2026-01-01", "2026-01-01 00:00:00.000000")
    service.execute(f"INSERT INTO audit_events ({columns}) VALUES {values}")
    sign_up(service)
    kept = timedelta(days=1)
    deleted = service.do(lambda database: delete_old_events(database, before=service.clock() - kept))
    assert deleted == BATCH + 2
    assert names(service) == ["signed_up"]


def test_it_outlives_a_restored_account() -> None:
    """The table has no foreign key: an event stays when its account or client is deleted."""
    assert AuditEvent in import_tables()
    assert not AuditEvent.__table__.foreign_keys
    assert trail.MAX_PER_HOUR == MAX_PER_HOUR


class TestPolls:
    def test_each_is_a_route(self) -> None:
        assert {getattr(route, "path", "") for route in ROUTES} >= POLLED

    def test_they_are_counted_and_not_logged_unless_refused(
        self, start: Start, sqlite_url: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        service = start(sqlite_url)
        one = service.list_uri(1).rpartition("/")[2]
        quiet = ("/oauth/status-lists", f"/oauth/status-lists/{one}", "/.well-known/jwks.json", "/readyz", "/livez")
        loud = ("/oauth/status-lists/999", "/.well-known/openid-configuration")
        logs.configure("INFO")
        try:
            answers = {path: httpx2.get(f"{service.url}{path}") for path in (*quiet, *loud)}
            known = {"If-None-Match": answers["/oauth/status-lists"].headers["ETag"]}
            assert httpx2.get(f"{service.url}/oauth/status-lists", headers=known).status_code == 304
            out = ""

            def is_written() -> bool:
                nonlocal out
                out += capfd.readouterr().out
                return out.count('"event": "request"') >= len(loud)

            wait_until(is_written)
        finally:
            logs.configure("ERROR")
        lines = [json.loads(line) for line in out.splitlines() if '"event": "request"' in line]
        assert [line["http.route"] for line in lines] == [
            "/oauth/status-lists/{list_id}", "/.well-known/openid-configuration",
        ]  # fmt: skip
        exposed = httpx2.get(service.metrics_url).text
        assert 'http_route="/oauth/status-lists",http_response_status_code="304"' in exposed.replace(" ", "")
