"""Each gateway limit lets 1 + burst requests pass and refuses the next, in the system as run.py starts it.

The rate is one request a minute, so that a slow test still reaches the limit. Each test has its own loopback address.
"""

from collections.abc import Iterator
from itertools import count

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.people import Person, bearer, browser, credentials, sign_up
from e2e_fixtures.stack import Stack, running_stack

SIGN_IN, SIGN_UP, SESSION, TODOS = (
    "/api/auth/sign-in/email",
    "/api/auth/sign-up/email",
    "/api/auth/get-session",
    "/api/v1/todos",
)
PASSWORD = ("/api/auth/change-password", "/api/auth/verify-password", "/api/auth/delete-user")
BURST = {"sign_in": 2, "auth": 12, "api": 4, "password": 5}  # `auth`: /signin asks for a passkey's challenge, too
SETTINGS = {f"GATEWAY_{name.upper()}_BURST": str(burst) for name, burst in BURST.items()}
SETTINGS |= {f"GATEWAY_{name.upper()}_RATE": "1r/m" for name in BURST}
ADDRESSES = (f"127.0.{number // 250 + 1}.{number % 250 + 1}" for number in count())


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("limited") / "checkout", **SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def person(limited: Stack) -> Person:
    return sign_up(limited, source=next(ADDRESSES))


@pytest.fixture(scope="module")
def token(person: Person) -> str:
    return person.token()


@pytest.fixture
def address() -> str:
    """A source address that no other test uses."""
    return next(ADDRESSES)


@pytest.fixture
def caller(limited: Stack, address: str) -> httpx2.Client:
    return browser(limited, source=address)


def test_sign_in_passes_1_and_the_burst_and_no_more(caller: httpx2.Client, person: Person) -> None:
    statuses = [caller.post(SIGN_IN, json=credentials(person.email)).status_code for _ in range(BURST["sign_in"] + 2)]
    assert statuses == [200] * (BURST["sign_in"] + 1) + [429]


def test_person_beyond_the_limit_is_told_to_wait_and_finds_the_form_again(
    limited: Stack, chromium: Browser, page: Page
) -> None:
    """Others behind the same address have used up the limit. The browser keeps what was typed, except the password."""
    page.goto(f"{limited.url}/signin")
    with somebodys_browser(chromium, bypass_csp=True) as others:
        other = others.new_page()
        other.goto(f"{limited.url}/healthz")
        other.evaluate("async () => { while ((await fetch('/signin', { method: 'POST' })).status !== 429); }")

    def submit() -> None:
        page.locator("#password").fill("correct-horse-1")
        page.locator("#sign-in").click()
        expect(page.locator("#error-title")).to_have_text("Please wait a moment")
        expect(page.locator("#error-text")).to_contain_text("in 63 seconds")

    page.locator("#email").fill("ann@example.com")
    submit()
    page.locator("#back").click()
    expect(page.locator("#email")).to_have_value("ann@example.com")
    expect(page.locator("#password")).to_have_value("")
    submit()
    page.locator("#again").click()
    expect(page.locator("#signin-form")).to_be_visible()


def test_sign_up_passes_1_and_the_burst_and_no_more(caller: httpx2.Client) -> None:
    bodies = [{"name": "Ann", **credentials()} for _ in range(BURST["sign_in"] + 2)]
    statuses = [caller.post(SIGN_UP, json=body).status_code for body in bodies]
    assert statuses == [200] * (BURST["sign_in"] + 1) + [429]


def test_what_hashes_a_password_for_a_session_passes_1_and_the_burst_and_no_more(caller: httpx2.Client) -> None:
    """One limit counts all these endpoints together."""
    paths = (PASSWORD * BURST["password"])[: BURST["password"] + 1]
    assert 429 not in [caller.post(path, json={}).status_code for path in paths]
    assert [caller.post(path, json={}).status_code for path in PASSWORD] == [429] * len(PASSWORD)


@pytest.mark.parametrize("path", [SESSION, "/api/auth/token", "/api/auth/list-sessions", "/api/auth/ok"])
def test_other_endpoint_for_accounts_passes_1_and_the_burst_and_no_more(caller: httpx2.Client, path: str) -> None:
    statuses = [caller.get(path).status_code for _ in range(BURST["auth"] + 2)]
    assert statuses[-1] == 429
    assert 429 not in statuses[:-1]


@pytest.mark.parametrize("path", [TODOS, TODOS + "/none", "/api/v1/users/{id}/todos"])
def test_api_passes_1_and_the_burst_and_no_more(caller: httpx2.Client, person: Person, token: str, path: str) -> None:
    path = path.format(id=person.id)
    statuses = [caller.get(path, headers=bearer(token)).status_code for _ in range(BURST["api"] + 2)]
    assert statuses == [404 if path.endswith("none") else 200] * (BURST["api"] + 1) + [429]


def test_sign_in_and_sign_up_are_counted_together(caller: httpx2.Client, person: Person) -> None:
    for _ in range(BURST["sign_in"]):
        assert caller.post(SIGN_IN, json=credentials(person.email)).status_code == 200
    assert caller.post(SIGN_UP, json={"name": "Ann", **credentials()}).status_code == 200
    assert caller.post(SIGN_UP, json={"name": "Ann", **credentials()}).status_code == 429
    assert caller.post(SIGN_IN, json=credentials(person.email)).status_code == 429


def exhaust(caller: httpx2.Client) -> httpx2.Response:
    """Send empty sign-in requests until the limit is used up; return the answer to one more."""
    for _ in range(BURST["sign_in"] + 1):
        assert caller.post(SIGN_IN, json={}).status_code == 400
    return caller.post(SIGN_IN, json={})


def test_limits_do_not_reach_into_each_other(caller: httpx2.Client, token: str) -> None:
    assert exhaust(caller).status_code == 429
    assert caller.get(SESSION).status_code == 200
    assert caller.get(TODOS, headers=bearer(token)).status_code == 200


def test_other_clients_notice_nothing(limited: Stack, caller: httpx2.Client, person: Person) -> None:
    assert exhaust(caller).status_code == 429
    other = limited.client(source=next(ADDRESSES))
    assert other.post(SIGN_IN, json=credentials(person.email)).status_code == 200


def test_forged_address_evades_nothing(caller: httpx2.Client) -> None:
    """Rule R24 of todo-service/VERIFIER.md."""
    exhaust(caller)
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP"):
        assert caller.post(SIGN_IN, json={}, headers={name: "192.0.2.1"}).status_code == 429


def test_refused_request_has_no_effect(limited: Stack, caller: httpx2.Client) -> None:
    exhaust(caller)
    asked = credentials()
    assert caller.post(SIGN_UP, json={"name": "Ann", **asked}).status_code == 429
    assert limited.client(source=next(ADDRESSES)).post(SIGN_IN, json=asked).status_code == 401


def test_refusal_is_legible_to_the_client_of_the_protocol(caller: httpx2.Client) -> None:
    response = exhaust(caller)
    assert response.status_code == 429
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["message"]
    assert (response.json()["status"], response.json()["request_id"]) == (429, response.headers["X-Request-ID"])
    assert response.headers["Retry-After"] == response.headers["X-Retry-After"]
    assert 60 <= int(response.headers["Retry-After"]) <= 65


def test_refusal_of_the_api_is_a_problem(caller: httpx2.Client, token: str) -> None:
    """RFC 6585 §4, RFC 9457."""
    response = [caller.get(TODOS, headers=bearer(token)) for _ in range(BURST["api"] + 2)][-1]
    assert (response.status_code, response.headers["Content-Type"]) == (429, "application/problem+json")
    assert int(response.headers["Retry-After"]) > 0


def test_public_documents_and_health_are_not_limited(caller: httpx2.Client) -> None:
    for path in ("/healthz", "/.well-known/jwks.json", "/.well-known/openid-configuration"):
        assert {caller.get(path).status_code for _ in range(20)} == {200}
