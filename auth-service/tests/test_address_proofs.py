"""Somebody signs up with a foreign address and waits until its owner confirms it. Whoever proves the address decides.

The account pre-hijacking attacks of Sudhodanan and Paverd (USENIX Security 2022): the stranger knows the password of an
account that looks like the owner's own.
"""

import html
from collections.abc import Iterator

import httpx2
import pytest

from .browser import Browser
from .conftest import ISSUER, PASSWORD, Running, Service, emptied
from .mail_scene import serving_mail
from .passkey_scene import refusal
from .passkey_scene import register as add_passkey
from .test_password_reset import ANN, NEW, link_in, mails, signs_in

SEVERAL = 8  # more wrong passwords than are free


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory)


@pytest.fixture
def mailing(running: Running) -> Iterator[Service]:
    yield from emptied(running.service)


@pytest.fixture
def stranger(mailing: Service) -> httpx2.Client:
    """The session of somebody who has signed up with Ann's address."""
    return mailing.signed_up(ANN)


@pytest.fixture
def owner(mailing: Service, stranger: httpx2.Client) -> Browser:
    """Ann's browser, at the page of the link that was mailed to her."""
    return Browser(mailing).open(link_in(mails(mailing)[0]))


def is_verified(service: Service) -> bool:
    [(verified,)] = service.rows("SELECT email_verified FROM accounts")
    return bool(verified)


def set_another(browser: Browser, password: str = NEW) -> Browser:
    """Follow the link for people who do not know the password, and set another one."""
    browser.open(html.unescape(browser.page.elements["reset-link"]["href"]))
    return browser.press("reset-form", "set-password", password=password)


@pytest.mark.parametrize("typed", [None, "", "a-guess-of-the-owner", PASSWORD.upper(), "x" * 500])
def test_another_browser_confirms_nothing_without_the_password(owner: Browser, typed: str | None) -> None:
    refused = owner.press("verify-form", "verify", password=typed)
    assert (refused.last.status_code, refused.page.elements["password"]["aria-invalid"]) == (403, "true")
    assert not is_verified(owner.service)
    assert owner.press("verify-form", "verify", password=PASSWORD).last.status_code == 200, "the link is not used up"
    assert is_verified(owner.service)


def test_who_does_not_know_the_password_sets_another_and_the_stranger_is_out(
    owner: Browser, stranger: httpx2.Client
) -> None:
    assert "password-changed" in set_another(owner).page.elements
    service = owner.service
    assert (is_verified(service), signs_in(service, PASSWORD), signs_in(service, NEW)) == (True, False, True)
    assert stranger.get("/get-session").json() is None


def test_who_knows_the_password_keeps_everything_on_another_device(owner: Browser, stranger: httpx2.Client) -> None:
    """People sign up at a desk, and open the mail on a telephone."""
    add_passkey(stranger)
    owner.press("verify-form", "verify", password=PASSWORD)
    assert ("email-verified" in owner.page.elements, "ended" in owner.page.elements) == (True, False)
    assert owner.service.rows("SELECT count(*) FROM passkeys") == [(1,)]
    assert stranger.get("/get-session").json()["user"]["emailVerified"] is True
    assert mails(owner.service) == [], "nothing has ended"


def test_a_link_sets_no_password_once_the_address_is_confirmed(owner: Browser) -> None:
    """It works for a day; a link for a forgotten password, for an hour."""
    way_out = html.unescape(owner.page.elements["reset-link"]["href"])
    other = Browser(owner.service).open(way_out)
    owner.service.execute("UPDATE accounts SET email_verified = true")
    assert owner.open(way_out).last.status_code == 400
    assert other.press("reset-form", "set-password", password=NEW).last.status_code == 400
    assert (signs_in(owner.service, PASSWORD), signs_in(owner.service, NEW)) == (True, False)


def test_a_weak_password_is_refused_and_the_link_goes_on(owner: Browser) -> None:
    refused = set_another(owner, "password1")
    assert (refused.last.status_code, is_verified(owner.service)) == (422, False)
    assert "password-changed" in refused.press("reset-form", "set-password", password=NEW).page.elements


def test_guesses_are_counted_and_hold_only_whoever_guesses(owner: Browser) -> None:
    codes = [owner.press("verify-form", "verify", password=f"guess-{n}").last.status_code for n in range(SEVERAL)]
    assert (codes[0], codes[-1]) == (403, 429)
    assert "Retry-After" in owner.last.headers
    elsewhere = {"Origin": ISSUER, "X-Forwarded-For": "198.51.100.7"}
    other = Browser(owner.service, elsewhere).open(str(owner.last.request.url.path), token=token(owner))
    assert other.press("verify-form", "verify", password=PASSWORD).last.status_code == 200


def token(browser: Browser) -> str:
    return browser.fields("verify-form")[1]["token"]


def test_a_password_that_was_changed_meanwhile_does_not_count(owner: Browser, stranger: httpx2.Client) -> None:
    change = {"currentPassword": PASSWORD, "newPassword": NEW}
    assert stranger.post("/change-password", json=change).status_code == 200
    assert owner.press("verify-form", "verify", password=PASSWORD).last.status_code == 403
    assert not is_verified(owner.service)


def test_a_form_of_another_site_sets_and_confirms_nothing(owner: Browser) -> None:
    owner.client.headers["Origin"] = "https://evil.example.net"
    assert owner.press("verify-form", "verify", password=PASSWORD).last.status_code == 403
    assert set_another(owner).last.status_code == 403
    assert (is_verified(owner.service), signs_in(owner.service, PASSWORD)) == (False, True)


def test_the_stranger_s_change_of_address_ends_too(mailing: Service, stranger: httpx2.Client) -> None:
    """The link to the stranger's own mailbox would give the account another address."""
    mails(mailing)
    stranger.post("/change-email", json={"newEmail": "mallory@example.com"})
    [changing] = mails(mailing)
    stranger.post("/send-verification-email", json={"email": ANN})
    set_another(Browser(mailing).open(link_in(mails(mailing)[0])))
    again = mailing.client()
    assert again.post("/sign-in/email", json={"email": ANN, "password": NEW}).status_code == 200
    hers = Browser(mailing)
    hers.client.cookies = again.cookies
    assert hers.open(link_in(changing)).last.status_code == 400


@pytest.mark.parametrize("way", ["link", "code"])
def test_signing_in_by_mail_ends_the_stranger_s_password_and_tells_so(
    mailing: Service, stranger: httpx2.Client, way: str
) -> None:
    mails(mailing)
    owner = Browser(mailing).open("/signin", by="mail").press("signin-link-form", "send-link", email=ANN)
    [text] = mails(mailing)
    if way == "link":
        owner.open(link_in(text)).press("link-form", "sign-in")
    else:
        code = next(word for word in text.replace(".", " ").split() if word.isdecimal() and len(word) == 8)
        owner.press("mailed-code-form", "sign-in", code=code)
    assert owner.client.get("/api/auth/get-session").json()["user"]["emailVerified"] is True
    [told] = mails(mailing)
    assert "that had not signed in to the account before" in " ".join(told.split())
    assert (stranger.get("/get-session").json(), signs_in(mailing, PASSWORD)) == (None, False)


def test_the_browser_that_signed_up_signs_in_by_mail_and_keeps_its_password(mailing: Service) -> None:
    owner = Browser(mailing).open("/signup").sign_up(ANN)
    mails(mailing)
    owner.open("/signout").press("signout-form", "sign-out")
    owner.open("/signin", by="mail").press("signin-link-form", "send-link", email=ANN)
    owner.open(link_in(mails(mailing)[0])).press("link-form", "sign-in")
    assert mails(mailing) == []
    assert (is_verified(mailing), signs_in(mailing, PASSWORD)) == (True, True)


def test_a_proof_of_a_confirmed_address_ends_and_tells_nothing(mailing: Service, stranger: httpx2.Client) -> None:
    mailing.execute("UPDATE accounts SET email_verified = true")
    mails(mailing)
    owner = Browser(mailing).open("/signin", by="mail").press("signin-link-form", "send-link", email=ANN)
    owner.open(link_in(mails(mailing)[0])).press("link-form", "sign-in")
    assert refusal(stranger.post("/verify-password", json={"password": "wrong-horse-1"}))[0] == 400
    assert "access_ended" not in [kind for (kind,) in mailing.rows("SELECT kind FROM outgoing_mails")]
