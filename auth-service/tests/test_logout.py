"""OpenID Connect RP-Initiated Logout 1.0: a client signs its person out; redirects go only to registered URIs."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from .browser import Browser, signed_in
from .code_flow import Frontend, live_grants, register_frontend
from .conftest import Service

BYE = "https://app.example.com/bye"
LONG = "x" * 8193


def frontend_with_logout(service: Service, **changes: Any) -> Frontend:
    return register_frontend(service, post_logout_redirect_uris=[BYE, f"{BYE}?a=b"], **changes)


def hint_of(frontend: Frontend, browser: Browser) -> str:
    browser.authorize(frontend)
    if browser.last.status_code == 200:
        browser.allow()
    hint: str = frontend.redeem(browser.answer["code"]).json()["id_token"]
    return hint


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_person_is_asked_signed_out_and_sent_back(service: Service, method: str) -> None:
    """§2 and §3: confirmation, sign-out, redirect."""
    frontend = frontend_with_logout(service, client_name="Nightly report")
    browser = signed_in(service)
    asked = {"id_token_hint": hint_of(frontend, browser), "post_logout_redirect_uri": BYE, "state": "a b&c"}
    assert live_grants(service) == 1
    elsewhere = Browser(service, {"Origin": "https://app.example.com"})
    sent = {"params": asked} if method == "GET" else {"data": asked}
    response = elsewhere.client.request(method, "/oauth/logout", **sent)  # type: ignore[arg-type]  # one of the two
    assert response.status_code == 303
    assert browser.open(response.headers["location"]).path == "/signout"
    assert "Nightly report" in browser.page.text
    assert "form-action" not in browser.last.headers["content-security-policy"], "Chromium would stop the way back"
    browser.press("signout-form", "sign-out")
    location = browser.last.headers["location"]
    assert location.startswith(f"{BYE}?")
    assert parse_qs(urlsplit(location).query) == {"state": ["a b&c"]}
    assert service.rows("SELECT * FROM browser_sessions") == []
    assert live_grants(service) == 0
    assert browser.authorize(frontend, prompt="none").answer["error"] == "login_required"


def test_an_expired_hint_is_as_good_as_any(service: Service) -> None:
    """§2: people sign out long after they signed in, so the hint's expiry is not checked."""
    frontend = frontend_with_logout(service)
    browser = signed_in(service)
    hint = hint_of(frontend, browser)
    service.clock.advance(days=5)
    browser.open("/oauth/logout", id_token_hint=hint, post_logout_redirect_uri=f"{BYE}?a=b")
    assert browser.press("signout-form", "sign-out").last.headers["location"] == f"{BYE}?a=b"


def test_staying_is_possible(service: Service) -> None:
    frontend = frontend_with_logout(service)
    browser = signed_in(service)
    browser.open("/oauth/logout", id_token_hint=hint_of(frontend, browser), post_logout_redirect_uri=BYE)
    assert "signed-in" in browser.press("signout-form", "stay").page.elements
    assert live_grants(service) == 1


def test_one_of_our_own_with_this_sessions_token_need_not_ask(service: Service) -> None:
    frontend = frontend_with_logout(service, first_party=True)
    browser = signed_in(service)
    hint = hint_of(frontend, browser)
    browser.open("/oauth/logout", id_token_hint=hint, post_logout_redirect_uri=BYE, state="x")
    assert browser.last.headers["location"] == f"{BYE}?state=x"
    assert service.rows("SELECT * FROM browser_sessions") == []
    browser = signed_in(service, "eve@example.com")
    assert browser.open("/oauth/logout", id_token_hint=hint).path == "/signout"
    assert "eve@example.com" in browser.page.text, "the hint is of another session, so the page must ask this person"


def test_an_offline_grant_outlives_it(service: Service) -> None:
    frontend = frontend_with_logout(service)
    browser = signed_in(service)
    code = browser.authorize(frontend, scope="openid offline_access").allow().answer["code"]
    refresh_token = frontend.redeem(code).json()["refresh_token"]
    browser.open("/signout").press("signout-form", "sign-out")
    assert frontend.refresh(refresh_token).status_code == 200


PLAIN: list[dict[str, str]] = [
    {},
    {"state": "x"},
    {"client_id": "{client_id}"},
    {"id_token_hint": "{hint}"},
    {"logout_hint": "x"},
]


@pytest.mark.parametrize("asked", PLAIN, ids=lambda asked: " ".join(asked) or "nothing")
def test_without_an_address_it_ends_on_a_page(sqlite_service: Service, asked: dict[str, str]) -> None:
    frontend = frontend_with_logout(sqlite_service)
    browser = signed_in(sqlite_service)
    hint = hint_of(frontend, browser)
    filled = {name: value.format(client_id=frontend.client_id, hint=hint) for name, value in asked.items()}
    browser.open("/oauth/logout", **filled).press("signout-form", "sign-out")
    assert (browser.path, "signed-out" in browser.page.elements) == ("/signout", True)
    assert sqlite_service.rows("SELECT * FROM browser_sessions") == []


def test_who_is_signed_out_already_is_not_asked(sqlite_service: Service) -> None:
    frontend = frontend_with_logout(sqlite_service)
    hint = hint_of(frontend, signed_in(sqlite_service))
    nobody = Browser(sqlite_service)
    nobody.open("/oauth/logout", id_token_hint=hint, post_logout_redirect_uri=BYE, state="x")
    assert nobody.last.headers["location"] == f"{BYE}?state=x"
    assert "signed-out" in nobody.open("/oauth/logout").page.elements


def test_a_client_id_does_for_a_hint(service: Service) -> None:
    """§2 and §3: many libraries send no hint. The person is asked, also about our own application, and sent on."""
    frontend = frontend_with_logout(service, first_party=True)
    browser = signed_in(service)
    asked = {"client_id": frontend.client_id, "post_logout_redirect_uri": BYE, "state": "x"}
    assert browser.open("/oauth/logout", **asked).path == "/signout"
    assert service.rows("SELECT count(*) FROM browser_sessions") == [(1,)], "nobody was asked"
    browser.press("signout-form", "sign-out")
    assert browser.last.headers["location"] == f"{BYE}?state=x"
    assert service.rows("SELECT * FROM browser_sessions") == []


def test_who_is_not_signed_in_gets_a_link_and_no_redirect(sqlite_service: Service) -> None:
    """§3: without a hint nothing shows that the browser comes from the application."""
    frontend = frontend_with_logout(sqlite_service)
    nobody = Browser(sqlite_service)
    nobody.open("/oauth/logout", client_id=frontend.client_id, post_logout_redirect_uri=BYE, state="x")
    assert (nobody.path, nobody.page.elements["return-link"]["href"]) == ("/signout", f"{BYE}?state=x")


REFUSED: dict[str, dict[str, Any]] = {
    "no hint": {"id_token_hint": None},
    "no hint, but another client_id": {"id_token_hint": None, "client_id": "{other}"},
    "hint empty": {"id_token_hint": ""},
    "hint malformed": {"id_token_hint": "x"},
    "hint changed": {"id_token_hint": "{changed}"},
    "hint unsigned": {"id_token_hint": "{unsigned}"},
    "hint an access token": {"id_token_hint": "{access_token}"},
    "hint repeated": {"id_token_hint": ["{hint}", "{hint}"]},
    "hint malformed, no address": {"id_token_hint": "x", "post_logout_redirect_uri": None},
    "another client_id": {"client_id": "{other}"},
    "unknown client_id": {"client_id": "client_x"},
    "unknown client_id alone": {"client_id": "client_x", "id_token_hint": None, "post_logout_redirect_uri": None},
    "address not registered": {"post_logout_redirect_uri": "https://evil.example/bye"},
    "address with a suffix": {"post_logout_redirect_uri": f"{BYE}/x"},
    "address with a query": {"post_logout_redirect_uri": f"{BYE}?b=a"},
    "address with a fragment": {"post_logout_redirect_uri": f"{BYE}#x"},
    "address in another case": {"post_logout_redirect_uri": BYE.upper()},
    "address with a user": {"post_logout_redirect_uri": "https://app.example.com@evil.example/bye"},
    "address on another port": {"post_logout_redirect_uri": "https://app.example.com:8443/bye"},
    "address of the code": {"post_logout_redirect_uri": "https://app.example.com/callback"},
    "address of another client": {"post_logout_redirect_uri": "https://other.example.com/bye"},
    "address repeated": {"post_logout_redirect_uri": [BYE, BYE]},
    "address a script": {"post_logout_redirect_uri": "javascript:alert(1)"},
    "state too long": {"state": LONG},
    "state too long in octets": {"state": "\U0001f600" * 2049},
    "state repeated": {"state": ["a", "b"]},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_right_gets_the_error_page_and_no_redirect(
    sqlite_service: Service, changes: dict[str, Any], method: str
) -> None:
    """§4: error cases."""
    frontend = frontend_with_logout(sqlite_service, first_party=True)
    other = register_frontend(sqlite_service, post_logout_redirect_uris=["https://other.example.com/bye"])
    browser = signed_in(sqlite_service)
    tokens = frontend.redeem(browser.authorize(frontend).answer["code"]).json()
    hint = tokens["id_token"]
    header, payload, signature = hint.split(".")
    filled = {
        "hint": hint,
        "changed": f"{header}.{payload[:-2]}AA.{signature}",
        "unsigned": f"{header}.{payload}.",
        "access_token": tokens["access_token"],
        "client_id": frontend.client_id,
        "other": other.client_id,
    }
    asked: dict[str, Any] = {"id_token_hint": hint, "post_logout_redirect_uri": BYE, **changes}
    sent = {
        name: [each.format(**filled) for each in ([value] if isinstance(value, str) else value)]
        for name, value in asked.items()
        if value is not None
    }
    how = {"params": sent} if method == "GET" else {"data": sent}
    response = browser.client.request(method, "/oauth/logout", **how)  # type: ignore[arg-type]  # one of the two
    assert (response.status_code, "location" in response.headers) == (400, False)
    assert "Signing out did not work" in response.text
    assert "evil" not in response.text
    assert len(sqlite_service.rows("SELECT * FROM browser_sessions")) == 1


@pytest.mark.parametrize("handle", ["x", "x" * 43, "\u00e9" * 43, "x" * 5000])
def test_a_handle_that_names_nothing_gets_a_page(sqlite_service: Service, handle: str) -> None:
    browser = signed_in(sqlite_service)
    assert browser.open("/signout", logout_request=handle).last.status_code == 400
    assert len(sqlite_service.rows("SELECT * FROM browser_sessions")) == 1


FORM = "application/x-www-form-urlencoded"
BODIES = [(400, b"{}", "application/json"), (413, b"a=" + b"x" * 70_000, FORM), (400, b"a=%ff", FORM)]


@pytest.mark.parametrize(("status", "body", "media_type"), BODIES, ids=["JSON", "too large", "no UTF-8"])
def test_a_form_that_cannot_be_read_gets_a_page(
    sqlite_service: Service, status: int, body: bytes, media_type: str
) -> None:
    client = Browser(sqlite_service).client
    response = client.post("/oauth/logout", content=body, headers={"Content-Type": media_type})
    assert (response.status_code, "Signing out did not work" in response.text) == (status, True)


def test_a_request_waits_a_day(sqlite_service: Service) -> None:
    frontend = frontend_with_logout(sqlite_service)
    browser = signed_in(sqlite_service).open("/oauth/logout", client_id=frontend.client_id)
    address = str(browser.last.request.url)
    sqlite_service.clock.advance(hours=23)
    assert "sign-out" in browser.open(address).page.elements
    sqlite_service.clock.advance(hours=2)
    assert browser.open(address).last.status_code == 400


def test_a_hint_outlives_the_key_that_signed_it(service: Service) -> None:
    """Removed public keys are kept for 180 days, only to check old hints."""
    frontend = frontend_with_logout(service)
    browser = signed_in(service)
    hint = hint_of(frontend, browser)
    kid = service.rows("SELECT kid FROM signing_keys WHERE state = 'active' AND purpose = 'tokens'")[0][0]
    try:
        for age, status in ((179, 303), (181, 400)):
            retired = (service.clock()).replace(microsecond=0)
            stamp = f"{retired:%Y-%m-%d %H:%M:%S}"
            service.execute(f"UPDATE signing_keys SET retired_at = '{stamp}' WHERE kid = '{kid}'")
            service.clock.advance(days=age)
            response = browser.client.get("/oauth/logout", params={"id_token_hint": hint})
            assert response.status_code == status, age
            service.clock.advance(days=-age)
    finally:
        service.execute(f"UPDATE signing_keys SET retired_at = NULL WHERE kid = '{kid}'")
