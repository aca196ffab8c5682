"""Another e-mail address: confirmed on the new one, by the account's own browser, and told to the old one."""

from collections.abc import Iterator

import httpx2
import pytest

from .browser import Browser, signed_in
from .conftest import PASSWORD, Running, Service, emptied
from .factor_scene import protect
from .mail_scene import serving_mail
from .test_password_reset import ANN, link_in, mails, token_of

NEW = "ann.new@example.com"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory)


@pytest.fixture
def mailing(running: Running) -> Iterator[Service]:
    yield from emptied(running.service)


@pytest.fixture
def ann(mailing: Service) -> Browser:
    """Ann's browser; the mail that confirms her first address is left out."""
    browser = signed_in(mailing, ANN)
    mailing.execute("DELETE FROM outgoing_mails")
    return browser


def ask(browser: Browser, email: str = NEW, **members: str) -> httpx2.Response:
    return browser.client.post("/api/auth/change-email", json={"newEmail": email, **members})


def link_for(service: Service) -> str:
    [text] = mails(service)
    assert text.startswith(f"To: {NEW}")
    return link_in(text)


def address(service: Service) -> tuple[str, bool]:
    [(email, verified)] = service.rows("SELECT email, email_verified FROM accounts")
    return email, bool(verified)


def test_the_address_changes_when_the_link_is_confirmed_and_the_old_one_is_told(ann: Browser, mailing: Service) -> None:
    ann.open("/account", change="email").press("email-form", "send-link", email=NEW, current_password=PASSWORD)
    assert "on its way" in ann.page.text
    link = link_for(mailing)
    assert ann.open(link).page.elements["new-email"]["tag"] == "strong"
    assert address(mailing) == (ANN, False)  # opening it changes nothing
    assert "Your email address is changed" in ann.press("confirm-form", "confirm").page.text
    assert address(mailing) == (NEW, True)
    [told] = mails(mailing)
    assert told.startswith(f"To: {ANN}")
    assert ann.client.get("/api/auth/get-session").json()["user"]["email"] == NEW  # the session goes on
    assert Browser(mailing).open("/signin").sign_in(NEW).page.elements["signed-in"]
    assert ann.open(link).last.status_code == 400


def test_only_a_browser_of_the_account_confirms(ann: Browser, mailing: Service) -> None:
    """Whoever gets the mail because of a typing error must not get the account by it."""
    assert ask(ann).json() == {"status": True}
    link = link_for(mailing)
    bob = signed_in(mailing, "bob@example.com")
    for stranger in (Browser(mailing), bob):
        assert stranger.open(link).last.status_code == 403
    fields = ann.open(link).fields("confirm-form")[1]
    assert bob.post("/confirm", **fields).last.status_code == 403
    own = bob.open("/account", change="email").fields("email-form")[1]["form_token"]
    assert bob.post("/confirm", token=token_of(link), form_token=own).last.status_code == 400
    assert mailing.rows(f"SELECT id FROM accounts WHERE email = '{ANN}'")


def test_an_account_with_a_second_factor_is_asked_for_it(ann: Browser, mailing: Service) -> None:
    """A session and the password alone would give a thief the mailbox, and by it the recovery of the second factor."""
    app = protect(mailing)
    refused = ask(ann)
    assert (refused.status_code, refused.json()["code"]) == (403, "SESSION_NOT_FRESH")
    ann.open("/account", change="email")
    ann.press("email-form", "send-link", email=NEW, current_password=PASSWORD, code=app.wrong())
    assert (ann.last.status_code, "not valid" in ann.page.text) == (403, True)
    assert mails(mailing) == []
    ann.press("email-form", "send-link", email=NEW, current_password=PASSWORD, code=app.wait())
    ann.open(link_for(mailing)).press("confirm-form", "confirm")
    assert address(mailing) == (NEW, True)
    assert ask(ann, ANN).status_code == 200, "a code of the last minutes counts"


def test_taken_address_gets_the_same_answer_and_no_mail(ann: Browser, mailing: Service) -> None:
    mailing.signed_up(NEW)
    mailing.execute("DELETE FROM outgoing_mails")
    assert ask(ann).json() == {"status": True}
    assert mails(mailing) == []


def test_address_that_is_taken_meanwhile_stays_with_its_account(ann: Browser, mailing: Service) -> None:
    ask(ann)
    link = link_for(mailing)
    mailing.signed_up(NEW)
    assert "has an account" in ann.open(link).press("confirm-form", "confirm").page.text
    assert mailing.rows("SELECT count(*) FROM accounts WHERE email = 'ann@example.com'") == [(1,)]


def test_all_mailed_links_of_the_account_end_with_its_address(ann: Browser, mailing: Service) -> None:
    """That of an operator's change, too."""
    ask(ann)
    change = link_for(mailing)
    mailing.client().post("/request-password-reset", json={"email": ANN})
    [reset] = mails(mailing)
    ask(ann, "third@example.com")
    [other] = mails(mailing)
    ann.open(change).press("confirm-form", "confirm")
    mails(mailing)
    for link in (link_in(reset), link_in(other)):
        assert ann.open(link).last.status_code == 400
    ask(ann, "third@example.com")
    [other] = mails(mailing)
    assert mailing.command("users", "set-email", NEW, "fourth@example.com").returncode == 0
    assert ann.open(link_in(other)).last.status_code == 400


def test_a_mail_that_waits_while_the_address_changes_is_not_sent(ann: Browser, mailing: Service) -> None:
    ask(ann)
    mailing.execute("UPDATE accounts SET email = 'fourth@example.com'")
    assert mails(mailing) == []


def test_link_works_for_an_hour(ann: Browser, mailing: Service) -> None:
    ask(ann)
    link = link_for(mailing)
    mailing.clock.advance(minutes=61)
    assert ann.open(link).last.status_code == 400


def test_application_gets_the_person_back(ann: Browser, mailing: Service) -> None:
    assert ask(ann, callbackURL="https://evil.example.net/").json()["code"] == "INVALID_CALLBACK_URL"
    ask(ann, callbackURL="https://app.example.com/settings")
    browser = ann.open(link_for(mailing)).press("confirm-form", "confirm")
    assert browser.last.headers["location"] == "https://app.example.com/settings"


def test_what_cannot_be_changed_is_said(ann: Browser, mailing: Service) -> None:
    assert ask(ann, "Ann@Example.com").json() == {"message": "Email is the same"}
    assert ask(ann, "nonsense").json()["code"] == "VALIDATION_ERROR"
    assert ask(Browser(mailing)).status_code == 401
    ann.open("/account", change="email").press("email-form", "send-link", email=NEW, current_password="wrong-wrong-1")
    assert ann.last.status_code == 403
    assert mailing.rows("SELECT * FROM outgoing_mails") == []
    assert [ask(ann).status_code for _ in range(6)] == [200] * 5 + [429]
    mailing.clock.advance(hours=25)
    assert ask(ann).json()["code"] == "SESSION_NOT_FRESH"


def test_without_mail_no_address_is_changed(sqlite_service: Service) -> None:
    browser = signed_in(sqlite_service)
    assert ask(browser).json()["code"] == "CHANGE_EMAIL_DISABLED"
    assert "change-email" not in browser.open("/account").page.elements
    assert browser.open("/account", change="email").path == "/account"
