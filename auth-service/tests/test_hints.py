"""`login_hint`, `id_token_hint` and the claim `sub` for another person than the one who is signed in."""

import json
from typing import Any

import pytest

from .browser import Browser, signed_in
from .code_flow import Frontend, register_frontend
from .conftest import PASSWORD, Service

ANN, EVE = "ann@example.com", "eve@example.com"
BOTH = pytest.mark.parametrize(("asked_for", "other"), [(ANN, EVE), (EVE, ANN)], ids=["ann", "eve"])


def hint_of(frontend: Frontend, browser: Browser) -> str:
    token: str = frontend.redeem(browser.authorize(frontend).answer["code"]).json()["id_token"]
    return token


def with_both(service: Service, asked_for: str, other: str) -> tuple[Frontend, Browser, str]:
    """A browser in which one person was signed in, and the other one is now; and the first person's ID token."""
    frontend = register_frontend(service, first_party=True)
    browser = signed_in(service, asked_for)
    hint = hint_of(frontend, browser)
    browser.open("/signout").press("signout-form", "sign-out")
    browser.open("/signup").sign_up(other)
    return frontend, browser, hint


def claims_of_code(frontend: Frontend, browser: Browser) -> str:
    tokens = frontend.redeem(browser.answer["code"]).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    email: str = browser.client.get("/oauth/userinfo", headers=headers).json()["email"]
    return email


@BOTH
@pytest.mark.parametrize("further", [{}, {"prompt": "login"}, {"max_age": 0}], ids=["usual", "login", "max_age"])
def test_a_required_account_is_offered(service: Service, asked_for: str, other: str, further: dict[str, Any]) -> None:
    """OpenID Connect Core §3.1.2.2: no other account may answer the request."""
    frontend, browser, hint = with_both(service, asked_for, other)
    browser.authorize(frontend, id_token_hint=hint, scope="openid email", **further)
    page = browser.page
    assert (browser.path, page.elements["email"]["value"]) == ("/signin", asked_for)
    assert other in page.text
    assert "Confirm that it is you" not in page.text
    browser.press("signin-form", "sign-in", password=PASSWORD)
    assert claims_of_code(frontend, browser) == asked_for


@BOTH
@pytest.mark.parametrize("further", [{}, {"prompt": "login"}], ids=["usual", "login"])
def test_whoever_stays_is_sent_back_and_stays(
    service: Service, asked_for: str, other: str, further: dict[str, Any]
) -> None:
    frontend, browser, hint = with_both(service, asked_for, other)
    browser.authorize(frontend, id_token_hint=hint, **further).press("stay-form", "stay")
    assert browser.answer["error"] == "login_required"
    assert browser.client.get("/api/auth/get-session").json()["user"]["email"] == other


def test_a_wrong_password_takes_no_choice_away(sqlite_service: Service) -> None:
    frontend, browser, hint = with_both(sqlite_service, ANN, EVE)
    browser.authorize(frontend, id_token_hint=hint).sign_in(ANN, "wrong-password")
    assert browser.last.status_code == 403
    assert browser.press("stay-form", "stay").answer["error"] == "login_required"


def test_the_address_of_an_account_is_shown_only_where_it_has_signed_in(service: Service) -> None:
    """A client may name any account by its id, also without a right to its address."""
    frontend, _, hint = with_both(service, ANN, EVE)
    sub = service.rows(f"SELECT id FROM accounts WHERE email = '{ANN}'")[0][0]
    elsewhere = signed_in(service, "mallory@example.com")
    for named in ({"id_token_hint": hint}, {"claims": json.dumps({"id_token": {"sub": {"value": sub}}})}):
        for browser in (elsewhere, Browser(service)):
            page = browser.authorize(frontend, **named).page
            assert (browser.path, page.elements["email"]["value"], ANN in page.html) == ("/signin", "", False)
    browser = elsewhere.authorize(frontend, id_token_hint=hint, login_hint="ann")
    assert browser.page.elements["email"]["value"] == "ann", "the client's own hint"
    assert "code" in browser.sign_in(ANN).answer


@BOTH
def test_a_suggested_account_can_be_chosen(service: Service, asked_for: str, other: str) -> None:
    frontend, browser, _ = with_both(service, asked_for, other)
    for choose in ("hinted", "current"):
        browser.authorize(frontend, login_hint=asked_for.upper(), scope="openid email")
        assert browser.path == "/select-account"
        assert {asked_for, other} <= set(browser.page.text.split())
        if choose == "current":
            browser.press("select-account-form", "continue")
            assert claims_of_code(frontend, browser) == other
        else:
            browser.open(browser.page.elements["use-another"]["href"])
            assert browser.page.elements["email"]["value"].lower() == asked_for
            browser.press("signin-form", "sign-in", password=PASSWORD)
            assert claims_of_code(frontend, browser) == asked_for
            browser.open("/signout").press("signout-form", "sign-out").open("/signin").sign_in(other)


@BOTH
def test_prompt_login_offers_the_suggested_account_and_the_other_one(
    service: Service, asked_for: str, other: str
) -> None:
    frontend, browser, _ = with_both(service, asked_for, other)
    browser.authorize(frontend, login_hint=asked_for, prompt="login", scope="openid email")
    assert browser.page.elements["email"]["value"] == asked_for
    browser.open(browser.page.elements["use-current"]["href"])
    assert browser.page.elements["email"]["value"] == other
    assert "Confirm that it is you" in browser.page.text
    browser.press("signin-form", "sign-in", password=PASSWORD)
    assert claims_of_code(frontend, browser) == other


@BOTH
def test_prompt_none_is_an_error(service: Service, asked_for: str, other: str) -> None:
    frontend, browser, hint = with_both(service, asked_for, other)
    for named, error in (
        ({"id_token_hint": hint}, "login_required"),
        ({"login_hint": asked_for}, "account_selection_required"),
    ):
        assert browser.authorize(frontend, prompt="none", **named).answer["error"] == error


@pytest.mark.parametrize("hint", ["ann", "+49 30 1234567", "", ANN, ANN.upper(), "x" * 512])
def test_a_hint_that_is_no_address_or_the_right_one_changes_nothing(sqlite_service: Service, hint: str) -> None:
    frontend = register_frontend(sqlite_service, first_party=True)
    browser = signed_in(sqlite_service, ANN)
    assert "code" in browser.authorize(frontend, login_hint=hint).answer
    assert "code" in browser.authorize(frontend, login_hint=hint, prompt="none").answer
