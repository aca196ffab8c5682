"""Pushed authorization requests (RFC 9126): pushed by a client, and brought by a browser once."""

from typing import Any

import httpx2

from auth_service.grants import pushed_requests
from auth_service.limits import networks
from auth_service.oauth.client_assertion import ASSERTION_TYPE

from .browser import Browser, asked, signed_in
from .code_flow import REDIRECT_URI, Frontend, register_backend, register_frontend
from .conftest import Service
from .oauth_client import register, register_with_key
from .test_authorize_bad_input import ELSEWHERE, NO_REDIRECT, TO_THE_CLIENT
from .test_expiry import run_expiry

PAR = "/oauth/par"
PREFIX = "urn:ietf:params:oauth:request_uri:"
MEMBER = "require_pushed_authorization_requests"


def push(frontend: Frontend, **changes: Any) -> httpx2.Response:
    form = {**({"client_secret": frontend.secret} if frontend.secret else {}), **asked(frontend, **changes)}
    return httpx2.post(f"{frontend.service.url}{PAR}", data=form)


def pushed(frontend: Frontend, **changes: Any) -> dict[str, str]:
    """The two parameters that the browser brings after a push."""
    response = push(frontend, **changes)
    assert response.status_code == 201, response.text
    return {"client_id": frontend.client_id, "request_uri": response.json()["request_uri"]}


def test_a_person_signs_up_for_a_pushed_request(service: Service) -> None:
    """RFC 9126 §2.2, §4."""
    frontend, browser = register_frontend(service), Browser(service)
    response = push(frontend)
    assert (response.status_code, response.headers["cache-control"]) == (201, "no-store")
    assert response.json() == {"request_uri": response.json()["request_uri"], "expires_in": 60}
    assert len(response.json()["request_uri"].removeprefix(PREFIX)) == 43
    browser.open("/oauth/authorize", client_id=frontend.client_id, request_uri=response.json()["request_uri"])
    assert browser.path == "/signin"
    answer = browser.sign_up().allow().answer
    assert answer["state"] == asked(frontend)["state"]
    assert frontend.redeem(answer["code"]).status_code == 200


REFUSED = {
    **{name: (error, changes) for name, (error, changes) in TO_THE_CLIENT.items() if name != "request_uri"},
    **{name: ("invalid_request", changes) for name, (title, changes) in NO_REDIRECT.items() if title == ELSEWHERE},
    "a request_uri of another site": ("invalid_request", {"request_uri": "https://evil.example/request.jwt"}),
    "a request_uri of ours": ("invalid_request", {"request_uri": PREFIX + "x" * 43}),
    "state too long": ("invalid_request", {"state": "x" * 8193}),
    "too many": ("invalid_request", {f"p{number}": "x" for number in range(64)}),
}


def test_what_authorize_refuses_is_refused_when_it_is_pushed(sqlite_service: Service) -> None:
    """RFC 9126 §2.1, §2.3: as JSON, and nothing is stored."""
    frontend = register_frontend(sqlite_service, scope="openid email todos:read")
    answers = {name: push(frontend, **changes) for name, (_, changes) in REFUSED.items()}
    told = {name: (answer.status_code, answer.json().get("error")) for name, answer in answers.items()}
    assert told == {name: (400, error) for name, (error, _) in REFUSED.items()}
    assert all(answer.json()["error_description"].isascii() for answer in answers.values()), "RFC 6749 §5.2"
    assert sqlite_service.rows("SELECT * FROM authorization_requests") == []


def test_a_client_authenticates_as_at_the_token_endpoint(sqlite_service: Service) -> None:
    """RFC 9126 §2.1. Its requests are counted apart from those of other endpoints."""
    backend, keyed = (
        register_backend(sqlite_service),
        register_with_key(sqlite_service, "ec", grant_types=["authorization_code"], redirect_uris=[REDIRECT_URI]),
    )
    assert push(backend).headers["ratelimit-policy"].startswith('"par";')
    by_key = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": keyed.assertion("ec", alg="ES256")}
    as_keyed = Frontend(sqlite_service, keyed.client_id)
    assert push(as_keyed, **by_key, scope="todos:read").status_code == 201
    robot = register(sqlite_service)
    refused = {
        "used twice": (push(as_keyed, **by_key), 401, "invalid_client"),
        "no assertion": (push(as_keyed), 401, "invalid_client"),
        "a wrong secret": (push(backend, client_secret="wrong"), 401, "invalid_client"),
        "no secret": (push(Frontend(sqlite_service, backend.client_id)), 401, "invalid_client"),
        "nobody": (push(as_keyed, client_id=None), 401, "invalid_client"),
        "unknown": (push(Frontend(sqlite_service, "client_" + "x" * 32)), 401, "invalid_client"),
        "reserved": (push(Frontend(sqlite_service, "web")), 401, "invalid_client"),
        "two methods": (push(backend, **by_key), 400, "invalid_request"),
        "a service": (
            push(Frontend(sqlite_service, robot.client_id, robot.secret), redirect_uri=REDIRECT_URI),
            400,
            "invalid_request",
        ),
    }
    told = {name: (answer.status_code, answer.json().get("error")) for name, (answer, *_) in refused.items()}
    assert told == {name: tuple(expected) for name, (_, *expected) in refused.items()}


def test_what_stands_beside_a_request_uri_is_ignored(sqlite_service: Service) -> None:
    """RFC 9126 §4: what was pushed and checked counts, by GET and by POST."""
    frontend, browser = register_frontend(sqlite_service, first_party=True), signed_in(sqlite_service)
    beside = {
        "redirect_uri": "https://evil.example/",
        "state": "other",
        "scope": "openid x",
        "response_mode": "form_post",
    }
    got = browser.open("/oauth/authorize", **pushed(frontend), **beside).answer
    posted = browser.post("/oauth/authorize", **pushed(frontend), **beside).answer
    for answer in (got, posted):
        assert answer["state"] == asked(frontend)["state"]
        assert frontend.redeem(answer["code"]).json()["scope"] == asked(frontend)["scope"]


def test_a_request_uri_is_one_clients_one_browsers_and_expires(sqlite_service: Service) -> None:
    """RFC 9126 §2.2, §7: each is a page, and nobody is sent to a client."""
    frontend, other = register_frontend(sqlite_service), register_frontend(sqlite_service)
    mine, opened = pushed(frontend), pushed(frontend)
    Browser(sqlite_service).open("/oauth/authorize", **opened)
    handle = Browser(sqlite_service).client.post("/oauth/authorize", data=asked(frontend)).headers["location"][-43:]
    expired = pushed(frontend)
    sqlite_service.execute("UPDATE authorization_requests SET expires_at = '2026-01-01' WHERE browser_hash IS NULL")
    mine = pushed(frontend)
    hostile = {
        "another client": {**mine, "client_id": other.client_id},
        "no client": {**mine, "client_id": ""},
        "an unknown client": {**mine, "client_id": "client_" + "x" * 32},
        "a long client_id": {**mine, "client_id": "x" * 5000},
        "another browser's": opened,
        "expired": expired,
        "unknown": {**mine, "request_uri": PREFIX + "x" * 43},
        "empty": {**mine, "request_uri": PREFIX},
        "long": {**mine, "request_uri": PREFIX + "x" * 5000},
        "not ASCII": {**mine, "request_uri": PREFIX + "\u00e9" * 43},
        "with a handle of ours": {**mine, "request_uri": PREFIX + handle},
        "with a request object": {**mine, "request": "eyJhbGciOiJub25lIn0.e30."},
    }
    for method in ("GET", "POST"):
        for name, parameters in hostile.items():
            browser = Browser(sqlite_service)
            sent: dict[str, Any] = {"params": parameters} if method == "GET" else {"data": parameters}
            browser._follow(browser.client.request(method, "/oauth/authorize", **sent))
            assert browser.last.status_code == 400, (name, method)
            assert "error-title" in browser.page.elements, (name, method)
    assert Browser(sqlite_service).open("/oauth/authorize", **mine).path == "/signin"


def test_a_request_uri_is_good_for_a_minute_or_until_its_browser_has_the_answer(sqlite_service: Service) -> None:
    """RFC 9126 §7.3: it may be opened again while the person signs in, and not after the code was issued."""
    frontend, late, browser = register_frontend(sqlite_service), Browser(sqlite_service), Browser(sqlite_service)
    begun, unused = pushed(frontend), pushed(frontend)
    sqlite_service.clock.advance(seconds=59)
    browser.open("/oauth/authorize", **begun)
    sqlite_service.clock.advance(seconds=2)
    assert late.open("/oauth/authorize", **unused).last.status_code == 400
    sqlite_service.clock.advance(hours=1)
    assert run_expiry(sqlite_service) == 1
    assert browser.open("/oauth/authorize", **begun).path == "/signin"
    code = browser.sign_up().allow().answer["code"]
    again = browser.open("/oauth/authorize", **begun)
    assert (again.last.status_code, again.page.elements["error-title"]["tag"]) == (400, "h1")
    assert "You have answered this already" in again.page.text
    assert frontend.redeem(code).status_code == 200


def test_a_refusal_uses_a_pushed_request_up(sqlite_service: Service) -> None:
    frontend, browser = register_frontend(sqlite_service), Browser(sqlite_service)
    names = pushed(frontend, prompt="none")
    assert browser.open("/oauth/authorize", **names).answer["error"] == "login_required"
    assert browser.open("/oauth/authorize", **names).last.status_code == 400


def test_a_client_that_must_push_gets_nothing_otherwise(sqlite_service: Service) -> None:
    """RFC 9126 §5, §6."""
    frontend = register_frontend(sqlite_service, first_party=True, **{MEMBER: True})
    browser = signed_in(sqlite_service)
    for by in (browser.authorize, lambda it: browser.post("/oauth/authorize", **asked(it))):
        answer = by(frontend).answer
        assert (answer["error"], "code" in answer) == ("invalid_request", False)
    foreign = browser.authorize(frontend, request_uri="https://app.example.com/request.jwt").answer
    assert (foreign["error"], "code" in foreign) == ("invalid_request", False)
    assert "code" in browser.open("/oauth/authorize", **pushed(frontend)).answer


def test_a_pushed_request_does_not_make_way_for_older_ones(sqlite_service: Service) -> None:
    """It expires sooner than they do. Where there are too many, the oldest go."""
    frontend = register_frontend(sqlite_service)
    for _ in range(3):
        Browser(sqlite_service).authorize(frontend)
    sqlite_service.clock.advance(seconds=1)
    names = pushed(frontend)
    assert run_expiry(sqlite_service, max_rows=1) == 3
    assert Browser(sqlite_service).open("/oauth/authorize", **names).path == "/signin"


def test_neither_the_database_nor_a_page_shows_a_request_uri(sqlite_service: Service) -> None:
    frontend, browser = register_frontend(sqlite_service), Browser(sqlite_service)
    names = pushed(frontend)
    reference = names["request_uri"].removeprefix(PREFIX)
    browser.open("/oauth/authorize", **names)
    assert reference not in str(sqlite_service.rows("SELECT * FROM authorization_requests"))
    assert reference not in f"{browser.last.request.url}{browser.last.text}"


def test_a_stranger_cannot_use_up_a_public_clients_pushes(sqlite_service: Service) -> None:
    """RFC 9126 §7.3, §2.3: counted per client and network, so others are not kept out."""
    frontend, other = register_frontend(sqlite_service), register_frontend(sqlite_service)

    def by(address: str, frontend: Frontend) -> httpx2.Response:
        headers = {"X-Forwarded-For": address}
        return httpx2.post(f"{sqlite_service.url}{PAR}", data=asked(frontend), headers=headers)

    statuses = [by("203.0.113.7", frontend).status_code for _ in range(networks.PUSHES.requests)]
    assert set(statuses) == {201}
    refused = by("203.0.113.7", frontend)
    assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
    assert 0 < int(refused.headers["retry-after"]) <= networks.PUSHES.seconds
    assert [by(*each).status_code for each in (("203.0.113.8", frontend), ("203.0.113.7", other))] == [201] * 2


def test_a_client_has_so_many_pushed_requests_at_most(service: Service, monkeypatch: Any) -> None:
    """The number is lowered here. One that a browser has opened, or that has expired, makes room."""
    monkeypatch.setattr(pushed_requests, "MAX_OPEN", 2)
    backend, other = register_backend(service), register_backend(service)
    opened, _ = pushed(backend), pushed(backend)
    refused = push(backend)
    assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
    assert push(other).status_code == 201
    Browser(service).open("/oauth/authorize", **opened)
    assert [push(backend).status_code for _ in range(2)] == [201, 429]
    service.clock.advance(seconds=61)
    assert push(backend).status_code == 201
