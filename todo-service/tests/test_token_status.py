"""Responses to revoked tokens, and to requests that need a recent sign-in (rules R17, R18, R20 of VERIFIER.md)."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from todo_fixtures import issuer
from todo_fixtures.issuer import ISSUER, JwksEndpoint, claims, header, jwk, private_key, sign, status, token
from todo_fixtures.service import FREQUENT, wait_until
from todo_fixtures.status_lists import SIGNER, URI, StatusEndpoint, document

TODOS = "/api/v1/todos"


@pytest.fixture
def caller(jwks: JwksEndpoint, lists: StatusEndpoint, run_service: Any) -> Iterator[Callable[..., httpx2.Client]]:
    """A function that makes clients of one service; their tokens name a status list."""
    with run_service() as service:
        service.wait_until_ready()
        wait_until(lambda: bool(tuple(service.app.state.parts.verifier.report().status_lists.held)))
        yield lambda index=0, **changes: service.client(token(**{"status": status(index), **changes}))


def slug(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].rpartition(":")[2]


def test_a_revoked_token_is_refused_although_it_was_verified_before(caller: Any, lists: StatusEndpoint) -> None:
    """R18. Other tokens of the same person stay valid."""
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
    """draft-ietf-oauth-status-list §8.3: the token is verified before its status is looked up."""
    assert slug(caller(status=status(0, "9"), iat=1000, exp=1300).get(TODOS)) == (401, "invalid-token")
    assert not lists.fetched("9")


def test_keys_of_the_one_kind_do_not_serve_the_other(caller: Any) -> None:
    """A key for status lists verifies no access token: it is unknown there."""
    assert slug(caller(key=SIGNER).get(TODOS)) == (401, "invalid-token")


def test_without_fresh_lists_reading_goes_on_and_writing_waits(
    jwks: JwksEndpoint, lists: StatusEndpoint, run_service: Any
) -> None:
    """A list is STALE when it is older than the token's life, whatever the response's headers say."""
    with run_service() as service:
        service.wait_until_ready()
        wait_until(lambda: bool(tuple(service.app.state.parts.verifier.report().status_lists.held)))
        lists.status = 500
        old = time.time() - 400
        kept = service.app.state.parts.verifier._following.lists
        kept._held = {uri: replace(each, iat=old) for uri, each in kept._held.items()}
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
    """Tokens live two hours, and the issuer is down for one: there is no 401 and no 503."""
    later = 0.0
    with run_service(clock=lambda: time.time() + later) as service:
        service.wait_until_ready()
        wait_until(lambda: bool(tuple(service.app.state.parts.verifier.report().status_lists.held)))
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
        wait_until(lambda: bool(tuple(service.app.state.parts.verifier.report().status_lists.held)))
        assert service.client(token(status=status(0))).get(TODOS).status_code == 200
        assert slug(service.client(token()).get(TODOS)) == (401, "invalid-token")
        assert service.client(token(sub="client_1", client_id="client_1")).get(TODOS).status_code == 200


def readiness(service: Any) -> tuple[int, str]:
    response = service.client().get("/readyz")
    return response.status_code, response.json()["status"]


def test_where_it_is_required_a_process_is_ready_with_the_first_lists(
    jwks: JwksEndpoint, lists: StatusEndpoint, run_service: Any
) -> None:
    """A process that gets requests before that would answer each with a 503."""
    lists.status = 500
    with run_service(require_status="on") as service:
        wait_until(lambda: readiness(service) == (503, "no status lists"))
        wait_until(lambda: service.app.state.parts.verifier.report().status_lists.counts.fetches["failed"] > 2)
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
        wait_until(lambda: not tuple(service.app.state.parts.verifier.report().status_lists.held))
        assert readiness(service) == (200, "ok")
        assert slug(service.client(token(status=status(0))).get(TODOS)) == (503, "status-unavailable")


def test_nobody_is_a_person_and_a_service(sqlite_service: Any) -> None:
    """R17: a token whose client is its subject must not have a session or a time of sign-in."""
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
    for auth_time in (now - 400, now + 3600, None):  # the age of a sign-in of the future is unknown
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


def test_an_access_token_is_no_status_list_and_the_other_way_round(caller: Any) -> None:
    """RFC 8725 §3.12: the issuer signs both, but each is valid for its own purpose only."""
    text = sign(json.dumps(header(typ="statuslist+jwt")).encode(), json.dumps(claims()).encode(), private_key("first"))
    client = caller()
    assert client.get(TODOS, headers={"Authorization": f"Bearer {text}"}).status_code == 401
    assert client.get(TODOS, headers={"Authorization": f"Bearer {document()}"}).status_code == 401
