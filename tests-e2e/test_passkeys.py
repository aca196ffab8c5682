"""Passkeys in Chromium with a virtual authenticator, at auth-service's pages and at the web application."""

from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as PlaywrightError

from e2e_fixtures.authenticator import Device
from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.providers import Account, Ours
from e2e_fixtures.stack import Stack


@pytest.fixture(scope="module")
def ours(stack: Stack) -> Ours:
    return Ours(stack)


@pytest.fixture
def account(ours: Ours) -> Account:
    return ours.sign_up()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with somebodys_browser(chromium) as context:
        yield context.new_page()


def test_a_passkey_from_its_making_to_its_end(ours: Ours, account: Account, page: Page) -> None:
    device = Device(page)
    page.goto(f"{ours.issuer}/signin")
    page.fill("#email", account.email)
    page.fill("#password", account.password)
    page.click("#sign-in")
    page.click("#account-link")
    page.click("#passkeys-link")
    page.click("#add-passkey")
    expect(page.locator("#changed")).to_be_visible()
    assert device.rp_ids == [urlsplit(ours.issuer).hostname]
    page.click("#add-passkey")
    expect(page.locator("[data-on=InvalidStateError]")).to_be_visible()  # this device has one already

    sign_out(page, ours)
    page.goto(f"{ours.issuer}/signin")  # the browser offers it in the e-mail field, and the person takes it
    expect(page.locator("#signed-in")).to_be_visible()

    sign_out(page, ours)
    device.touch(is_on=False)
    page.goto(f"{ours.issuer}/signin")
    device.touch(is_on=True)
    device.recognize(is_on=False)
    page.click("#use-passkey")
    expect(page.locator("[data-on=NotAllowedError]")).to_be_visible()
    device.recognize(is_on=True)
    with suppress(PlaywrightError):  # the browser's new offer was taken before, and the next page is on its way
        page.evaluate("document.getElementById('use-passkey')?.click()")
    expect(page.locator("#account-email")).to_have_text(account.email)

    sign_out(page, ours)
    page.goto(f"{ours.issuer}/sign-in")  # of the web application
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()

    page.goto(f"{ours.issuer}/passkeys")
    page.click("#change-1")
    page.fill("#name-1", "My laptop")
    page.click("#rename-1")
    expect(page.locator("#passkeys strong")).to_have_text("My laptop")
    page.click("#change-1")
    page.click("#remove-1")
    expect(page.locator("#no-passkeys")).to_be_visible()
    device.touch(is_on=False)
    sign_out(page, ours)
    page.goto(f"{ours.issuer}/signin")
    expect(page.locator("#use-passkey")).to_be_visible()


def sign_out(page: Page, ours: Ours) -> None:
    page.goto(f"{ours.issuer}/signout")
    page.click("#sign-out")
    page.wait_for_selector("#signed-out")
