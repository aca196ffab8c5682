"""Frontends that run in the browser, on libraries that nobody here wrote, at origins of their own."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e_fixtures.browser import running_chromium
from e2e_fixtures.frontends import serving
from e2e_fixtures.providers import Account, Provider

RENEWED = re.compile("[2-9]")  # the first is the sign-in itself
OFFLINE: dict[str, Any] = {"grant_types": ["authorization_code", "refresh_token"]}


@pytest.fixture(scope="module")
def chromium(provider: Provider) -> Iterator[Browser]:
    with running_chromium(provider.certificate) as browser:
        yield browser


def sign_in(page: Page, account: Account) -> list[str]:
    """Press the frontend's button and do what the provider's pages ask for; what was asked for."""
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
    """What leads to another page; until that is there, the next step would find the elements of this one."""
    with page.expect_navigation(wait_until="commit"):
        page.click(button)


def sign_out(page: Page, frontend: str) -> None:
    """The person says yes, where there is a question, and comes back."""
    press(page, "#leave")
    page.locator("#sign-out, #enter").first.wait_for()
    if page.locator("#sign-out").count():
        press(page, "#sign-out")
    page.wait_for_url(lambda url: url.partition("?")[0] == frontend)
    expect(page.locator("#subject")).to_have_text("")


def test_tokens_are_renewed_in_a_hidden_frame(provider: Provider, page: Page) -> None:
    """oidc-client-ts by itself, before the token expires: prompt=none in an iframe (OIDC Core §3.1.2.1)."""
    account = provider.sign_up()
    with serving(provider, "oidc-client-ts") as frontend:
        page.goto(frontend)
        sign_in(page, account)
        expect(page.locator("#renewals")).to_have_text(RENEWED)
        expect(page.locator("#problem")).to_have_text("")
        sign_out(page, frontend)
        page.click("#renew")
        expect(page.locator("#problem")).to_have_text("login_required")


def test_tokens_are_renewed_by_refresh(provider: Provider, page: Page) -> None:
    """The same with a refresh token, which needs no frame and no cookie: across origins, by CORS."""
    account = provider.sign_up()
    with serving(provider, "oidc-client-ts", "openid email offline_access", **OFFLINE) as frontend:
        page.goto(frontend)
        sign_in(page, account)
        page.click("#renew")
        expect(page.locator("#renewals")).to_have_text(RENEWED)
        expect(page.locator("#problem")).to_have_text("")


def test_two_frontends_on_two_origins_share_one_sign_in(provider: Provider, page: Page) -> None:
    """Who has signed in at one is not asked for a password at the other; who signs out has signed out of both."""
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
