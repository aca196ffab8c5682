"""A request that prolongs a session also renews its cookie, whatever the response is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from .browser import Browser, asked, signed_in
from .code_flow import register_frontend
from .conftest import PASSWORD, Service, Start

WRONG = "wrong-password"
SESSION_TOKEN = "better-auth.session_token"
Request = Callable[[httpx2.Client], httpx2.Response]


def check_that_it_slides(service: Service, client: httpx2.Client, request: Request, status: int) -> None:
    """Check that the request moves the session's end and that its response renews the cookie."""
    credential, expires_at = client.cookies[SESSION_TOKEN], expiry(service)
    response = request(client)
    assert response.status_code == status, response.text
    assert expiry(service) > expires_at
    [cookie] = [each for each in response.headers.get_list("set-cookie") if each.startswith(SESSION_TOKEN)]
    assert cookie.startswith(f"{SESSION_TOKEN}={credential}; Max-Age=604800;")


def expiry(service: Service) -> Any:
    [(expires_at,)] = service.rows("SELECT expires_at FROM browser_sessions")
    return expires_at


def asked_to_sign_in_again(service: Service) -> tuple[Browser, dict[str, str]]:
    """A browser with a signed-in person who has to type the password again, and that form's fields."""
    browser = signed_in(service).authorize(register_frontend(service), prompt="login")
    return browser, browser.fields("signin-form")[1]


def test_a_sign_in_that_is_refused(service: Service) -> None:
    browser, fields = asked_to_sign_in_again(service)
    service.clock.advance(hours=25)
    data = {**fields, "email": "ann@example.com", "password": WRONG}
    check_that_it_slides(service, browser.client, lambda client: client.post("/signin", data=data), 403)


@pytest.mark.parametrize(
    "typed",
    [{"form_token": ""}, {"email": "nobody"}, {"email": "eve@example.com", "password": WRONG}],
    ids=["another site's form", "no address", "unknown"],
)
def test_a_form_that_is_refused(sqlite_service: Service, typed: dict[str, str]) -> None:
    browser, fields = asked_to_sign_in_again(sqlite_service)
    sqlite_service.clock.advance(hours=25)
    data = {**fields, **typed}
    check_that_it_slides(sqlite_service, browser.client, lambda client: client.post("/signin", data=data), 403)


def test_a_sign_in_that_is_held(sqlite_service: Service) -> None:
    browser, fields = asked_to_sign_in_again(sqlite_service)
    data = {**fields, "email": "eve@example.com", "password": WRONG}
    sqlite_service.clock.advance(hours=25)
    sqlite_service.clock.stop()
    stranger = Browser(sqlite_service).open("/signin")
    for _ in range(5):
        stranger.press("signin-form", "sign-in", email="eve@example.com", password=WRONG)
    check_that_it_slides(sqlite_service, browser.client, lambda client: client.post("/signin", data=data), 429)


@pytest.mark.parametrize("prompt", ["login", "none"], ids=["a page is next", "refused"])
def test_an_authorization_request(sqlite_service: Service, prompt: str) -> None:
    browser = signed_in(sqlite_service)
    query = asked(register_frontend(sqlite_service), prompt=prompt)
    sqlite_service.clock.advance(hours=25)
    check_that_it_slides(
        sqlite_service, browser.client, lambda client: client.get("/oauth/authorize", params=query), 303
    )


CALLS: dict[str, tuple[str, dict[str, str] | None, int]] = {  # None: a GET
    "session": ("/get-session", None, 200),
    "token": ("/token", None, 200),
    "identities": ("/list-accounts", None, 200),
    "not fresh": ("/list-sessions", None, 403),
    "session members": ("/update-session", {}, 400),
    "address": ("/update-user", {"email": "eve@example.com"}, 400),
    "no change": ("/update-user", {}, 400),
    "name": ("/update-user", {"name": "Eve"}, 200),
    "wrong password": ("/verify-password", {"password": WRONG}, 400),
    "right password": ("/verify-password", {"password": PASSWORD}, 200),
    "wrong old password": ("/change-password", {"currentPassword": WRONG, "newPassword": "another-horse-1"}, 400),
    "short password": ("/change-password", {"currentPassword": PASSWORD, "newPassword": "short"}, 400),
    "new password": ("/change-password", {"currentPassword": PASSWORD, "newPassword": "another-horse-1"}, 200),
    "deletion by token": ("/delete-user", {"token": "none"}, 404),
    "deletion by wrong password": ("/delete-user", {"password": WRONG}, 400),
    "deletion, not fresh": ("/delete-user", {}, 400),
    "unlinking, not fresh": ("/unlink-account", {"accountId": "none"}, 403),
    "another session": ("/revoke-session", {"token": "none"}, 200),
    "other sessions": ("/revoke-other-sessions", {}, 200),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_endpoint_of_the_protocol(sqlite_service: Service, call: str) -> None:
    path, members, status = CALLS[call]
    client = sqlite_service.signed_up()
    sqlite_service.clock.advance(hours=25)
    method = "GET" if members is None else "POST"
    check_that_it_slides(sqlite_service, client, lambda client: client.request(method, path, json=members), status)


def test_a_request_that_fails(start: Start, database_url: str) -> None:
    """A missing table gives 503 on SQLite (the database's fault) and 500 on PostgreSQL (our fault)."""
    service = start(database_url)
    client = service.signed_up()
    service.clock.advance(hours=25)
    service.execute("ALTER TABLE identities RENAME TO elsewhere")
    status = 503 if database_url.startswith("sqlite") else 500
    check_that_it_slides(service, client, lambda client: client.get("/list-accounts"), status)


@pytest.mark.parametrize(("path", "status"), [("/sign-out", 200), ("/revoke-sessions", 200)])
def test_a_session_that_ends_is_not_prolonged_in_the_browser(sqlite_service: Service, path: str, status: int) -> None:
    client = sqlite_service.signed_up()
    sqlite_service.clock.advance(hours=25)
    response = client.post(path, json={})
    assert response.status_code == status
    cookies = [each for each in response.headers.get_list("set-cookie") if each.startswith(SESSION_TOKEN)]
    assert cookies == [f"{SESSION_TOKEN}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"]
