"""/api/v1/events: a stream that says when there are changes, for as long as its token is valid."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from todo_fixtures import issuer, proofs
from todo_fixtures.issuer import ISSUER, JwksEndpoint, jwk, status
from todo_fixtures.service import FREQUENT, Service, wait_until
from todo_fixtures.status_lists import StatusEndpoint
from todo_service.app import end_streams
from todo_service.todos import streams

TODOS, EVENTS = "/api/v1/todos", "/api/v1/events"


class Listener:
    """An open stream: `event` waits for the next one and returns its id, or None at the end of the stream."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def event(self) -> str | None:
        fields: dict[str, str] = {}
        for line in self._lines:
            if line == "" and fields.get("event") == "changes":
                return fields["id"]
            name, _, value = line.partition(": ")
            fields[name] = value
        return None

    def heartbeat(self) -> bool:
        return any(line == ":" for line in self._lines)


@contextmanager
def listening(client: httpx2.Client, last: str | None = None) -> Iterator[Listener]:
    headers = {} if last is None else {"Last-Event-ID": last}
    with client.stream("GET", EVENTS, headers=headers) as response:
        assert response.status_code == 200, response.read()
        yield Listener(response)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHECK", timedelta(milliseconds=50))
    monkeypatch.setattr(streams, "LOOK", timedelta(milliseconds=50))


def test_a_change_is_told_at_once_and_only_to_its_owner(shared_service: Service) -> None:
    alice, bob = uuid.uuid4().hex, uuid.uuid4().hex
    with listening(shared_service.person(alice)) as hers, listening(shared_service.person(bob)) as his:
        assert hers.response.headers["Content-Type"].startswith("text/event-stream")
        assert hers.response.headers["X-Accel-Buffering"] == "no"
        assert hers.response.headers["Cache-Control"] == "private, no-store"
        assert [hers.event(), his.event()] == ["0", "0"]
        assert shared_service.person(alice).post(TODOS, json={"title": "Hers"}).status_code == 201
        assert hers.event() == "1"
        assert shared_service.person(alice).post("/api/v1/lists", json={"name": "Hers"}).status_code == 201
        assert hers.event() == "2"
        assert shared_service.person(bob).post(TODOS, json={"title": "His"}).status_code == 201
        assert his.event() == "1", "his first event is about his own change"


def test_a_change_of_another_process_is_told(run_service: Any) -> None:
    """Two processes with one database; the second one writes."""
    sub = uuid.uuid4().hex
    with run_service() as one, run_service() as other:
        one.wait_until_ready()
        other.wait_until_ready()
        with listening(one.person(sub)) as listener:
            assert listener.event() == "0"
            assert other.person(sub).post(TODOS, json={"title": "x"}).status_code == 201
            assert listener.event() == "1"


def test_a_change_of_another_process_is_told_on_postgresql(postgres_service: Service, run_service: Any) -> None:
    sub = uuid.uuid4().hex
    url = postgres_service.app.state.parts.database.writer.url.render_as_string(hide_password=False)
    with run_service(database_url=url) as other:
        other.wait_until_ready()
        with listening(other.person(sub)) as listener:
            assert listener.event() == "0"
            assert postgres_service.person(sub).post(TODOS, json={"title": "x"}).status_code == 201
            assert listener.event() == "1"


@pytest.mark.parametrize(("last", "told"), [(None, "1"), ("0", "1"), ("nonsense", "1"), ("99", "1"), ("1", "2")])
def test_a_client_that_comes_back_hears_of_what_it_missed(shared_service: Service, last: str | None, told: str) -> None:
    """Only with the right position it hears nothing, until the next change."""
    sub = uuid.uuid4().hex
    client = shared_service.person(sub)
    client.post(TODOS, json={"title": "missed"})
    with listening(client, last) as listener:
        client.post(TODOS, json={"title": "new"}) if told == "2" else None
        assert listener.event() == told


def test_a_stream_ends_with_its_token(shared_service: Service) -> None:
    """At `exp`, without the leeway that a request has."""
    now = int(time.time())
    with listening(shared_service.person(iat=now - 298, exp=now + 1)) as listener:
        assert listener.event() == "0"
        assert listener.event() is None
        assert time.time() >= now + 1


def test_a_stream_ends_when_its_token_is_revoked_or_its_key_withdrawn(
    jwks: JwksEndpoint, lists: StatusEndpoint, run_service: Any
) -> None:
    jwks.keys.append(jwk("second"))
    sub = uuid.uuid4().hex
    with run_service(schedule=FREQUENT) as service:
        service.wait_until_ready()
        wait_until(lambda: bool(tuple(service.app.state.parts.verifier.report().status_lists.held)))
        client = service.person(sub, status=status(5))
        withdrawn = service.client(issuer.token("second", sub=sub, status=status(6)))
        kept = service.person(sub, status=status(7))
        with listening(client) as first, listening(withdrawn) as second, listening(kept) as third:
            assert [each.event() for each in (first, second, third)] == ["0"] * 3
            lists.revoke("1", 5)
            assert first.event() is None
            jwks.keys = [each for each in jwks.keys if each["kid"] != "second"]
            assert second.event() is None
            assert kept.post(TODOS, json={"title": "x"}).status_code == 201
            assert third.event() == "1"
        assert client.get(EVENTS).status_code == 401


def test_too_many_streams_are_429_and_a_closed_one_makes_room(shared_service: Service) -> None:
    sub = uuid.uuid4().hex
    client = shared_service.person(sub)
    opened = [client.stream("GET", EVENTS) for _ in range(streams.MOST_OF_ONE)]
    answers = [each.__enter__() for each in opened]
    refused = client.get(EVENTS)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    assert refused.json()["detail"].startswith(f"There are {streams.MOST_OF_ONE} open streams of yours already.")
    with listening(shared_service.person()) as neighbour:
        assert neighbour.event() == "0"
    assert [answer.status_code for answer in answers] == [200] * streams.MOST_OF_ONE
    for each in opened:
        each.__exit__(None, None, None)
    wait_until(lambda: sub not in shared_service.app.state.parts.streams._number_of)
    with listening(client) as listener:
        assert listener.event() == "0"


def test_a_silent_stream_has_a_heartbeat(shared_service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", timedelta(milliseconds=50))
    with listening(shared_service.person()) as listener:
        assert listener.heartbeat()


def test_idle_streams_read_nothing_of_their_own(shared_service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nobody writes, no owner's number is read, however many streams are open."""
    monkeypatch.setattr(streams, "HEARTBEAT", timedelta(milliseconds=100))
    all_ = shared_service.app.state.parts.streams
    read: list[int] = []

    async def counted(some: Any, of: Any = all_._read) -> Any:
        read.append(len(some))
        return await of(some)

    with listening(shared_service.person()) as one, listening(shared_service.person()) as other:
        assert [one.event(), other.event()] == ["0", "0"]
        assert one.heartbeat()
        monkeypatch.setattr(all_, "_read", counted)
        assert [one.heartbeat(), other.heartbeat(), one.heartbeat()] == [True] * 3
        assert read == []


def test_a_bound_token_keeps_its_stream_without_a_second_proof(shared_service: Service) -> None:
    """RFC 9449 §7: the proof belongs to the request that opened the stream."""
    sub = uuid.uuid4().hex
    text = issuer.token(sub=sub, cnf={"jkt": proofs.OF_CLIENT})
    proof = proofs.proof(htu=f"{ISSUER}{EVENTS}", jti=uuid.uuid4().hex, ath=proofs.ath(text))
    headers = {"Authorization": f"DPoP {text}", "DPoP": proof}
    with shared_service.client().stream("GET", EVENTS, headers=headers) as response:
        listener = Listener(response)
        assert listener.event() == "0"
        shared_service.person(sub).post(TODOS, json={"title": "x"})
        assert listener.event() == "1"


def test_a_service_that_stops_ends_its_streams(run_service: Any) -> None:
    with run_service() as service:
        service.wait_until_ready()
        with listening(service.person()) as listener:
            assert listener.event() == "0"
            end_streams(service.app)
            assert listener.event() is None


def test_head_has_the_head_only(shared_service: Service) -> None:
    response = shared_service.person().head(EVENTS)
    assert (response.status_code, response.content) == (200, b"")


def test_the_open_streams_are_counted(shared_service: Service) -> None:
    with listening(shared_service.person()) as listener:
        listener.event()
        [line] = [each for each in shared_service.metrics().splitlines() if each.startswith("todo_event_streams ")]
        assert float(line.split()[1]) >= 1


def test_the_events_have_no_content(shared_service: Service) -> None:
    """An event names no todo: a stream whose token was revoked a moment ago tells only that something has changed."""
    sub = uuid.uuid4().hex
    with shared_service.person(sub).stream("GET", EVENTS) as response:
        lines = response.iter_lines()
        assert [next(lines) for _ in range(6)] == ["retry: 3000", "", "id: 0", "event: changes", "data: {}", ""]
        shared_service.person(sub).post(TODOS, json={"title": "secret"})
        assert [next(lines) for _ in range(3)] == ["id: 1", "event: changes", "data: {}"]
