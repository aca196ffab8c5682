"""Responses while the issuer is down or slow, or after it has withdrawn a key (rules J of VERIFIER.md)."""

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from todo_fixtures.issuer import JwksEndpoint, encode, jwk, private_key, sign, token
from todo_fixtures.service import QUICK, Service, wait_until

TODOS = "/api/v1/todos"
OFTEN = replace(QUICK, interval=timedelta(milliseconds=20))
DAY = timedelta(days=1)
ONCE = replace(QUICK, interval=DAY, forced_cooldown=DAY)  # longer than any test


def test_the_service_starts_without_the_issuer(jwks: JwksEndpoint, run_service: Any) -> None:
    """J1: the process is alive at once, and ready when it has the first key set."""
    jwks.status = 500
    with run_service() as service:
        client = service.client()
        assert client.get("/livez").json() == {"status": "ok"}
        response = client.get("/readyz")
        assert (response.status_code, response.json()) == (503, {"status": "no key set"})
        jwks.status = 200
        service.wait_until_ready()
        assert service.person().get(TODOS).status_code == 200


def test_todos_are_served_while_the_issuer_is_down_and_after_a_restart(
    jwks: JwksEndpoint, run_service: Any, tmp_path: Path
) -> None:
    """J2, J7."""
    with run_service(schedule=OFTEN) as service:
        service.wait_until_ready()
        wait_until((tmp_path / "jwks.json").exists)
        jwks.status = 500
        seen = len(jwks.statuses)
        wait_until(lambda: len(jwks.statuses) > seen + 2)
        assert service.person().get(TODOS).status_code == 200
    with run_service() as service:
        assert service.client().get("/readyz").status_code == 200
        assert service.person().get(TODOS).status_code == 200


def test_a_day_after_the_last_word_of_the_issuer_nothing_is_trusted(jwks: JwksEndpoint, run_service: Any) -> None:
    """J7: every token gets 503."""
    later = 0.0
    with run_service(clock=lambda: time.time() + later) as service:
        service.wait_until_ready()
        jwks.status = 500
        later = 86_401.0
        now = int(time.time() + later)
        response = service.person(iat=now, exp=now + 300).get(TODOS)
        assert (response.status_code, response.json()["type"]) == (503, "urn:problem-type:todo:keys-unavailable")
        assert service.client().get("/readyz").status_code == 503


def test_a_withdrawn_key_opens_nothing_although_its_token_was_seen(jwks: JwksEndpoint, run_service: Any) -> None:
    """J11."""
    jwks.keys = [jwk("first"), jwk("second")]
    with run_service(schedule=OFTEN) as service:
        service.wait_until_ready()
        old, new = service.client(token("first")), service.client(token("second"))
        assert [old.get(TODOS).status_code, new.get(TODOS).status_code] == [200, 200]
        jwks.keys = [jwk("second")]
        wait_until(lambda: old.get(TODOS).status_code == 401)
        assert new.get(TODOS).status_code == 200


def test_a_flood_of_random_kids_costs_one_fetch_and_hurts_nobody(jwks: JwksEndpoint, run_service: Any) -> None:
    """J5."""
    with run_service(schedule=ONCE) as service:
        service.wait_until_ready()
        genuine, forger = service.person(), service.client()
        for kid in range(300):
            headers = {"Authorization": f"Bearer {token(headers={'kid': f'random {kid}'})}"}
            assert forger.get(TODOS, headers=headers).status_code == 401
            if kid % 30 == 0:
                assert genuine.get(TODOS).status_code == 200
    assert len(jwks.requests) == 2


def test_a_whole_life_of_outages(jwks: JwksEndpoint, run_service: Any, tmp_path: Path) -> None:
    """J1, J2, J4, J5, J7 and J11, one after the other, with the same files.

    The service starts while the issuer is down, restarts from the copy on disk, and loses a key that is withdrawn. Then
    come 10,000 unknown `kid`s, and a fetch that hangs while requests with known keys are served.
    """
    jwks.keys = [jwk("first"), jwk("second")]
    jwks.status = 500
    with run_service(schedule=OFTEN) as service:
        assert service.client(token("second")).get(TODOS).status_code == 503
        jwks.status = 200
        service.wait_until_ready()
        wait_until((tmp_path / "jwks.json").exists)
    jwks.status = 500
    with run_service(schedule=OFTEN) as service:
        first, second = service.client(token("first")), service.client(token("second"))
        assert [first.get(TODOS).status_code, second.get(TODOS).status_code] == [200, 200]
        jwks.status, jwks.keys = 200, [jwk("second")]
        wait_until(lambda: first.get(TODOS).status_code == 401)
    with run_service(schedule=ONCE) as service:
        service.wait_until_ready()
        fetched = len(jwks.requests)
        with ThreadPoolExecutor(8) as pool:
            statuses = set().union(*pool.map(lambda part: ask_with_unknown_names(service, part), range(8)))
        assert statuses == {401}
        assert len(jwks.requests) - fetched <= 2  # one for unknown kids, and perhaps the first scheduled one
        jwks.may_answer.clear()
        assert [service.client(token("second")).get(TODOS).status_code for _ in range(20)] == [200] * 20
        jwks.may_answer.set()


def ask_with_unknown_names(service: Service, part: int) -> set[int]:
    """Send an eighth of 10,000 tokens, each with another `kid`. They reuse one signature, since none is verified."""
    connection = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=60)
    _, payload, signature = token().split(".")
    statuses = set()
    for number in range(1_250):
        named = encode(b'{"alg":"RS256","typ":"at+jwt","kid":"%d-%d"}' % (part, number))
        connection.request("GET", TODOS, headers={"Authorization": f"Bearer {named}.{payload}.{signature}"})
        response = connection.getresponse()
        response.read()
        statuses.add(response.status)
    connection.close()
    return statuses


def test_a_bad_signature_under_a_known_kid_fetches_nothing(jwks: JwksEndpoint, run_service: Any) -> None:
    """J12."""
    with run_service(schedule=ONCE) as service:
        service.wait_until_ready()
        for _ in range(20):
            text = token().rpartition(".")[0] + "." + encode(b"x" * 256)
            assert service.client(text).get(TODOS).status_code == 401
    assert len(jwks.requests) == 1


def test_good_requests_go_on_while_a_fetch_hangs(jwks: JwksEndpoint, run_service: Any) -> None:
    """J4: requests with known keys do not wait; those with an unknown `kid` wait for at most a second."""
    with (
        run_service(schedule=replace(ONCE, forced_wait=timedelta(seconds=1))) as service,
        ThreadPoolExecutor(8) as pool,
    ):
        service.wait_until_ready()
        genuine = service.person()
        genuine.get(TODOS)
        jwks.may_answer.clear()
        clients = [service.client(token(headers={"kid": f"unknown {n}"})) for n in range(8)]
        refused = [pool.submit(client.get, TODOS) for client in clients]
        wait_until(lambda: len(jwks.requests) == 2)
        for _ in range(20):
            assert genuine.get(TODOS).status_code == 200
        assert {future.result().status_code for future in refused} == {401}
        assert len(jwks.statuses) == 1, "the issuer has not answered yet"


def test_an_unknown_signer_cannot_make_the_service_fetch_elsewhere(jwks: JwksEndpoint, run_service: Any) -> None:
    """J13, R10: `jku` and similar headers are ignored."""
    with run_service() as service:
        service.wait_until_ready()
        header = b'{"alg":"RS256","typ":"at+jwt","kid":"x","jku":"%b/thief.json"}' % jwks.url.encode()
        assert service.client(sign(header, b"{}", private_key("thief"))).get(TODOS).status_code == 401
    assert {request["path"] for request in jwks.requests} == {"/.well-known/jwks.json"}
