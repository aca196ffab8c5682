"""Grants of their own: each device, and each program on a person's machine, is seen at /account and ends alone."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from auth_service.grants import own_grants

from .browser import Browser, signed_in
from .code_flow import API, Frontend, live_grants, register_frontend
from .conftest import Service
from .device_client import Device, ask, enter, register_device
from .oauth_client import claims_of
from .status_scene import is_revoked
from .test_expiry import run_expiry

OFFLINE = "openid offline_access todos:read"
HERE = "http://127.0.0.1:5000/callback"
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def allowed(browser: Browser, client: Frontend, address: str = "203.0.113.7", **asked: str) -> dict[str, Any]:
    """Tokens of a device at this address, which the person of the browser has allowed."""
    begun = ask(client, {"X-Forwarded-For": address}, **asked)
    device = Device(client, begun.json())
    enter(browser, device.user_code).sign_in().allow()
    tokens: dict[str, Any] = device.poll().json()
    return tokens


def register_program(service: Service, **changes: Any) -> Frontend:
    return register_frontend(service, redirect_uris=["http://127.0.0.1/callback"], client_name="Agent", **changes)


def started(browser: Browser, program: Frontend, scope: str = OFFLINE) -> tuple[str, dict[str, Any]]:
    """The code of a program that the person has allowed, and the tokens for it."""
    code = browser.authorize(program, redirect_uri=HERE, scope=scope).allow().answer["code"]
    return code, program.redeem(code, redirect_uri=HERE).json()


def is_live(client: Frontend, tokens: dict[str, Any]) -> bool:
    """Whether the refresh token works; `tokens` has its successor then. The access token has the same fate."""
    answer = client.refresh(tokens["refresh_token"])
    assert is_revoked(client.service, tokens["access_token"]) == (answer.status_code != 200)
    if answer.status_code == 200:
        tokens.update(answer.json())
    return answer.status_code == 200


def shown(browser: Browser) -> list[str]:
    """The ids of the buttons at /account that end one access, the newest first."""
    return [each for each in browser.open("/account").page.elements if re.fullmatch(r"end-access-\w{32}", each)]


def end(browser: Browser, button: str) -> Browser:
    return browser.press(button.replace("end-access-", "end-access-form-"), button)


def test_of_two_devices_one_is_cut_off_and_the_other_goes_on(service: Service) -> None:
    """In one session, at one client. The consent stays."""
    client, browser = register_device(service, client_name="Television"), signed_in(service)
    first, second = (allowed(browser, client, address) for address in ("203.0.113.7", "198.51.100.9"))
    assert claims_of(first["access_token"])["sid"] == claims_of(second["access_token"])["sid"]
    buttons = shown(browser)
    text = browser.page.text
    assert len(buttons) == 2
    assert text.index("from 198.51.100.9") < text.index("from 203.0.113.7")
    assert re.search(r"Another device allowed on \d+ \w+ \d{4}, \d\d:\d\d UTC, last used today, from 203.0.113.7", text)
    consents = service.rows("SELECT * FROM consents")
    end(browser, buttons[1])
    assert "That access is removed." in browser.page.text
    assert "A device or a program of an application lost its access: Television" in browser.page.text
    assert (is_live(client, first), is_live(client, second)) == (False, True)
    assert service.rows("SELECT * FROM consents") == consents
    assert shown(browser) == buttons[:1]


def test_a_program_that_lost_a_code_loses_its_own_grant_only(service: Service) -> None:
    """RFC 8252: programs on one machine pose under one client_id. Reuse of a code ends what it gave."""
    program, browser = register_program(service), signed_in(service)
    browser.client.headers["User-Agent"] = LINUX
    browser = signed_in(service, "bob@example.com")
    (code, stolen), (_, other) = started(browser, program), started(browser, program)
    assert live_grants(service) == 2
    assert program.redeem(code, redirect_uri=HERE).json()["error"] == "invalid_grant"
    assert (is_live(program, stolen), is_live(program, other)) == (False, True)


def test_it_is_said_in_which_browser_a_program_was_allowed(sqlite_service: Service) -> None:
    program = register_program(sqlite_service)
    browser = Browser(sqlite_service)
    browser.client.headers["User-Agent"] = LINUX
    browser.open("/signup").sign_up()
    started(browser, program)
    assert "Allowed in: Firefox on Linux allowed on " in browser.open("/account").page.text


def test_an_application_at_an_address_of_its_own_has_one_grant_in_a_session(sqlite_service: Service) -> None:
    """Its person is asked once, and sees one application."""
    frontend, browser = register_frontend(sqlite_service), signed_in(sqlite_service)
    browser.authorize(frontend).allow()
    assert "code" in browser.authorize(frontend).answer
    assert (live_grants(sqlite_service), shown(browser)) == (1, [])


def test_they_end_with_their_session_as_others_do(service: Service) -> None:
    """GRANTS.md: an online one at sign-out, an offline one when the session is revoked. Clients are told."""
    uri = "https://tv.example.com/logout"
    client = register_device(service, token_endpoint_auth_method="client_secret_post", backchannel_logout_uri=uri)
    browser, elsewhere = signed_in(service), Browser(service)
    online, offline = allowed(browser, client), allowed(browser, client, scope=OFFLINE)
    elsewhere.open("/signin").sign_in()
    theirs = allowed(elsewhere, client, scope=OFFLINE)
    sid = claims_of(online["access_token"])["sid"]
    browser.client.post("/api/auth/sign-out", json={})
    assert (is_live(client, online), is_live(client, offline), is_live(client, theirs)) == (False, True, True)
    told = service.rows("SELECT session_id FROM account_events WHERE client_id IS NOT NULL")
    assert told == [(sid,)]
    assert elsewhere.client.post("/api/auth/revoke-other-sessions", json={}).status_code == 200
    assert (is_live(client, offline), is_live(client, theirs)) == (False, True)
    assert elsewhere.client.post("/api/auth/revoke-sessions", json={}).status_code == 200
    assert not is_live(client, theirs)


def test_nobody_ends_what_is_somebody_elses(sqlite_service: Service) -> None:
    client, ann, eve = register_device(sqlite_service), signed_in(sqlite_service), Browser(sqlite_service)
    tokens, eves = allowed(ann, client), None
    eve.open("/signup").sign_up("eve@example.com")
    [button] = shown(ann)
    eves = enter(eve, Device(client, ask(client).json()).user_code).sign_in("eve@example.com").allow()
    [own] = shown(eves)
    action, fields = eves.fields(own.replace("end-access-", "end-access-form-"))
    for grant in (button.removeprefix("end-access-"), "", "x" * 64, "\0"):
        eves.post(action, **{**fields, "change": "end-access", "grant": grant})
        assert eves.path == "/account"
        eves.open("/account")
        _, fields = eves.fields(own.replace("end-access-", "end-access-form-"))
    assert is_live(client, tokens)
    assert sqlite_service.rows("SELECT * FROM audit_events WHERE event = 'access_ended'") == []


def test_the_button_ends_one_grant_once_and_none_of_another_kind(service: Service) -> None:
    """The ids of a web application's grant and of a personal token's are no secret: its person exports them."""
    browser, client = signed_in(service), register_device(service)
    made = ("--name", "Nightly", "--resource", API, "--scope", "todos:read", "--lifetime", "P1D")
    assert service.command("tokens", "create", "ann@example.com", *made).returncode == 0
    allowed(browser, client)
    browser.authorize(register_frontend(service)).allow()
    others = [grant for (grant,) in service.rows("SELECT id FROM grants WHERE begun_in IS NULL")]
    [button] = shown(browser)
    action, fields = browser.fields(button.replace("end-access-", "end-access-form-"))
    for grant in others:
        browser.client.post(action, data={**fields, "change": "end-access", "grant": grant})
    assert (len(others), live_grants(service)) == (2, 3)
    with ThreadPoolExecutor(4) as pool:
        pressed = {**fields, "change": "end-access"}
        answers = list(pool.map(lambda _: browser.client.post(action, data=pressed).status_code, range(4)))
    assert (set(answers), live_grants(service)) == ({303}, 2)
    assert service.rows("SELECT count FROM audit_events WHERE event = 'access_ended'") == [(1,)]


def test_beyond_a_hundred_of_an_account_at_a_client_they_share(
    sqlite_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A constant is lowered. Nothing ends by itself."""
    monkeypatch.setattr(own_grants, "MAX_OWN", 2)
    program, browser = register_program(sqlite_service), signed_in(sqlite_service)
    all_tokens = [started(browser, program)[1] for _ in range(4)]
    assert (live_grants(sqlite_service), len(shown(browser))) == (3, 2)
    assert all(is_live(program, tokens) for tokens in all_tokens)


def test_one_without_a_token_is_deleted_after_a_day(sqlite_service: Service) -> None:
    """Its session may live on: nothing comes back to it."""
    program, browser = register_program(sqlite_service, grant_types=["authorization_code"]), signed_in(sqlite_service)
    started(browser, program, "openid todos:read")
    run_expiry(sqlite_service)
    assert live_grants(sqlite_service) == 1
    sqlite_service.clock.advance(days=1, minutes=1)
    run_expiry(sqlite_service)
    assert live_grants(sqlite_service) == 0
    assert httpx2.get(f"{sqlite_service.url}/livez").status_code == 200
