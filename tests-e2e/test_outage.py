"""The issuer is down: issued tokens stay valid, and requests that need the issuer get an honest error."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import pytest

from e2e_fixtures.issuer import Issuer
from e2e_fixtures.people import Person, bearer, credentials, sign_up
from e2e_fixtures.stack import Stack, running_stack
from e2e_fixtures.waiting import wait_until

TODOS, JWKS = "/api/v1/todos", "/.well-known/jwks.json"
DOCUMENTS = [JWKS, "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]
SHARED_MAX_AGE = 5  # seconds; then the gateway fetches its copy again


@dataclass(frozen=True)
class Outage:
    """A system whose auth-service is dead, with a session and tokens from before."""

    stack: Stack
    token: str
    documents: dict[str, bytes]
    began: float

    def api(self) -> httpx2.Client:
        return self.stack.client(headers=bearer(self.token))


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    """A system with auth-service killed. run.py is frozen meanwhile, because it would stop the other processes."""
    with running_stack(tmp_path_factory.mktemp("outage") / "checkout", "--no-limits") as stack:
        token = sign_up(stack).token()
        documents = {path: stack.client().get(path).content for path in DOCUMENTS}
        auth_service = stack.pid("auth_service")
        with frozen(stack.running["pid"]):
            os.kill(auth_service, signal.SIGKILL)
            yield Outage(stack, token, documents, time.monotonic())
        wait_until(lambda: not (stack.checkout.folder / ".run/run.json").exists())


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_todos_are_served_while_the_issuer_hangs(stack: Stack, person: Person) -> None:
    api = person.api()
    with frozen(stack.pid("auth_service")):
        assert api.post(TODOS, json={"title": "Meanwhile"}).status_code == 201
        assert [todo["title"] for todo in api.get(TODOS).json()["items"]] == ["Meanwhile"]
    assert person.browser.get("/api/auth/ok").status_code == 200


def test_todos_are_served_while_the_issuer_is_dead(outage: Outage) -> None:
    created = outage.api().post(TODOS, json={"title": "Meanwhile"})
    assert created.status_code == 201
    assert outage.api().get(created.headers["Location"]).status_code == 200


def test_what_is_not_good_is_refused_all_the_same(outage: Outage, issuer: Issuer) -> None:
    """Rule R19 of todo-service/VERIFIER.md: an unknown key is 401, although the issuer cannot be asked about it."""
    url = outage.stack.url
    unknown_key = issuer.token(iss=url, aud=f"{url}/api/v1")
    for token in (unknown_key, outage.token[:-4] + "AAAA"):
        assert outage.stack.client(headers=bearer(token)).get(TODOS).status_code == 401


@pytest.mark.parametrize("path", DOCUMENTS)
def test_gateway_serves_the_documents_that_it_holds(outage: Outage, path: str) -> None:
    """RFC 5861 §4: stale-if-error applies once the copy is older than s-maxage."""
    time.sleep(max(0.0, outage.began + SHARED_MAX_AGE + 1 - time.monotonic()))
    response = outage.stack.client().get(path)
    assert (response.status_code, response.content) == (200, outage.documents[path])


def test_whoever_asks_past_the_cache_is_told_the_truth(outage: Outage) -> None:
    """Requests with Authorization bypass the cache, so they see the error."""
    assert outage.api().get(JWKS).status_code in (502, 504)


def test_what_needs_the_issuer_says_so(outage: Outage) -> None:
    response = outage.stack.client().post("/api/auth/sign-in/email", json=credentials())
    assert response.status_code == 502
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["message"]
    assert int(response.headers["Retry-After"]) > 0


def test_at_last_run_py_stops_the_rest_and_shows_why(outage: Outage) -> None:
    """This test is the last, because nothing answers after it."""
    os.kill(outage.stack.running["pid"], signal.SIGCONT)
    wait_until(lambda: "auth-service was killed by SIGKILL" in outage.stack.log("run"))
    wait_until(lambda: is_gone(outage.stack))


def is_gone(stack: Stack) -> bool:
    """Whether nothing listens now. A connection that was open at the end may be reset instead of refused."""
    try:
        stack.client().get("/healthz")
    except httpx2.ConnectError:
        return True
    except httpx2.TransportError:
        return False
    return False
