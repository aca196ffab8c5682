"""One account from its first day to its last, in Chromium on a phone's screen, by roles and visible names.

A person signs up, confirms the address, forgets the password, gets an authenticator app, a passkey and another
provider, signs in with each and by mail, loses all of them, gets back in, takes the data along and deletes the account.
The mails come by the worker. The three days of a recovery are skipped in the issuer's database.
"""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

from e2e_fixtures.authenticator import Device
from e2e_fixtures.authenticator_app import AuthenticatorApp
from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.elsewhere import NAME, registered_elsewhere, sign_in_elsewhere
from e2e_fixtures.mailbox import mailed_link
from e2e_fixtures.people import credentials
from e2e_fixtures.providers import Account, Control, running_control
from e2e_fixtures.stack import Stack
from e2e_fixtures.web_application import require_application

FIRST, SECOND, THIRD = "four walking wombats", "five diving dolphins", "six singing swallows"
PHONE = {"width": 390, "height": 844}
LATER = "UPDATE accounts SET recovery_ready_at = strftime('%Y-%m-%d %H:%M:%f000', 'now', '-1 minute') WHERE email = ?"


@pytest.fixture(scope="module")
def control() -> Iterator[Control]:
    with running_control() as running:
        yield running


@pytest.fixture(scope="module")
def connected(stack: Stack, control: Control, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with registered_elsewhere(stack, control, tmp_path_factory.mktemp("secret")):
        yield stack


@dataclass
class Walk:
    """A person in front of the hosted pages."""

    page: Page
    stack: Stack
    email: str

    def open(self, path: str) -> None:
        self.page.goto(f"{self.stack.url}{path}")

    def press(self, name: str) -> None:
        """Press the button, or follow the link, with this name."""
        self.named(name).click()

    def named(self, name: str) -> Locator:
        button, link = (self.page.get_by_role(role, name=name, exact=True) for role in ("button", "link"))
        return button.or_(link).first

    def fill(self, label: str, value: str) -> None:
        self.page.get_by_label(label, exact=True).fill(value)

    def reads(self, heading: str) -> None:
        expect(self.page.get_by_role("heading", name=heading, exact=True)).to_be_visible()

    def is_told(self, sentence: str) -> None:
        expect(self.page.get_by_text(sentence)).to_be_visible()

    def follow_mail(self, subject: str) -> None:
        self.page.goto(mailed_link(self.stack, self.email, subject))

    def sign_up(self) -> None:
        self.open("/signup")
        self.fill("Name", "Ann")
        self.fill("Email address", self.email)
        self.fill("Password", FIRST)
        self.press("Create account")
        self.is_in()

    def open_sign_in(self) -> None:
        self.open("/signin")
        self.reads("Sign in")

    def sign_in(self, password: str) -> None:
        """The password; whoever has a second factor is asked for it then."""
        self.fill("Email address", self.email)
        self.fill("Password", password)
        self.press("Sign in")

    def sign_in_by_passkey(self) -> None:
        """The browser offers it in the first field, and the device agrees at once."""
        self.open("/signin")

    def is_in(self) -> None:
        self.reads("You are signed in")

    def is_back(self) -> None:
        """Signed in by what began with a mailed link."""
        self.reads("Your account")

    def have_room(self, one: str, other: str) -> None:
        """There is room between two things to press, one above the other: a finger must not confuse them."""
        above, below = sorted((self.box(one), self.box(other)), key=lambda box: box["y"])
        assert below["y"] - above["y"] - above["height"] >= 20

    def box(self, name: str) -> FloatRect:
        box = self.named(name).bounding_box()
        assert box is not None
        return box

    def open_account(self) -> None:
        self.open("/account")
        self.reads("Your account")

    def open_app_setup(self) -> None:
        self.open_account()
        self.press("Turn on the second factor")

    def open_passkeys(self) -> None:
        self.open_account()
        self.press("Add passkeys")

    def open_deletion(self) -> None:
        self.open_account()
        self.press("Delete the account")

    def sign_out(self) -> None:
        self.open_account()
        self.press("Sign out")
        self.reads("You are signed out")


class AtTheApplication(Walk):
    """A person in front of the todo web application, which leads to the hosted pages for what it does not have."""

    def sign_up(self) -> None:
        self.open("/")
        self.press("Create an account")
        self.fill("Name", "Ann")
        self.fill("Email address", self.email)
        self.fill("Password", FIRST)
        self.press("Create account")
        self.is_in()

    def open_sign_in(self) -> None:
        self.open("/")
        self.reads("Sign in")

    def sign_in_by_passkey(self) -> None:
        self.open("/")
        self.press("Use a passkey")
        expect(self.named("Use a passkey")).to_be_hidden()

    def is_in(self) -> None:
        self.reads("A clear page")

    def is_back(self) -> None:
        self.is_in()

    def open_settings(self, row: str) -> None:
        """Follow a row of the settings, whose name is followed by what it is for."""
        self.open("/")
        self.press("Ann")
        self.page.get_by_role("link", name=re.compile(f"^{row}")).click()

    def open_account(self) -> None:
        self.open_settings("All of your account")
        self.reads("Your account")

    def open_app_setup(self) -> None:
        self.open_settings("Second factor")

    def open_passkeys(self) -> None:
        self.open_settings("Passkeys")

    def open_deletion(self) -> None:
        self.open_settings("Delete the account")

    def sign_out(self) -> None:
        self.open("/")
        self.press("Sign out")
        self.reads("Sign in")


@pytest.mark.parametrize("kind", [Walk, AtTheApplication])
def test_from_the_first_day_to_the_last(
    connected: Stack, control: Control, chromium: Browser, kind: type[Walk]
) -> None:
    require_application(connected)
    with somebodys_browser(chromium, viewport=PHONE) as context:
        walk = kind(context.new_page(), connected, credentials()["email"])
        begin(walk)
        app, codes = get_an_app(walk)
        device = get_a_passkey(walk)
        elsewhere = control.sign_up()
        connect(walk, control, elsewhere)
        sign_in_with_each(walk, app, codes, device)
        device.lose()
        lose_everything_and_get_back_in(walk)
        leave(walk)


def begin(walk: Walk) -> None:
    """Sign up, confirm the address, forget the password, and sign in by mail."""
    walk.sign_up()
    walk.follow_mail("confirm your email address")
    walk.press("Yes, confirm the address")
    walk.reads("Your address is confirmed")
    walk.sign_out()
    walk.open_sign_in()
    walk.press("Forgot password?")
    walk.fill("Email address", walk.email)
    walk.press("Send the link")
    walk.reads("Look at your mail")
    walk.follow_mail("set a new password")
    walk.fill("New password", SECOND)
    walk.press("Set the password")
    walk.reads("Your password was changed")
    walk.press("Sign in")
    walk.sign_in(SECOND)
    walk.is_back()
    walk.sign_out()
    walk.open_sign_in()
    walk.press("Sign in by mail")
    walk.fill("Email address", walk.email)
    walk.press("Send the mail")
    walk.follow_mail(": sign in")
    walk.press("Sign in")
    walk.is_in()


def get_an_app(walk: Walk) -> tuple[AuthenticatorApp, list[str]]:
    walk.open_app_setup()
    walk.fill("Password", SECOND)
    walk.press("Set up an app")
    app = AuthenticatorApp(walk.page.locator("#secret").inner_text())
    walk.fill("Six-digit code that the app shows", app.code())
    walk.press("Turn it on")
    walk.reads("Keep these recovery codes")
    codes = walk.page.get_by_role("listitem").all_inner_texts()
    walk.press("I have kept them")
    walk.is_told("10 recovery codes left.")
    return app, codes


def get_a_passkey(walk: Walk) -> Device:
    device = Device(walk.page)
    walk.open_passkeys()
    walk.press("Add a passkey")
    walk.is_told("The passkey is added.")
    return device


def connect(walk: Walk, control: Control, elsewhere: Account) -> None:
    walk.open_account()
    walk.press("Change other sign-ins")
    walk.press(f"Connect {NAME}")
    sign_in_elsewhere(walk.page, control, elsewhere)
    walk.press("Allow")
    walk.is_told("It is connected.")


def sign_in_with_each(walk: Walk, app: AuthenticatorApp, codes: list[str], device: Device) -> None:
    """The password and the app's code, or the passkey; the passkey; the other provider and a recovery code."""
    device.touch(is_on=False)  # else the browser offers the passkey in the first field, and it is taken at once
    walk.sign_out()
    walk.open_sign_in()
    walk.sign_in(SECOND)
    walk.fill("Six-digit code", app.code())
    walk.press("Sign in")
    walk.is_in()
    walk.sign_out()
    walk.open_sign_in()
    walk.sign_in(SECOND)
    walk.have_room("Use a recovery code", "Use a passkey")
    device.touch(is_on=True)
    walk.press("Use a passkey")
    walk.is_in()
    walk.sign_out()
    walk.sign_in_by_passkey()
    walk.is_in()
    device.touch(is_on=False)
    walk.sign_out()
    walk.open_sign_in()
    walk.press(f"Continue with {NAME}")
    walk.press("Use a recovery code")
    walk.fill("Recovery code", codes[0])
    walk.press("Sign in")
    walk.is_in()
    walk.sign_out()


def lose_everything_and_get_back_in(walk: Walk) -> None:
    walk.open_sign_in()
    walk.sign_in(SECOND)
    walk.press("Lost the app and the codes?")
    walk.press("Send me the mail")
    walk.reads("Look at your mail")
    walk.follow_mail("your second factor is to be removed")
    walk.is_told("The link can be used from")
    expect(walk.page.get_by_label("New password", exact=True)).to_have_count(0)
    file = walk.stack.checkout.folder / ".run/auth.db"
    with closing(sqlite3.connect(file, timeout=60)) as database, database:
        assert database.execute(LATER, (walk.email,)).rowcount == 1
    walk.page.reload()
    walk.fill("New password", THIRD)
    walk.press("Set the password")
    walk.reads("Your password is set")
    walk.press("Sign in")
    walk.sign_in(THIRD)
    walk.is_back()
    walk.open_account()
    for name in ("Turn on the second factor", "Add passkeys"):
        expect(walk.named(name)).to_be_visible()


def leave(walk: Walk) -> None:
    with walk.page.expect_download() as downloading:
        walk.press("Download")
    taken = json.loads(downloading.value.path().read_text(encoding="utf-8"))
    assert taken["account"]["email"] == walk.email
    walk.open_deletion()
    walk.fill("Password", THIRD)
    walk.press("Delete the account for good")
    walk.reads("The account is deleted")
    walk.open_sign_in()
    walk.sign_in(THIRD)
    password = walk.page.get_by_label("Password", exact=True)
    expect(password).to_have_accessible_description(re.compile("is wrong"))
