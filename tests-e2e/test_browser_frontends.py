"""Frontends in the browser on third-party libraries, each at an origin of its own."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e_fixtures.browser import running_chromium
from e2e_fixtures.frontends import serving
from e2e_fixtures.providers import Account, Ours, Provider

RENEWED = re.compile("[2-9]")  # the sign-in itself is counted as the first
OFFLINE: dict[str, Any] = {"grant_types": ["authorization_code", "refresh_token"]}


@pytest.fixture(scope="module")
def chromium(provider: Provider) -> Iterator[Browser]:
    with running_chromium(provider.certificate) as browser:
        yield browser


def sign_in(page: Page, account: Account) -> list[str]:
    """Sign in by the frontend's button; return what the provider asked for ("password", "consent")."""
    page.click("#enter")
    asked = []
    while True:
        page.locator("#signin-form, #allow, #subject:not(:empty), #problem:not(:empty)").first.wait_for()
        if page.locator("#signin-form").count():
            page.fill("#email", account.email)
            page.fill("#password", account.password)
            press(page, "#sign-in")
            asked.append("password")
        elif page.locator("#allow").count():
            press(page, "#allow")
            asked.append("consent")
        else:
            break
    expect(page.locator("#problem")).to_have_text("")
    expect(page.locator("#subject")).to_have_text(account.sub)
    expect(page.locator("#email-address")).to_have_text(account.email)
    return asked


def press(page: Page, button: str) -> None:
    """Press a button and wait for the next page; otherwise the next step would find the elements of this page."""
    with page.expect_navigation(wait_until="commit"):
        page.click(button)


def sign_out(page: Page, frontend: str) -> None:
    """Sign out, confirm if the provider asks, and wait until the browser is back at the frontend."""
    press(page, "#leave")
    page.locator("#sign-out, #enter").first.wait_for()
    if page.locator("#sign-out").count():
        press(page, "#sign-out")
    page.wait_for_url(lambda url: url.partition("?")[0] == frontend)
    expect(page.locator("#subject")).to_have_text("")


def test_tokens_are_renewed_in_a_hidden_frame(provider: Provider, page: Page) -> None:
    """oidc-client-ts renews before the token expires, by prompt=none in an iframe (OIDC Core §3.1.2.1).

    At http://localhost ours refuses: any program there could pose as the frontend, so the person is asked each time
    (RFC 8252 §8.6). Frontends there renew by refresh tokens.
    """
    account = provider.sign_up()
    with serving(provider, "oidc-client-ts") as frontend:
        page.goto(frontend)
        sign_in(page, account)
        if isinstance(provider, Ours) and frontend.startswith("http:"):
            expect(page.locator("#problem")).to_have_text("consent_required")
        else:
            expect(page.locator("#renewals")).to_have_text(RENEWED)
            expect(page.locator("#problem")).to_have_text("")
        sign_out(page, frontend)
        page.click("#renew")
        expect(page.locator("#problem")).to_have_text("login_required")


def test_tokens_are_renewed_by_refresh(provider: Provider, page: Page) -> None:
    """With a refresh token the renewal needs no frame and no cookie: it is a cross-origin request (CORS)."""
    account = provider.sign_up()
    with serving(provider, "oidc-client-ts", "openid email offline_access", **OFFLINE) as frontend:
        page.goto(frontend)
        sign_in(page, account)
        page.click("#renew")
        expect(page.locator("#renewals")).to_have_text(RENEWED)
        expect(page.locator("#problem")).to_have_text("")


def test_two_frontends_on_two_origins_share_one_sign_in(provider: Provider, page: Page) -> None:
    """After a sign-in at one frontend the other asks for no password; a sign-out at one ends both."""
    account = provider.sign_up()
    with serving(provider, "oidc-client-ts") as board, serving(provider, "oauth4webapi") as notes:
        page.goto(board)
        assert "password" in sign_in(page, account)
        page.goto(notes)
        assert "password" not in sign_in(page, account)
        sign_out(page, notes)
        page.goto(board)
        page.click("#renew")
        expect(page.locator("#problem")).to_have_text("login_required")
