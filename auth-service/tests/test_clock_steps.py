"""Clocks that step back, and clocks of two nodes that differ: "since then?" is never asked of two clocks."""

import time
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx2
import pytest

from .browser import signed_in
from .code_flow import REDIRECT_URI, VERIFIER, Frontend, live_grants, register_backend, register_frontend, sign_up
from .conftest import PASSWORD, Service, Start
from .oauth_client import claims_of
from .test_introspect_and_revoke import REVOKE, introspect, own_token, register_robot, send

STEPS = {"back": -3600, "on": 3600}


@pytest.fixture
def nodes(start: Start, sqlite_url: str) -> tuple[Service, Service]:
    """Two nodes of one deployment. The second one's clock is 30 s behind."""
    first, second = start(sqlite_url), start(sqlite_url)
    second.clock.advance(seconds=-30)
    return first, second


@pytest.mark.parametrize("seconds", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "0"}], ids=["prompt=login", "max_age=0"])
def test_a_sign_in_is_asked_and_answered_whatever_the_clock_does(
    sqlite_service: Service, asked: dict[str, str], seconds: int
) -> None:
    frontend = register_frontend(sqlite_service, first_party=True)
    browser = signed_in(sqlite_service)
    sqlite_service.clock.advance(seconds=seconds)
    assert browser.authorize(frontend, **asked).path == "/signin", "nobody was asked"
    resumed = browser.open("/oauth/authorize", **dict(browser.last.request.url.params))
    assert resumed.path == "/signin", "the sign-in was skipped"
    assert "code" in browser.sign_in().answer, "the sign-in was asked for twice"


def test_a_sign_in_while_the_clock_steps_back_counts(sqlite_service: Service) -> None:
    frontend = register_frontend(sqlite_service, first_party=True)
    browser = signed_in(sqlite_service).authorize(frontend, prompt="login")
    sqlite_service.clock.advance(hours=-1)
    assert "code" in browser.sign_in().answer


def test_a_sign_in_elsewhere_is_no_answer(sqlite_service: Service) -> None:
    """Only the page of this request asks for it."""
    frontend = register_frontend(sqlite_service, first_party=True)
    browser = signed_in(sqlite_service).authorize(frontend, prompt="login")
    query = dict(browser.last.request.url.params)
    sqlite_service.clock.advance(seconds=1)
    answer = browser.client.post("/api/auth/sign-in/email", json={"email": "ann@example.com", "password": PASSWORD})
    assert answer.status_code == 200
    assert browser.open("/oauth/authorize", **query).path == "/signin"


def test_max_age_of_a_sign_in_of_the_future_is_not_met(sqlite_service: Service) -> None:
    """The clock has stepped back since, so its age is unknown."""
    frontend = register_frontend(sqlite_service, first_party=True)
    browser = signed_in(sqlite_service)
    sqlite_service.clock.advance(hours=-1)
    assert browser.authorize(frontend, max_age="600", prompt="none").answer["error"] == "login_required"
    assert "code" in browser.authorize(frontend, max_age="600").sign_in().answer


def test_two_nodes_agree_on_a_sign_in(nodes: tuple[Service, Service]) -> None:
    ahead, behind = nodes
    frontend = register_frontend(ahead, first_party=True)
    browser = signed_in(ahead)
    browser.authorize(frontend, prompt="login")
    behind.opened.append(browser.client)
    browser.client.base_url = behind.url
    assert browser.open("/oauth/authorize", **dict(browser.last.request.url.params)).path == "/signin"
    assert "code" in browser.sign_in().answer


@pytest.mark.parametrize(("max_age", "waited", "asks"), [("3", 8, True), ("0", 8, True), ("60", 8, False)])
def test_a_sign_in_that_grew_old_at_the_consent_page_is_asked_for_again(
    service: Service, max_age: str, waited: int, asks: bool
) -> None:
    """The ID token's `auth_time` is never older than allowed when the token is issued (OpenID Connect Core §2)."""
    frontend = register_frontend(service)
    browser = signed_in(service)
    browser.open("/signout").press("signout-form", "sign-out")
    assert browser.authorize(frontend, max_age=max_age).sign_in().path == "/consent"
    service.clock.advance(seconds=waited)
    browser.allow()
    if asks:
        assert browser.path == "/signin"
        browser.sign_in()
    claims = claims_of(frontend.redeem(browser.answer["code"]).json()["id_token"])
    assert claims["iat"] - claims["auth_time"] <= max(int(max_age), 5)


def test_a_code_is_refused_when_its_sign_in_is_older_than_max_age(service: Service) -> None:
    frontend = register_frontend(service, first_party=True)
    browser = signed_in(service)
    code = browser.authorize(frontend, max_age="8").answer["code"]
    service.clock.advance(seconds=9)
    refused = frontend.redeem(code).json()
    assert refused["error"] == "invalid_grant"
    assert "max_age" in refused["error_description"]
    assert "code" in browser.authorize(frontend, max_age="8").sign_in().answer


@pytest.mark.parametrize(
    ("max_age", "waited", "is_old"), [("8", 8, False), ("8", 9, True), ("3", 5, False), ("3", 6, True)]
)
def test_max_age_is_kept_to_the_second_from_five_seconds_on(
    sqlite_service: Service, max_age: str, waited: int, is_old: bool
) -> None:
    """Below five seconds there is a margin for redirects (DECISIONS.md, 68)."""
    frontend = register_frontend(sqlite_service, first_party=True)
    browser = signed_in(sqlite_service)
    sqlite_service.clock.stop()
    browser.authorize(frontend, max_age="0").sign_in()
    code = browser.authorize(frontend, max_age=max_age).answer["code"]
    sqlite_service.clock.advance(seconds=waited)
    answer = frontend.redeem(code).json()
    if is_old:
        assert answer["error"] == "invalid_grant"
    else:
        claims = claims_of(answer["id_token"])
        assert claims["iat"] - claims["auth_time"] == waited


def test_the_age_counts_until_the_token_and_not_until_the_request_began(sqlite_service: Service) -> None:
    """A client may send its body slowly."""
    frontend = register_frontend(sqlite_service, first_party=True)
    code = signed_in(sqlite_service).authorize(frontend, max_age="8").answer["code"]
    form = urlencode(
        {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": frontend.client_id,
            "redirect_uri": REDIRECT_URI,
        }
        | {"code_verifier": VERIFIER}
    ).encode()

    def slowly() -> Iterator[bytes]:
        yield form[:10]
        time.sleep(0.3)  # so that the service has begun
        sqlite_service.clock.advance(seconds=9)
        yield form[10:]

    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(form))}
    refused = httpx2.post(f"{sqlite_service.url}/oauth/token", content=slowly(), headers=headers).json()
    assert "max_age" in refused["error_description"]


def test_a_fresh_session_is_one_whose_age_is_known(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up()
    sqlite_service.clock.advance(seconds=-50)
    assert client.get("/list-sessions").status_code == 200, "clocks of two nodes may differ by a minute"
    sqlite_service.clock.advance(seconds=-3600)
    assert client.get("/list-sessions").json()["code"] == "SESSION_NOT_FRESH"
    assert client.post("/delete-user", json={}).json()["code"] == "SESSION_EXPIRED"
    assert client.post("/delete-user", json={"password": PASSWORD}).status_code == 200


def test_a_parent_has_its_minute_although_the_clock_steps_back(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    first = frontend.tokens(person)["refresh_token"]
    second = frontend.refresh(first).json()["refresh_token"]
    sqlite_service.clock.advance(seconds=-30)
    assert frontend.refresh(first).json()["refresh_token"] == second
    sqlite_service.clock.advance(seconds=-3600)
    assert frontend.refresh(first).json()["error"] == "invalid_grant"


def test_tokens_of_a_node_that_is_behind_are_live(nodes: tuple[Service, Service]) -> None:
    """The grant begins by one clock, and `iat` comes from another."""
    ahead, behind = nodes
    backend = register_backend(ahead)
    person = sign_up(ahead)
    there = Frontend(behind, backend.client_id, backend.secret)
    token = there.refresh(backend.tokens(person)["refresh_token"]).json()["access_token"]
    assert introspect(backend, token)["active"] is True
    assert send(REVOKE, backend, token).status_code == 200
    assert live_grants(ahead) == 0, "the token was taken for one of an earlier grant"


def test_a_token_of_an_ended_grant_does_not_end_the_next_one(sqlite_service: Service) -> None:
    person, backend = sign_up(sqlite_service), register_backend(sqlite_service)
    old = backend.tokens(person)["access_token"]
    send(REVOKE, backend, old)
    backend.tokens(person)
    sqlite_service.clock.advance(seconds=-30)
    send(REVOKE, backend, old)
    assert live_grants(sqlite_service) == 1


def test_a_services_tokens_after_a_revocation_are_live_at_a_node_that_is_behind(
    nodes: tuple[Service, Service],
) -> None:
    ahead, behind = nodes
    robot = register_robot(ahead)
    before = own_token(robot)
    send(REVOKE, robot, before)
    after = own_token(type(robot)(behind, robot.client_id, robot.secret))
    assert introspect(robot, before) == {"active": False}
    assert introspect(robot, after)["active"] is True
