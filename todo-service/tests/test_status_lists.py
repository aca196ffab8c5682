"""The lists in memory, with an issuer that fails on command; and what a caller sees of them (R18, R20)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import httpx2
import pytest

from todo_fixtures import issuer
from todo_fixtures.issuer import ISSUER, JwksEndpoint, claims, header, jwk, private_key, sign, status, token
from todo_fixtures.service import FREQUENT, QUICK, QUICK_POLLING, wait_until
from todo_fixtures.status_lists import SIGNER, URI, StatusEndpoint, document, pack, statuses
from todo_service.access_token import AccessToken, StatusReference
from todo_service.jwks import JwksCache
from todo_service.jws import InvalidToken
from todo_service.status_list import MAX_LENGTH, MAX_LISTS, Freshness
from todo_service.status_lists import Polling, StatusLists, StatusUnknown

TODOS = "/api/v1/todos"
# Polls only when a test asks for them: so each fetch that is counted has one cause.
ONCE = replace(QUICK_POLLING, interval=timedelta(days=1), between_hints=timedelta(milliseconds=20))


@pytest.fixture
def lists(jwks: JwksEndpoint) -> StatusEndpoint:
    """Status lists beside the key set, which has their key."""
    endpoint = StatusEndpoint()
    endpoint.publish("1")
    jwks.keys = [jwk("first"), jwk(SIGNER, signs="statuslist+jwt")]
    jwks.elsewhere["/oauth/status-lists"] = endpoint.answer
    return endpoint


def access_token(index: int = 0, name: str = "1", *, iat: float | None = None, ttl: float = 300) -> AccessToken:
    begun = time.time() if iat is None else iat
    reference = StatusReference(f"{URI}/{name}", index)
    return AccessToken("alice", "web", "1", begun, begun + ttl, frozenset(), begun, reference)


def in_a_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    @wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(asyncio.wait_for(test(**fixtures), 120))

    return run


@asynccontextmanager
async def running(
    jwks: JwksEndpoint, polling: Polling = QUICK_POLLING, saved_copy: Path | None = None
) -> AsyncIterator[StatusLists]:
    cache = JwksCache(f"{jwks.url}/.well-known/jwks.json", schedule=QUICK, saved_copy=jwks_file(saved_copy))
    made = StatusLists(
        URI, cache, fetched_from=f"{jwks.url}/oauth/status-lists", saved_copy=saved_copy, polling=polling
    )
    async with cache.running(), made.running():
        yield made


def jwks_file(saved_copy: Path | None) -> Path | None:
    return None if saved_copy is None else saved_copy.with_name("jwks.json")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another thread
            await asyncio.sleep(0.002)


def is_revoked(lists: StatusLists, index: int = 0, name: str = "1") -> bool:
    try:
        lists.check(access_token(index, name), now=time.time())
    except InvalidToken:
        return True
    except StatusUnknown:
        return False
    return False


def has(lists: StatusLists, *names: str) -> bool:
    return {held.uri for held in lists.held} == {f"{URI}/{name}" for name in names}


@in_a_loop
async def test_a_poll_brings_a_revocation(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks) as held:
        await until(lambda: has(held, "1"))
        assert held.check(access_token(5), now=time.time()) is Freshness.LIVE
        lists.revoke("1", 5)
        await until(lambda: is_revoked(held, 5))
        assert not is_revoked(held, 4)
        with pytest.raises(InvalidToken, match="no such index"):
            held.check(access_token(1024), now=time.time())


@in_a_loop
async def test_polls_are_conditional(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks) as held:
        await until(lambda: held.counts.fetches["unchanged"] > 2)
        assert held.counts.fetches["changed"] == 1
    assert all(etag for path, etag in lists.requests[2:])


@in_a_loop
async def test_a_new_list_is_found_and_a_retired_one_let_go(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks) as held:
        await until(lambda: has(held, "1"))
        lists.publish("2")
        await until(lambda: has(held, "1", "2"))
        del lists.documents["1"]
        await until(lambda: has(held, "2"))


@in_a_loop
async def test_a_list_that_nobody_holds_is_asked_for_once(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks, replace(ONCE, unknown_list_cooldown=timedelta(seconds=60))) as held:
        await until(lambda: has(held, "1"))
        for _ in range(1000):
            with pytest.raises(StatusUnknown):
                held.check(access_token(name="2"), now=time.time())
        await until(lambda: bool(lists.fetched("2")))
        lists.publish("3")
        assert not is_revoked(held, name="3")
        await until(lambda: has(held, "1", "3"))
    assert len(lists.fetched("2")) == 1


@in_a_loop
async def test_an_older_answer_is_left_alone(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    """A cache cannot take a revocation back, nor make a list look fresher than its signature."""
    lists.revoke("1", 5)
    async with running(jwks) as held:
        await until(lambda: is_revoked(held, 5))
        lists.documents["1"] = document("1", iat=int(time.time()) - 20)
        await until(lambda: held.counts.fetches["older"] > 0)
        assert is_revoked(held, 5)
        lists.documents["1"] = document("1", iat=int(time.time()) + 5)  # a node that lags behind, with a clock ahead
        await until(lambda: held.counts.fetches["changed"] > 1)
        assert is_revoked(held, 5)


@in_a_loop
async def test_what_is_revoked_counts_although_another_nodes_clock_is_ahead(
    jwks: JwksEndpoint, lists: StatusEndpoint
) -> None:
    """Its list is the newest for as long as it is ahead, and does not know of what the other node has revoked since."""
    ahead = int(time.time()) + 30
    lists.documents["1"] = document("1", [4], iat=ahead)
    async with running(jwks) as held:
        await until(lambda: is_revoked(held, 4))
        lists.documents["1"] = document("1", [5])
        await until(lambda: is_revoked(held, 5))
        assert is_revoked(held, 4)
        assert [each.iat for each in held.held] == [ahead]


UNUSABLE: dict[str, Callable[[StatusEndpoint], None]] = {
    "500": lambda lists: setattr(lists, "status", 500),
    "302": lambda lists: setattr(lists, "status", 302),
    "another-type": lambda lists: lists.talk_nonsense("application/jwt"),
    "an-access-tokens-key": lambda lists: lists.publish("1", signer="first"),
    "a-thiefs-key": lambda lists: lists.publish("1", signer="thief"),
    "another-list": lambda lists: lists.publish("1", sub=f"{URI}/2"),
    "a-bomb": lambda lists: lists.publish("1", status_list={"bits": 1, "lst": pack(bytes(2**26))}),
    "not-compressed": lambda lists: lists.publish("1", status_list={"bits": 1, "lst": "x"}),
    "truncated": lambda lists: lists.documents.update({"1": document()[:-10]}),
    "too-long": lambda lists: lists.publish("1", padding="x" * MAX_LENGTH),
    "too-old": lambda lists: lists.publish("1", iat=int(time.time()) - 400, exp=int(time.time()) - 61),
    "not-ascii": lambda lists: lists.documents.update({"1": "\xe9"}),
    "no-aggregation": lambda lists: setattr(lists, "aggregation", b'{"status_lists": []}'),
    "lists-elsewhere": lambda lists: setattr(lists, "aggregation", b'{"status_lists": ["https://evil/1"]}'),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_is_unusable_changes_nothing(jwks: JwksEndpoint, lists: StatusEndpoint, name: str) -> None:
    @in_a_loop
    async def run() -> None:
        async with running(jwks) as held:
            await until(lambda: has(held, "1"))
            UNUSABLE[name](lists)
            await until(lambda: held.counts.fetches["failed"] > 0)
            assert has(held, "1")
            assert held.check(access_token(), now=time.time()) is Freshness.LIVE

    run()


@pytest.mark.parametrize("seconds", [-30, 30])
def test_clocks_may_be_half_a_minute_apart(jwks: JwksEndpoint, lists: StatusEndpoint, seconds: int) -> None:
    """Revocations are known all the same, and no list is taken for old."""

    @in_a_loop
    async def run() -> None:
        async with running(jwks) as held:
            signed_at = int(time.time()) + seconds
            lists.revoked["1"] = {5}
            lists.publish("1", iat=signed_at, exp=signed_at + 300)
            await until(lambda: is_revoked(held, 5))
            assert held.check(access_token(4), now=time.time()) is Freshness.LIVE

    run()


@in_a_loop
async def test_a_list_goes_with_its_key(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    """An emergency: what the withdrawn key signed is nobody's word, although nothing newer is there."""
    async with running(jwks) as held:
        await until(lambda: has(held, "1"))
        jwks.keys = [jwk("first"), jwk("second", signs="statuslist+jwt")]
        await held._jwks._fetch_once()
        await until(lambda: has(held))
        lists.publish("1", signer="second")
        await until(lambda: has(held, "1"))


@in_a_loop
async def test_a_new_status_key_is_learnt(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks) as held:
        await until(lambda: has(held, "1"))
        jwks.keys.append(jwk("second", signs="statuslist+jwt"))
        lists.revoked["1"] = {5}
        lists.publish("1", signer="second")
        await until(lambda: is_revoked(held, 5))


@in_a_loop
async def test_a_hint_is_followed_at_once(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks, ONCE) as held:
        await until(lambda: has(held, "1"))
        lists.revoke("1", 5)
        held.hint(f"{URI}/1", 7)
        await until(lambda: is_revoked(held, 5))
        held.hint(f"{URI}/1", 7)
        held.hint(f"{URI}/nobody", 1)
    assert lists.fetched("1") == ["/oauth/status-lists/1", "/oauth/status-lists/1?v=7"]
    assert held.counts.hints == {"followed": 1, "known": 1, "foreign": 1}


@in_a_loop
async def test_a_flood_of_hints_and_versions_that_do_not_exist(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    """A hint is believed as far as looking once; the real one after a thousand wrong ones is still followed."""
    async with running(jwks, ONCE) as held:
        await until(lambda: has(held, "1"))
        for version in range(10**12, 10**12 + 1000):
            held.hint(f"{URI}/1", version)
        await until(lambda: held.counts.hints["followed"] > 0)
        lists.revoke("1", 5)
        held.hint(f"{URI}/1", 1)
        await until(lambda: is_revoked(held, 5))
        assert len(lists.fetched("1")) <= 4


@in_a_loop
async def test_hints_are_bounded_by_the_number_of_lists(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks, ONCE) as held:
        await until(lambda: has(held, "1"))
        for name in range(10 * MAX_LISTS):
            assert not is_revoked(held, name=f"unknown-{name}")
        assert len(held._wanted) <= MAX_LISTS
        assert len(held._asked_at) <= MAX_LISTS


@in_a_loop
async def test_a_restart_begins_with_the_copy_on_disk(
    jwks: JwksEndpoint, lists: StatusEndpoint, tmp_path: Path
) -> None:
    copy = tmp_path / "status_lists.json"
    lists.revoke("1", 5)
    async with running(jwks, saved_copy=copy) as held:
        await until(lambda: is_revoked(held, 5) and copy.exists() and (tmp_path / "jwks.json").exists())
    lists.status = 500
    async with running(jwks, saved_copy=copy) as held:
        assert is_revoked(held, 5)
        assert not is_revoked(held, 4)
        assert has(held, "1")


DAMAGED = {
    "empty": "",
    "not-json": "{",
    "a-list": "[]",
    "numbers": json.dumps({f"{URI}/1": 1}),
    "elsewhere": json.dumps({"https://evil.example.com/1": "x"}),
    "unsigned": json.dumps({f"{URI}/1": "a.b.c"}),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_copy_is_not_used(jwks: JwksEndpoint, lists: StatusEndpoint, tmp_path: Path, name: str) -> None:
    @in_a_loop
    async def run() -> None:
        copy = tmp_path / "status_lists.json"
        async with running(jwks, saved_copy=copy) as held:
            await until(lambda: has(held, "1") and copy.exists() and (tmp_path / "jwks.json").exists())
        copy.write_text(DAMAGED[name])
        lists.status = 500
        async with running(jwks, saved_copy=copy) as held:
            assert has(held)
        assert lists.requests

    run()


@pytest.fixture
def caller(jwks: JwksEndpoint, lists: StatusEndpoint, run_service: Any) -> Iterator[Callable[..., httpx2.Client]]:
    """Makes clients of one service with tokens that have a status."""
    with run_service() as service:
        service.wait_until_ready()
        wait_until(lambda: bool(tuple(service.app.state.status_lists.held)))
        yield lambda index=0, **changes: service.client(token(**{"status": status(index), **changes}))


def slug(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].rpartition(":")[2]


def test_a_revoked_token_is_refused_although_it_was_verified_before(caller: Any, lists: StatusEndpoint) -> None:
    """R18: the others of the same person go on."""
    client, other = caller(5), caller(6)
    assert [client.get(TODOS).status_code, other.get(TODOS).status_code] == [200, 200]
    lists.revoke("1", 5)
    wait_until(lambda: client.get(TODOS).status_code == 401)
    refused = client.get(TODOS)
    assert slug(refused) == (401, "invalid-token")
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert other.post(TODOS, json={"title": "x"}).status_code == 201


def test_a_token_whose_list_is_not_known_has_to_wait(caller: Any, lists: StatusEndpoint) -> None:
    client = caller(status=status(0, "9"))
    refused = client.get(TODOS)
    assert slug(refused) == (503, "status-unavailable")
    assert refused.headers["Retry-After"] == "2"
    lists.publish("9")
    wait_until(lambda: client.get(TODOS).status_code == 200)


STATUSES: dict[str, Any] = {
    "not-an-object": 1,
    "empty": {},
    "another-mechanism": {"identifier_list": {}},
    "idx-absent": {"status_list": {"uri": f"{URI}/1"}},
    "idx-string": {"status_list": {"uri": f"{URI}/1", "idx": "1"}},
    "idx-bool": {"status_list": {"uri": f"{URI}/1", "idx": True}},
    "idx-negative": status(-1),
    "idx-beyond-the-end": status(1024),
    "idx-huge": status(2**60),
    "uri-absent": {"status_list": {"idx": 1}},
    "uri-elsewhere": {"status_list": {"idx": 1, "uri": "https://evil.example.com/oauth/status-lists/1"}},
    "uri-of-another-host": {"status_list": {"idx": 1, "uri": f"{ISSUER}.evil.example.com/oauth/status-lists/1"}},
    "uri-dots": {"status_list": {"idx": 1, "uri": f"{URI}/../../jwks.json"}},
    "uri-query": {"status_list": {"idx": 1, "uri": f"{URI}/1?x"}},
    "uri-the-prefix": {"status_list": {"idx": 1, "uri": f"{URI}/"}},
}


@pytest.mark.parametrize("name", STATUSES)
def test_a_status_that_says_nothing_is_refused(caller: Any, lists: StatusEndpoint, name: str) -> None:
    asked = len(lists.requests)
    assert slug(caller(status=STATUSES[name]).get(TODOS)) == (401, "invalid-token")
    assert not any("evil" in path or "jwks" in path for path, _ in lists.requests[asked:])


def test_an_expired_token_is_refused_before_its_list_is_asked_for(caller: Any, lists: StatusEndpoint) -> None:
    """The draft's §8.3: first the token, then its status."""
    assert slug(caller(status=status(0, "9"), iat=1000, exp=1300).get(TODOS)) == (401, "invalid-token")
    assert not lists.fetched("9")


def test_keys_of_the_one_kind_do_not_serve_the_other(caller: Any) -> None:
    """A key for status lists opens no API: to whom verifies access tokens, it is not there."""
    assert slug(caller(key=SIGNER).get(TODOS)) == (401, "invalid-token")


def test_without_fresh_lists_reading_goes_on_and_writing_waits(
    jwks: JwksEndpoint, lists: StatusEndpoint, run_service: Any
) -> None:
    """DESIGN.md section 6: STALE is older than the token's life, whatever an answer's headers say."""
    with run_service() as service:
        service.wait_until_ready()
        wait_until(lambda: bool(tuple(service.app.state.status_lists.held)))
        lists.status = 500
        old = time.time() - 400
        [held] = service.app.state.status_lists.held
        service.app.state.status_lists._held = {held.uri: replace(held, iat=old)}
        lists.revoked["1"] = {5}
        short, long = (service.client(token(exp=int(time.time()) + ttl, status=status(0))) for ttl in (300, 7200))
        assert short.get(TODOS).status_code == 200
        refused = short.post(TODOS, json={"title": "x"})
        assert slug(refused) == (503, "status-unavailable")
        assert long.post(TODOS, json={"title": "x"}).status_code == 201  # LAGGING
        metrics = service.metrics()
        assert 'status_list_checks_total{result="stale"} 2\n' in metrics
        assert 'status_list_checks_total{result="lagging"} 1\n' in metrics
        assert "status_lists_lagging 1\n" in metrics
        lists.status = 200
        lists.publish("1")
        wait_until(lambda: short.post(TODOS, json={"title": "x"}).status_code == 201)


def test_an_hour_without_the_issuer_refuses_nobody(jwks: JwksEndpoint, lists: StatusEndpoint, run_service: Any) -> None:
    """Tokens that live two hours, and an issuer that is away for one: no 401 and no 503."""
    later = 0.0
    with run_service(clock=lambda: time.time() + later) as service:
        service.wait_until_ready()
        wait_until(lambda: bool(tuple(service.app.state.status_lists.held)))
        client = service.client(token(exp=int(time.time()) + 7200, status=status(0)))
        jwks.status = lists.status = 500
        for minutes in range(0, 61, 5):
            later = minutes * 60.0
            assert client.get(TODOS).status_code == 200
            assert client.post(TODOS, json={"title": "x"}).status_code == 201


def test_where_it_is_required_a_persons_token_has_a_status(
    jwks: JwksEndpoint, lists: StatusEndpoint, run_service: Any
) -> None:
    with run_service(require_status="on") as service:
        service.wait_until_ready()
        wait_until(lambda: bool(tuple(service.app.state.status_lists.held)))
        assert service.client(token(status=status(0))).get(TODOS).status_code == 200
        assert slug(service.client(token()).get(TODOS)) == (401, "invalid-token")
        assert service.client(token(sub="client_1", client_id="client_1")).get(TODOS).status_code == 200


def readiness(service: Any) -> tuple[int, str]:
    response = service.client().get("/readyz")
    return response.status_code, response.json()["status"]


def test_where_it_is_required_a_process_is_ready_with_the_first_lists(
    jwks: JwksEndpoint, lists: StatusEndpoint, run_service: Any
) -> None:
    """Who is sent requests before that would answer each with a 503."""
    lists.status = 500
    with run_service(require_status="on") as service:
        wait_until(lambda: readiness(service) == (503, "no status lists"))
        wait_until(lambda: service.app.state.status_lists.counts.fetches["failed"] > 2)
        assert readiness(service) == (503, "no status lists")
        lists.status = 200
        service.wait_until_ready()
        assert service.client(token(status=status(0))).get(TODOS).status_code == 200


def test_while_the_issuer_is_away_a_process_is_ready_with_the_copy(
    jwks: JwksEndpoint, lists: StatusEndpoint, run_service: Any, tmp_path: Path
) -> None:
    lists.revoke("1", 5)
    with run_service(require_status="on") as service:
        service.wait_until_ready()
        wait_until(lambda: (tmp_path / "status_lists.json").exists() and (tmp_path / "jwks.json").exists())
    lists.status = jwks.status = 500
    with run_service(require_status="on") as service:
        service.wait_until_ready()
        assert service.client(token(status=status(0))).get(TODOS).status_code == 200
        assert service.client(token(status=status(5))).get(TODOS).status_code == 401


def test_a_process_stays_ready_when_its_lists_are_withdrawn(
    jwks: JwksEndpoint, lists: StatusEndpoint, run_service: Any
) -> None:
    with run_service(require_status="on", schedule=FREQUENT) as service:
        service.wait_until_ready()
        jwks.keys = [jwk("first"), jwk("second", signs="statuslist+jwt")]
        wait_until(lambda: not tuple(service.app.state.status_lists.held))
        assert readiness(service) == (200, "ok")
        assert slug(service.client(token(status=status(0))).get(TODOS)) == (503, "status-unavailable")


def test_nobody_is_a_person_and_a_service(sqlite_service: Any) -> None:
    """R17: a client that is its own subject, and yet somebody signed in."""
    for both in ({"sid": "1"}, {"auth_time": 1}):
        client = sqlite_service.client(token(sub="client_1", client_id="client_1", **both))
        assert slug(client.get(TODOS)) == (401, "invalid-token")


def test_deleting_everything_asks_for_a_recent_sign_in(shared_service: Any) -> None:
    """R20: RFC 9470 §3."""
    sub, now = issuer.encode(str(time.time_ns()).encode()), int(time.time())
    recent = shared_service.client(token(sub=sub))
    for title in ("a", "b", "c"):
        assert recent.post(TODOS, json={"title": title}).status_code == 201
    recent.delete(f"{TODOS}/{recent.get(TODOS).json()['items'][0]['id']}")
    since = recent.get("/api/v1/changes").json()["next"]
    for auth_time in (now - 400, None):
        refused = shared_service.client(token(sub=sub, auth_time=auth_time)).delete(TODOS)
        assert slug(refused) == (401, "insufficient-user-authentication")
        challenge = refused.headers["WWW-Authenticate"]
        assert 'error="insufficient_user_authentication"' in challenge
        assert 'max_age="300"' in challenge
    assert len(recent.get(TODOS).json()["items"]) == 2
    assert recent.delete(TODOS).status_code == 204
    assert recent.get(TODOS).json()["items"] == []
    changes = recent.get("/api/v1/changes", params={"since": since}).json()
    assert (len(changes["tombstones"]), changes["upserts"]) == (2, [])
    [first, *_] = recent.get(TODOS, params={"deleted": "only"}).json()["items"]
    assert recent.post(f"{TODOS}/{first['id']}/restore").status_code == 200
    assert recent.delete(TODOS).status_code == 204
    assert recent.delete(TODOS).status_code == 204


def test_a_service_may_delete_everything_it_has(sqlite_service: Any) -> None:
    client = sqlite_service.client(token(sub="client_2", client_id="client_2"))
    assert client.post(TODOS, json={"title": "x"}).status_code == 201
    assert client.delete(TODOS).status_code == 204
    assert client.get(TODOS).json()["items"] == []


def test_the_checks_cost_stays_below_a_microsecond_or_so(jwks: JwksEndpoint) -> None:
    """Measured with care by `bench verify`; here, that it is no other order of magnitude."""
    held = StatusLists(URI, JwksCache(jwks.url))
    now, begun = time.time(), time.time()
    list_ = asyncio.run(_made(held, document("1", [5])))
    assert list_ == statuses([5])
    token_ = access_token(7, iat=begun)
    best = min(_seconds(lambda: held.check(token_, now=now)) for _ in range(20))
    assert best < 20e-6


def _seconds(act: Callable[[], object]) -> float:
    begun = time.thread_time()
    for _ in range(100):
        act()
    return (time.thread_time() - begun) / 100


async def _made(held: StatusLists, text: str) -> bytes:
    from todo_service import status_list

    parsed = status_list.verify(text, uri=f"{URI}/1", keys={SIGNER: private_key(SIGNER).public_key()}, now=time.time())
    held._swap(parsed.uri, parsed, None)
    return parsed.statuses


def test_an_access_token_is_no_status_list_and_the_other_way_round(caller: Any) -> None:
    """RFC 8725 §3.12: both signed by the issuer, each for its purpose only."""
    text = sign(json.dumps(header(typ="statuslist+jwt")).encode(), json.dumps(claims()).encode(), private_key("first"))
    client = caller()
    assert client.get(TODOS, headers={"Authorization": f"Bearer {text}"}).status_code == 401
    assert client.get(TODOS, headers={"Authorization": f"Bearer {document()}"}).status_code == 401
