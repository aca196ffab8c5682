"""Signing in by a mailed link: by a form, once, with a second factor where there is one, for every address alike."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from .browser import Browser
from .code_flow import register_frontend
from .conftest import PASSWORD, Running, Service, emptied
from .mail_scene import serving_mail
from .test_password_reset import ANN, NEW, link_in, mails, registered, signs_in, token_of


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory)


@pytest.fixture
def mailing(running: Running) -> Iterator[Service]:
    """Ann has an account with a confirmed address."""
    for service in emptied(running.service):
        registered(service)
        service.execute("UPDATE accounts SET email_verified = true")
        yield service


def ask(service: Service, email: str = ANN, **members: str) -> httpx2.Response:
    return service.client().post("/sign-in/magic-link", json={"email": email, **members})


def link(service: Service, **members: str) -> str:
    assert ask(service, **members).json() == {"status": True}
    [text] = mails(service)
    return link_in(text)


def test_a_person_signs_in_at_the_pages_and_goes_on_to_the_application(mailing: Service) -> None:
    frontend = register_frontend(mailing)
    browser = Browser(mailing).authorize(frontend)
    browser.open(browser.page.elements["link-by-mail"]["href"])
    browser.press("signin-link-form", "send-link", email="Ann@Example.com")
    assert "mail-sent" in browser.page.elements
    [text] = mails(mailing)
    assert browser.open(link_in(text)).press("link-form", "sign-in").path == "/consent"
    session = browser.client.get("/api/auth/get-session").json()
    assert session["user"]["email"] == ANN
    assert mailing.rows("SELECT amr FROM browser_sessions ORDER BY created_at DESC LIMIT 1") == [("email",)]


def test_opening_the_link_signs_nobody_in(mailing: Service) -> None:
    found = link(mailing)
    for url in (f"{mailing.url}{found}", f"{mailing.url}/api/auth/magic-link/verify?token={token_of(found)}"):
        answer = httpx2.get(url, follow_redirects=True)
        assert (answer.status_code, "session_token" in str(answer.headers)) == (200, False)
    assert Browser(mailing).open(found).press("link-form", "sign-in").path == "/signin"  # in any browser


def test_of_parallel_uses_of_a_link_one_succeeds(mailing: Service) -> None:
    token = token_of(link(mailing))
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda _: mailing.client().post("/magic-link/verify", json={"token": token}), range(4))
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 3


def test_a_link_works_for_fifteen_minutes_and_only_the_newest_after_a_use(mailing: Service) -> None:
    old, first = link(mailing), link(mailing)
    verified = mailing.client().post("/magic-link/verify", json={"token": token_of(first)})
    assert (verified.json()["user"]["email"], verified.json()["session"]["token"]) == (ANN, verified.json()["token"])
    assert Browser(mailing).open(old).last.status_code == 400
    mails(mailing)  # about the new browser
    late = link(mailing)
    mailing.clock.advance(minutes=16)
    assert Browser(mailing).open(late).last.status_code == 400


def test_known_and_unknown_addresses_get_the_same_answer_and_each_a_mail(mailing: Service) -> None:
    assert ask(mailing).json() == ask(mailing, "nobody@example.com").json() == {"status": True}
    known, unknown = sorted(mails(mailing))
    assert (link_in(known).partition("?")[0], link_in(unknown)) == ("/confirm", "/signup")
    assert mailing.rows("SELECT count(*) FROM accounts") == [(1,)]


def test_second_factor_is_asked_for(mailing: Service) -> None:
    mailing.execute("UPDATE accounts SET second_factor_at = created_at")
    browser = Browser(mailing).open(link(mailing)).press("link-form", "sign-in")
    assert browser.path == "/second-factor"
    assert browser.client.get("/api/auth/get-session").json() is None
    challenged = mailing.client().post("/magic-link/verify", json={"token": token_of(link(mailing))})
    assert challenged.json() == {"twoFactorRedirect": True, "twoFactorMethods": ["totp"]}


def test_address_that_was_not_confirmed_is_taken_over_by_its_owner(mailing: Service) -> None:
    """Somebody else may have signed up with it, and would share the account."""
    mailing.execute("UPDATE accounts SET email_verified = false")
    stranger = mailing.client()
    stranger.post("/sign-in/email", json={"email": ANN, "password": PASSWORD})
    owner = Browser(mailing).open(link(mailing)).press("link-form", "sign-in")
    assert owner.client.get("/api/auth/get-session").json()["user"]["emailVerified"] is True
    assert (stranger.get("/get-session").json(), signs_in(mailing, PASSWORD)) == (None, False)
    mailing.client().post("/request-password-reset", json={"email": ANN})
    [text] = [text for text in mails(mailing) if "/reset-password" in text]
    mailing.client().post("/reset-password", json={"newPassword": NEW, "token": token_of(link_in(text))})
    assert signs_in(mailing, NEW)


def test_suspended_account_gets_no_mail(mailing: Service) -> None:
    mailing.execute("UPDATE accounts SET suspended_at = created_at")
    assert ask(mailing).json() == {"status": True}
    assert mails(mailing) == []


def test_application_gets_the_person_back_and_mails_are_limited(mailing: Service) -> None:
    assert ask(mailing, callbackURL="https://evil.example.net/").json()["code"] == "INVALID_CALLBACK_URL"
    browser = Browser(mailing).open(link(mailing, callbackURL="https://app.example.com/home"))
    assert browser.press("link-form", "sign-in").last.headers["location"] == "https://app.example.com/home"
    assert [ask(mailing).status_code for _ in range(4)] == [200] * 3 + [429]  # the sign-up has sent one, too
    form = Browser(mailing).open("/signin", by="mail")
    assert form.press("signin-link-form", "send-link", email=ANN).last.status_code == 429
    assert form.press("signin-link-form", "send-link", email="nonsense").last.status_code == 422


def test_sign_in_from_a_new_browser_is_told_a_few_times_a_day(mailing: Service) -> None:
    browser = Browser(mailing).open("/signin").sign_in()
    [text] = mails(mailing)
    assert text.startswith(f"To: {ANN}")
    assert ("from the address 127.0.0.1" in " ".join(text.split()), "UTC" in text) == (True, True)
    browser.client.post("/api/auth/sign-in/email", json={"email": ANN, "password": PASSWORD})  # it is known now
    assert mails(mailing) == []
    assert all(signs_in(mailing, PASSWORD) for _ in range(6))
    assert len(mails(mailing)) == 4
    mailing.execute("UPDATE accounts SET email_verified = false")
    mailing.clock.advance(hours=25)
    assert (signs_in(mailing, PASSWORD), mails(mailing)) == (True, [])


def test_without_mail_there_are_no_links(sqlite_service: Service) -> None:
    assert ask(sqlite_service).json()["code"] == "MAGIC_LINK_DISABLED"
    assert "link-by-mail" not in Browser(sqlite_service).open("/signin").page.elements
    assert "signin-form" in Browser(sqlite_service).open("/signin", by="mail").page.forms
