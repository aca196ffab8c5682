"""When the issuer purges an account, its todos are erased, once. Nobody else can cause this (RFC 8417, RFC 8935)."""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import httpx2
import jwt
import pytest
from pydantic import SecretStr
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.exc import OperationalError

from todo_fixtures import issuer, service, stores
from todo_fixtures.issuer import ISSUER, JwksEndpoint, encode, jwk
from todo_fixtures.service import QUICK, Service
from todo_service.migrations import migrate
from todo_service.todos import erasure

RunService = Callable[..., AbstractContextManager[Service]]
EVENTS, TODOS = "/internal/events", "/api/v1/todos"
RECEIVER = "client_todo"
PURGED = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
CLIENT: dict[str, Any] = {"client_id": RECEIVER, "client_secret": SecretStr("s" * 40)}


def now() -> int:
    return int(time.time())


def event(account: str, /, *, key: str = "first", header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A Security Event Token as the issuer sends it. A claim or header that is None is left out."""
    made: dict[str, Any] = dict.fromkeys(("exp", "sub", "scope", "client_id", "sid", "auth_time"))
    made |= {"iat": now(), "toe": now(), "aud": RECEIVER, "events": {PURGED: {}}}
    made |= {"sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": account}, **changes}
    return issuer.token(key, {"typ": "secevent+jwt", **(header or {})}, **made)


def push(receiver: Service, token: str | bytes, media_type: str = "application/secevent+jwt") -> httpx2.Response:
    return receiver.client().post(EVENTS, content=token, headers={"Content-Type": media_type})


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def receiver(
    request: pytest.FixtureRequest, shared_jwks: JwksEndpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("receiver")
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{folder / 'todo.db'}"
        migrate(url)
    else:
        owner = request.getfixturevalue("postgres_url")
        stores.create_serving_role(owner)
        url = stores.serving_url(owner)
        migrate(owner, url)
    jwks_file = folder / "jwks.json"
    with service.run(auth_url=shared_jwks.url, database_url=url, jwks_file=jwks_file, **CLIENT) as running:
        running.wait_until_ready()
        yield running


def somebody(receiver: Service, todos: int = 2) -> tuple[str, httpx2.Client]:
    sub = uuid.uuid4().hex
    person = receiver.person(sub)
    for number in range(todos):
        key = {"Idempotency-Key": f'"key-{number:08}"'}
        created = person.post(TODOS, json={"title": f"Todo {number}"}, headers=key)
        assert created.status_code == 201
    return sub, person


def count(person: httpx2.Client) -> int:
    return len(person.get(TODOS).json()["items"])


def test_a_purged_accounts_todos_are_erased_and_nobody_elses(receiver: Service) -> None:
    (sub, person), (_, other) = somebody(receiver), somebody(receiver)
    deleted = person.get(TODOS).json()["items"][0]
    assert person.delete(f"{TODOS}/{deleted['id']}").status_code == 204
    lists = [each.post("/api/v1/lists", json={"name": "Mine"}).headers["Location"] for each in (person, other)]
    assert push(receiver, event(sub)).status_code == 202
    assert (count(person), count(other)) == (0, 2)
    assert [person.get(lists[0]).status_code, other.get(lists[1]).status_code] == [404, 200]
    assert person.post(f"{TODOS}/{deleted['id']}/restore").status_code == 404, "there is no way back"


def test_a_large_erasure_goes_in_parts_and_is_repeated_whole_after_a_failure(
    receiver: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two parts other writers have SQLite's only one."""
    sub, person = somebody(receiver)
    body = {"operations": [{"op": "create", "todo": {"title": "x"}}] * 100}
    for _ in range(2):
        assert person.post(f"{TODOS}:batch", json=body).status_code == 200
    deleted: list[int] = []

    def count_deleted(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE FROM todos"):
            deleted.append(cursor.rowcount)

    async def fail(*_: Any) -> None:
        raise OperationalError("DELETE", {}, Exception())

    engine = receiver.app.state.parts.database.writer.sync_engine
    sqlalchemy_event.listen(engine, "after_cursor_execute", count_deleted)
    try:
        with monkeypatch.context() as failing:
            failing.setattr(erasure, "_erase", fail)
            assert push(receiver, token := event(sub)).status_code == 503
        person.post(TODOS, json={"title": "written meanwhile"})
        assert push(receiver, token).status_code == 202
    finally:
        sqlalchemy_event.remove(engine, "after_cursor_execute", count_deleted)
    assert deleted[:3] == [100, 100, 2]
    assert max(deleted) == 100
    assert sum(deleted) == 203
    assert count(person) == 0


def test_an_event_is_applied_once(receiver: Service) -> None:
    """Events are delivered at least once: here eight times at once, and again after new todos were created."""
    sub, person = somebody(receiver)
    token = event(sub)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: push(receiver, token).status_code, range(8)))
    assert answers == [202] * 8
    person.post(TODOS, json={"title": "After"})
    assert push(receiver, token).status_code == 202
    signed_anew = event(sub, jti=claims_jti(token))
    assert push(receiver, signed_anew).status_code == 202
    assert count(person) == 1


@pytest.mark.parametrize("seconds", [-30, 30])
def test_clocks_may_be_half_a_minute_apart(receiver: Service, seconds: int) -> None:
    sub, person = somebody(receiver)
    assert push(receiver, event(sub, iat=now() + seconds)).status_code == 202
    assert count(person) == 0


def claims_jti(token: str) -> str:
    jti: str = jwt.decode(token, options={"verify_signature": False})["jti"]
    return jti


OTHER_EVENTS = ("risc/event-type/account-disabled", "caep/event-type/session-revoked", "of-the-future")


@pytest.mark.parametrize("name", OTHER_EVENTS)
def test_other_events_are_taken_and_change_nothing(receiver: Service, name: str) -> None:
    sub, person = somebody(receiver, 1)
    events: dict[str, Any] = {f"https://schemas.openid.net/secevent/{name}": {}}
    told = event(sub, events=events, sub_id={"format": "opaque", "id": "x"})
    assert push(receiver, told).status_code == 202
    assert count(person) == 1


REFUSED: dict[str, Callable[[str], str]] = {
    "another key under its name": lambda sub: event(sub, key="thief", header={"kid": "first"}),
    "a key that nobody publishes": lambda sub: event(sub, key="thief"),
    "an access token": lambda sub: issuer.token(sub=sub, aud=RECEIVER),
    "typ of an access token": lambda sub: event(sub, header={"typ": "at+jwt"}),
    "typ JWT": lambda sub: event(sub, header={"typ": "JWT"}),
    "no typ": lambda sub: event(sub, header={"typ": None}),
    "alg none": lambda sub: f"{encode(b'{}')}.{encode(b'{}')}.",
    "another issuer": lambda sub: event(sub, iss="https://evil.example.com"),
    "another receiver": lambda sub: event(sub, aud="client_other"),
    "two receivers": lambda sub: event(sub, aud=[RECEIVER, "client_other"]),
    "no receiver": lambda sub: event(sub, aud=None),
    "signed long ago": lambda sub: event(sub, iat=now() - 400),
    "signed in the future": lambda sub: event(sub, iat=now() + 90),
    "no iat": lambda sub: event(sub, iat=None),
    "an exp, as tokens have it": lambda sub: event(sub, exp=now() + 300),
    "a sub, as tokens have it": lambda sub: event(sub, sub="alice"),
    "no jti": lambda sub: event(sub, jti=None),
    "a long jti": lambda sub: event(sub, jti="j" * 129),
    "a jti that is a number": lambda sub: event(sub, jti=1),
    "no events": lambda sub: event(sub, events=None),
    "two events": lambda sub: event(sub, events={PURGED: {}, "x": {}}),
    "events in a list": lambda sub: event(sub, events=[PURGED]),
    "an event that is a string": lambda sub: event(sub, events={PURGED: "yes"}),
    "no subject": lambda sub: event(sub, sub_id=None),
    "a subject of another issuer": lambda sub: event(sub, sub_id={"format": "iss_sub", "iss": "https://e", "sub": sub}),
    "a subject by address": lambda sub: event(sub, sub_id={"format": "email", "email": "a@example.com"}),
    "a subject that is a list": lambda sub: event(sub, sub_id={"format": "iss_sub", "iss": ISSUER, "sub": [sub]}),
    "an empty subject": lambda sub: event(sub, sub_id={"format": "iss_sub", "iss": ISSUER, "sub": ""}),
    "a subject with a NUL": lambda sub: event(sub, sub_id={"format": "iss_sub", "iss": ISSUER, "sub": f"{sub}\0"}),
    "crit": lambda sub: event(sub, header={"crit": ["x"], "x": 1}),
    "nothing": lambda sub: "",
    "too long": lambda sub: event(sub, padding="x" * 9000),
}


@pytest.mark.parametrize("forge", REFUSED.values(), ids=REFUSED)
def test_what_the_issuer_did_not_sign_for_us_just_now_does_nothing(
    receiver: Service, forge: Callable[[str], str]
) -> None:
    sub, person = somebody(receiver, 1)
    refused = push(receiver, forge(sub))
    assert (refused.status_code, set(refused.json())) == (400, {"err", "description"})
    assert sub not in refused.text
    assert count(person) == 1


@pytest.mark.parametrize("body", [b"\xff" * 10, b"x" * 300_000], ids=["not ASCII", "300 kB"])
def test_what_is_no_token_is_refused(receiver: Service, body: bytes) -> None:
    assert push(receiver, body).status_code in (400, 413)


def test_a_body_of_another_type_is_refused(receiver: Service) -> None:
    assert push(receiver, event("alice"), "application/jwt").json()["err"] == "invalid_request"


def test_a_key_that_was_published_a_moment_ago_is_learned(jwks: JwksEndpoint, run_service: RunService) -> None:
    """After a rotation an event with the new key does not wait for the next scheduled fetch."""
    with run_service(schedule=QUICK, **CLIENT) as receiver:
        receiver.wait_until_ready()
        jwks.keys = [jwk("first"), jwk("second")]
        assert push(receiver, event("alice", key="second")).status_code == 202
        assert push(receiver, event("alice", key="third")).json()["err"] == "invalid_key"


def test_without_keys_the_issuer_is_asked_to_come_again(jwks: JwksEndpoint, run_service: RunService) -> None:
    jwks.status = 500
    with run_service(**CLIENT) as receiver:
        assert push(receiver, event("alice")).status_code == 503


def test_who_is_no_client_of_the_issuer_is_told_nothing(run_service: RunService) -> None:
    with run_service() as running:
        assert push(running, event("alice")).status_code == 404
