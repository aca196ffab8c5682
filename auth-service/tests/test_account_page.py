"""/account: people change what belongs to them, by forms that need no script."""

import httpx2

from .browser import Browser, signed_in
from .conftest import PASSWORD, Service

NEW = "a-quite-new-password-7"


def change(browser: Browser, current: str = PASSWORD, new: str = NEW, **fields: str | None) -> Browser:
    browser.open("/account", change="password")
    return browser.press("password-form", "set-password", current_password=current, password=new, **fields)


def test_a_password_is_changed_and_other_devices_are_signed_out(service: Service) -> None:
    other, browser = signed_in(service, "ann@example.com"), Browser(service)
    browser.open("/signin").sign_in()
    page = browser.open("/account").page
    assert page.elements["change-password"]["href"] == "/account?change=password"
    assert "changed" in change(browser).page.elements
    assert browser.open("/account").path == "/account"
    assert other.open("/account").path == "/signin"
    assert Browser(service).open("/signin").sign_in(password=NEW).path == "/signin"


def test_other_devices_stay_signed_in_if_the_person_wants_it(sqlite_service: Service) -> None:
    other, browser = signed_in(sqlite_service), Browser(sqlite_service)
    browser.open("/signin").sign_in()
    assert "changed" in change(browser, sign_out_others=None).page.elements
    assert other.open("/account").path == "/account"


def test_what_is_wrong_is_said_in_the_form(sqlite_service: Service) -> None:
    browser = signed_in(sqlite_service)
    refusals = [("wrong-password-1", NEW), (PASSWORD, "short"), (PASSWORD, "password1"), ("x" * 200, NEW)]
    said = [(change(browser, *each).last.status_code, "error" in browser.page.elements) for each in refusals]
    assert said == [(403, True), (422, True), (422, True), (403, True)]
    assert "changed" in change(browser).page.elements


def test_password_managers_find_the_form_and_come_back_to_it_after_the_sign_in(sqlite_service: Service) -> None:
    signed_in(sqlite_service)
    browser = Browser(sqlite_service).open("/.well-known/change-password")
    assert browser.path == "/signin"
    browser.sign_in()
    assert (browser.path, "password-form" in browser.page.forms) == ("/account", True)
    answer = httpx2.get(f"{sqlite_service.url}/.well-known/change-password")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?change=password")


def test_a_form_of_another_browser_or_for_nothing_changes_nothing(sqlite_service: Service) -> None:
    browser, other = signed_in(sqlite_service), signed_in(sqlite_service, "bob@example.com")
    forged = other.open("/account", change="password").fields("password-form")[1]
    filled = {**forged, "current_password": PASSWORD, "password": NEW}
    assert browser.post("/account/change", **filled).last.status_code == 403
    assert browser.post("/account/change", **{**filled, "change": "everything"}).path == "/account"
    assert Browser(sqlite_service).post("/account/change", **filled).path == "/signin"
    own = browser.open("/account", change="password").fields("password-form")[1]
    browser.post("/account", **{**own, "current_password": PASSWORD, "password": NEW})
    assert "signed-in" in Browser(sqlite_service).open("/signin").sign_in().page.elements, "only a counted form does it"
