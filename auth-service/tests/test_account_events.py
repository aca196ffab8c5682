"""Account events: each is delivered at least once to every registered receiver, after its change is committed."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

import jwt
import pytest
import structlog

from auth_service.endpoints.token.grants import GRANT_TYPES
from auth_service.events.deliveries import DELIVERY_TTL, MAX_ERROR, PURGE_DELAY
from auth_service.events.sender import EventSender
from auth_service.keys.ring import open_ring
from auth_service.keys.signing import open_token_stores
from auth_service.network.outbound import FetchFailed, Outbound
from auth_service.oauth.client_metadata import parse
from auth_service.oauth.errors import InvalidClientMetadata
from auth_service.sealed.versioned_secrets import parse_secrets
from auth_service.store.database import open_database

from .conftest import ISSUER, KEY_ENCRYPTION_KEYS, PASSWORD, Service, Store
from .oauth_client import OAuthClient, register
from .registry import RESOURCES
from .test_expiry import run_expiry
from .test_key_rotation import TTL
from .test_worker import StartWorker, eventually, start_worker

__all__ = ["start_worker"]

LOOPBACK = "127.0.0.0/8"
RISC = "https://schemas.openid.net/secevent/risc/event-type"
CAEP = "https://schemas.openid.net/secevent/caep/event-type"


@dataclass
class Receiver:
    """A service that receives account events."""

    url: str = ""
    status: int = 202
    received: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            token = body.removeprefix("logout_token=")  # sent in a form, where a JWT needs no escapes
            receiver.tokens.append(token)
            claims = jwt.decode(token, options={"verify_signature": False})
            receiver.received.append({**claims, "media_type": self.headers["Content-Type"]})
            receiver.may_answer.wait(60)
            try:
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                pass  # the test has killed the sender

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/events"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.may_answer.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def told_to(service: Service, receiver: Receiver, **changes: Any) -> OAuthClient:
    return register(service, event_endpoint=receiver.url, **changes)


def send(service: Service, *, networks: str = LOOPBACK) -> None:
    """Deliver what is due, as the worker does every second."""

    async def run() -> None:
        database = open_database(service.database_url)
        stores = open_token_stores(database, parse_secrets(KEY_ENCRYPTION_KEYS), longest_token_ttl=TTL)
        keys = await open_ring(*stores, now=service.clock())
        sender = EventSender(ISSUER, database, keys, Outbound([ip_network(networks)]), service.clock)
        try:
            await sender.send_due()
        finally:
            await database.close()

    asyncio.run(run())


def account_of(service: Service) -> tuple[str, str]:
    """The ids of the newest account and its session."""
    [(account_id, session_id)] = service.rows("SELECT account_id, id FROM browser_sessions")
    return account_id, session_id


def outbox(service: Service) -> list[tuple[str, str]]:
    rows = service.rows("SELECT type, session_id FROM account_events")
    return sorted((kind.rpartition("/")[2], "session" if session_id else "") for kind, session_id in rows)


REVOKED = ("session-revoked", "session")
CHANGES = {
    "sign-out": (lambda service, client, account: client.post("/sign-out"), [REVOKED]),
    "revoke-sessions": (lambda service, client, account: client.post("/revoke-sessions"), [REVOKED]),
    "deletion": (
        lambda service, client, account: client.post("/delete-user", json={"password": PASSWORD}),
        [REVOKED, ("account-purged", "")],
    ),
    "suspension": (
        lambda service, client, account: service.command("users", "suspend", account, "--yes"),
        [REVOKED, ("account-disabled", "")],
    ),
    "activation": (lambda service, client, account: service.command("users", "activate", account), []),
    "a wrong password": (lambda service, client, account: client.post("/delete-user", json={"password": "x" * 9}), []),
    "a session that runs out": (lambda service, client, account: run_out(service), []),
}


def run_out(service: Service) -> None:
    service.clock.advance(days=8)
    run_expiry(service)
    assert service.rows("SELECT * FROM browser_sessions") == []


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_a_change_and_its_event_are_one(service: Service, change: Any, told: list[tuple[str, str]]) -> None:
    client = service.signed_up()
    account_id, _ = account_of(service)
    change(service, client, account_id)
    assert outbox(service) == sorted(told)


def test_a_set_says_who_what_and_when_and_is_signed_by_the_issuer(service: Service, receiver: Receiver) -> None:
    """RFC 8417 §2.2, RFC 9493 §3.2."""
    client, registered = service.signed_up(), told_to(service, receiver)
    account_id, session_id = account_of(service)
    client.post("/sign-out")
    send(service)
    [event] = receiver.received
    user = {"format": "iss_sub", "iss": ISSUER, "sub": account_id}
    assert event["media_type"] == "application/secevent+jwt"
    assert (event["iss"], event["aud"]) == (ISSUER, registered.client_id)
    assert event["sub_id"] == {
        "format": "complex", "session": {"format": "opaque", "id": session_id}, "user": user,
    }  # fmt: skip
    assert event["events"] == {f"{CAEP}/session-revoked": {"event_timestamp": event["toe"]}}
    assert {"exp", "sub"} & event.keys() == set(), "RFC 8417 §2.2; the event must not pass for another token"
    [token] = receiver.tokens
    keys = {key["kid"]: key for key in service.client().get("/jwks").json()["keys"]}
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "secevent+jwt"
    jwt.decode(token, jwt.PyJWK(keys[header["kid"]]), algorithms=["RS256"], audience=registered.client_id)
    assert service.rows("SELECT * FROM event_deliveries") == []


def test_a_purge_is_told_when_nobody_can_write_for_the_account_any_more(service: Service, receiver: Receiver) -> None:
    service.clock.stop()
    client = service.signed_up()
    told_to(service, receiver)
    account_id, _ = account_of(service)
    client.post("/delete-user", json={"password": PASSWORD})
    send(service)
    assert [list(event["events"]) for event in receiver.received] == [[f"{CAEP}/session-revoked"]]
    service.clock.advance(seconds=PURGE_DELAY.total_seconds())
    send(service)
    last = receiver.received[-1]
    assert last["events"] == {f"{RISC}/account-purged": {}}
    assert last["sub_id"] == {"format": "iss_sub", "iss": ISSUER, "sub": account_id}


@pytest.mark.parametrize("status", [500, 400, 200, 302], ids=str)
def test_what_is_not_acknowledged_is_sent_again_under_the_same_name(
    sqlite_service: Service, receiver: Receiver, status: int
) -> None:
    sqlite_service.clock.stop()
    client = sqlite_service.signed_up()
    told_to(sqlite_service, receiver)
    client.post("/sign-out")
    receiver.status = status
    for attempt in range(3):
        send(sqlite_service)
        send(sqlite_service)
        assert len(receiver.received) == attempt + 1, "an event was sent before it was due"
        sqlite_service.clock.advance(seconds=2**attempt)
    receiver.status = 202
    send(sqlite_service)
    send(sqlite_service)
    assert len(receiver.received) == 4
    assert len({event["jti"] for event in receiver.received}) == 1
    assert receiver.received[-1]["iat"] >= receiver.received[0]["iat"] + 6, "the event was not signed again"
    assert len({event["toe"] for event in receiver.received}) == 1


def test_after_a_week_it_is_given_up_with_an_alarm(sqlite_service: Service, receiver: Receiver) -> None:
    client = sqlite_service.signed_up()
    registered = told_to(sqlite_service, receiver)
    client.post("/sign-out")
    receiver.status = 400
    send(sqlite_service)
    sqlite_service.clock.advance(seconds=(DELIVERY_TTL - timedelta(minutes=1)).total_seconds())
    sqlite_service.execute("UPDATE event_deliveries SET attempts = 12")
    with structlog.testing.capture_logs() as logged:
        send(sqlite_service)
    [alarm] = [line for line in logged if line["log_level"] == "error"]
    assert (alarm["event"], alarm["client_id"]) == ("event_given_up", registered.client_id)
    assert sqlite_service.rows("SELECT * FROM event_deliveries") == []


def undelivered(service: Service, *options: str) -> list[dict[str, Any]]:
    done = service.command("events", "list", "--json", *options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_operator_sees_what_is_not_delivered_and_why(service: Service, receiver: Receiver) -> None:
    """The list shows neither the account nor the session."""
    service.clock.stop()
    client, registered = service.signed_up("ann@example.com"), told_to(service, receiver)
    account_id, session_id = account_of(service)
    client.post("/delete-user", json={"password": PASSWORD})
    assert {(each["type"], each["receiver"]) for each in undelivered(service)} == {
        ("session-revoked", None), ("account-purged", None),
    }  # fmt: skip
    receiver.status = 500
    send(service)
    for _ in range(2):
        service.clock.advance(seconds=2)
        send(service)
    shown = {each["type"]: each for each in undelivered(service)}
    revoked, purged = shown["session-revoked"], shown["account-purged"]
    assert (revoked["receiver"], revoked["attempts"]) == (registered.client_id, 3)
    assert revoked["last_error"] == "the answer is a 500"
    assert revoked["id"] == receiver.received[0]["jti"]
    occurred_at, next_at = (datetime.fromisoformat(revoked[name]) for name in ("occurred_at", "next_attempt_at"))
    assert next_at - occurred_at == timedelta(seconds=4 + 2**2)
    assert (purged["attempts"], purged["last_error"]) == (0, None)
    assert undelivered(service, "--failed") == [revoked]
    told = json.dumps(list(shown.values()))
    assert not any(secret in told for secret in (account_id, session_id, "ann@example.com"))


def test_a_long_error_is_cut(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up()
    register(sqlite_service, event_endpoint=f"https://{'x' * 63}.{'y' * 63}.{'z' * 63}.invalid/events")
    client.post("/sign-out")
    send(sqlite_service)
    [shown] = undelivered(sqlite_service)
    assert 0 < len(shown["last_error"]) <= MAX_ERROR


@pytest.mark.parametrize("which", ["id", "--all"])
def test_an_operator_resends_at_once_what_was_tried_in_vain(service: Service, receiver: Receiver, which: str) -> None:
    """Events that were never tried are not touched: a purge keeps its delay."""
    service.clock.stop()
    client = service.signed_up()
    told_to(service, receiver)
    client.post("/delete-user", json={"password": PASSWORD})
    receiver.status = 500
    send(service)
    service.execute("UPDATE event_deliveries SET next_at = '2040-01-01 00:00:00.000000'")
    receiver.status, service.clock.stopped_at = 202, None
    send(service)
    [failed] = undelivered(service, "--failed")
    assert [event["jti"] for event in receiver.received] == [failed["id"]]
    done = service.command("events", "resend", failed["id"] if which == "id" else which, "--json")
    assert json.loads(done.stdout) == {"resent": 1}
    send(service)
    assert [event["jti"] for event in receiver.received] == [failed["id"]] * 2
    [purged] = undelivered(service)
    assert (purged["type"], purged["attempts"]) == ("account-purged", 0)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["x"], 1, "no failed event with this id"),
        ([], 2, "EVENT_ID or --all"),
        (["x", "--all"], 2, "EVENT_ID or --all"),
    ],
    ids=["unknown", "neither", "both"],
)
def test_what_cannot_be_resent_is_refused(sqlite_service: Service, arguments: list[str], code: int, says: str) -> None:
    done = sqlite_service.command("events", "resend", *arguments)
    assert (done.returncode, done.stdout, says in done.stderr) == (code, "", True), done.stderr


def test_one_receiver_that_refuses_holds_up_no_other(service: Service, receiver: Receiver) -> None:
    client = service.signed_up()
    with receiving() as broken:
        broken.status = 500
        told_to(service, broken)
        told_to(service, receiver)
        client.post("/sign-out")
        send(service)
    assert (len(broken.received), len(receiver.received)) == (1, 1)
    assert broken.received[0]["jti"] != receiver.received[0]["jti"]
    assert broken.received[0]["aud"] != receiver.received[0]["aud"]


def test_without_a_receiver_nothing_piles_up(service: Service) -> None:
    service.signed_up().post("/sign-out")
    register(service)
    send(service)
    assert (service.rows("SELECT * FROM account_events"), service.rows("SELECT * FROM event_deliveries")) == ([], [])


def test_plain_http_and_inner_networks_are_for_whom_the_operator_lists() -> None:
    for url, listed in (
        ("http://127.0.0.1:9/", "10.0.0.0/8"), ("https://127.0.0.1:9/", "10.0.0.0/8"), ("http://1.1.1.1/", LOOPBACK),
        ("ftp://127.0.0.1/", LOOPBACK), ("http:///x", LOOPBACK),
    ):  # fmt: skip
        with pytest.raises(FetchFailed, match=r"public|listed|https"):
            asyncio.run(Outbound([ip_network(listed)]).post(url, b"", media_type="text/plain"))


@pytest.mark.process
def test_a_worker_killed_while_it_sends_sends_again(
    service: Service, receiver: Receiver, start_worker: StartWorker
) -> None:
    """The answer to the first delivery was lost with the worker, so the next worker delivers again."""
    store, client = Store(service.database_url), service.signed_up()
    told_to(service, receiver)
    client.post("/sign-out")
    receiver.may_answer.clear()
    killed = start_worker(store, AUTH_EVENT_NETWORKS=LOOPBACK)
    eventually(lambda: len(receiver.received) >= 1)  # more than one if the worker's timeout for an answer passed
    killed.process.kill()
    killed.process.wait(60)
    receiver.may_answer.set()
    service.execute("DELETE FROM leases")  # as if they had expired, a minute later
    start_worker(store, AUTH_EVENT_NETWORKS=LOOPBACK)
    eventually(lambda: service.rows("SELECT * FROM event_deliveries") == [])
    assert len(receiver.received) >= 2
    assert len({event["jti"] for event in receiver.received}) == 1


@pytest.mark.parametrize("wrong", ["ftp://a/", "http://", "http://u@a/", "https://a/#f", f"http://{'x' * 3000}/"])
def test_an_event_endpoint_is_a_uri(wrong: str) -> None:
    metadata = {"grant_types": ["client_credentials"], "event_endpoint": wrong}
    with pytest.raises(InvalidClientMetadata, match="event_endpoint: must be an https or http URI"):
        parse(metadata, resources=RESOURCES, supported_grant_types=GRANT_TYPES)
