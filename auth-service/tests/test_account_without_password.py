"""Accounts that have no password change what belongs to them after a recent sign-in by what they have."""

import re
from collections.abc import Iterator

import pytest

from .browser import Browser, signed_in
from .conftest import Running, emptied
from .factor_scene import App
from .mail_scene import serving_mail
from .test_passkey_pages import add, use
from .test_password_reset import ANN, NEW, link_in, mails


@pytest.fixture(scope="module", params=["sqlite"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory)


@pytest.fixture
def ann(running: Running) -> Iterator[Browser]:
    """Ann's browser. Her address is confirmed, and she has no password."""
    for service in emptied(running.service):
        browser = signed_in(service, ANN)
        service.execute("DELETE FROM outgoing_mails")
        service.execute("DELETE FROM identities")
        service.execute("UPDATE accounts SET email_verified = true")
        yield browser


def confirm_by_mail(browser: Browser) -> Browser:
    """Sign in again by the mailed code, at the page that asks for it."""
    assert ("no-password" in browser.page.elements, "signin-form" in browser.page.forms) == (True, False)
    browser.open(browser.page.elements["link-by-mail"]["href"].replace("&amp;", "&"))
    browser.press("signin-link-form", "send-link", email=ANN)
    [code] = re.findall(r"\b\d{8}\b", mails(browser.service)[0])
    return browser.press("mailed-code-form", "sign-in", code=code)


def test_a_second_factor_is_set_up_after_a_sign_in_by_mail_and_leads_back(ann: Browser) -> None:
    ann.service.clock.advance(minutes=11)
    ann.open("/second-factor-setup")
    assert "factor-form" not in ann.page.forms
    ann.open(ann.page.elements["confirm-link"]["href"])
    assert confirm_by_mail(ann).path == "/second-factor-setup"
    ann.open("/second-factor-setup", callbackURL="/todos?list=1")
    begun = ann.press("factor-form", "begin")
    app = App(ann.service, begun.fields("confirm-form")[1]["secret"], [])
    begun.press("confirm-form", "confirm", code=app.code())
    assert ann.page.elements["kept"]["href"] == "/todos?list=1"
    foreign = ann.open("/second-factor-setup", callbackURL="https://evil.example.com/")
    assert "evil" not in foreign.last.text


def test_a_form_that_was_open_for_long_is_refused(ann: Browser) -> None:
    ann.open("/second-factor-setup")
    ann.service.clock.advance(minutes=11)
    assert ann.press("factor-form", "begin").path == "/signin"
    assert ann.service.rows("SELECT * FROM totp_factors") == []


def test_a_first_password_is_set_after_a_passkey_and_is_told(ann: Browser) -> None:
    credential = add(ann)
    mails(ann.service)
    ann.service.clock.advance(minutes=11)
    ann.open(ann.open("/account").page.elements["change-password"]["href"])
    assert ann.path == "/signin"
    assert use(ann, credential).path == "/account"
    assert ann.press("password-form", "set-password", password="password1").last.status_code == 422
    assert "changed" in ann.press("password-form", "set-password", password=NEW).page.elements
    assert "A password was set" in mails(ann.service)[-1]
    assert "signed-in" in Browser(ann.service).open("/signin").sign_in(password=NEW).page.elements
    twice = ann.open("/account", change="password").fields("password-form")[1]
    ann.post("/account/change", **{**twice, "first": "yes", "password": f"{NEW}-too", "current_password": "x"})
    assert "signed-in" in Browser(ann.service).open("/signin").sign_in(password=NEW).page.elements


def test_the_address_is_changed_after_a_recent_sign_in(ann: Browser) -> None:
    ann.open("/account", change="email")
    assert "changed" in ann.press("email-form", "send-link", email="new@example.com").page.elements
    ann.open(link_in(mails(ann.service)[0])).press("confirm-form", "confirm")
    ann.open("/account", change="email")
    ann.service.clock.advance(minutes=11)
    assert ann.press("email-form", "send-link", email="third@example.com").path == "/signin"
    assert [text for text in mails(ann.service) if "third@" in text] == []
