"""Signing in by a mailed code: in the browser that asked, once, within a few tries, for every address alike."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from .browser import Browser
from .code_flow import register_frontend
from .conftest import PASSWORD, Running, Service, emptied
from .factor_scene import protect
from .mail_scene import serving_mail
from .test_password_reset import ANN, link_in, mails, registered


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


def asked(service: Service, email: str = ANN, browser: Browser | None = None) -> Browser:
    browser = (browser or Browser(service)).open("/signin", by="mail")
    browser.press("signin-link-form", "send-link", email=email)
    assert "mailed-code-form" in browser.page.forms
    return browser


def code_in(service: Service) -> str:
    [text] = mails(service)
    found = re.search(r"\b(\d{8})\b", text)
    assert found is not None, text
    return found[1]


def enter(browser: Browser, code: str) -> Browser:
    return browser.press("mailed-code-form", "sign-in", code=code)


def is_signed_in(browser: Browser) -> bool:
    return browser.client.get("/api/auth/get-session").json() is not None


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08}"


def test_the_code_signs_in_and_leads_back_to_the_application(mailing: Service) -> None:
    frontend = register_frontend(mailing, first_party=True)
    browser = Browser(mailing).authorize(frontend)
    browser.open(browser.page.elements["link-by-mail"]["href"])
    browser.press("signin-link-form", "send-link", email="Ann@Example.com")
    code = code_in(mailing)
    enter(browser, wrong(code))
    assert (browser.last.status_code, browser.page.elements["code"]["aria-describedby"]) == (403, "error")
    assert "code" in enter(browser, f" {code[:4]} {code[4:]}").answer
    assert mailing.rows("SELECT amr FROM browser_sessions ORDER BY created_at DESC LIMIT 1") == [("email",)]
    stored = str(mailing.rows("SELECT * FROM audit_events"))
    assert (code not in stored, "mailed_code_refused" in stored) == (True, True)


def test_it_counts_in_the_browser_that_asked_and_only_the_newest(mailing: Service) -> None:
    browser = asked(mailing)
    first = code_in(mailing)
    other = asked(mailing, "nobody@example.com")
    mails(mailing)
    assert not is_signed_in(enter(other, first))
    stranger = Browser(mailing).open("/signin")
    token = stranger.fields("signin-form")[1]["form_token"]
    assert not is_signed_in(stranger.post("/signin", form_token=token, by="code", code=first))
    _, forged = other.fields("signin-link-form" if "signin-link-form" in other.page.forms else "mailed-code-form")
    assert browser.post("/signin", **{**forged, "by": "code", "code": first}).last.status_code == 403
    asked(mailing, browser=browser)
    second = code_in(mailing)
    assert not is_signed_in(enter(browser, first))
    assert is_signed_in(enter(browser.open("/signin", by="sent"), second))


def test_it_works_once_and_ends_with_the_link_of_its_mail(mailing: Service) -> None:
    browser = asked(mailing)
    code = code_in(mailing)
    fields = browser.fields("mailed-code-form")[1]
    assert is_signed_in(enter(browser, code))
    mails(mailing)  # about the new browser
    browser.press("signout-form", "sign-out")
    assert not is_signed_in(browser.post("/signin", **{**fields, "code": code}))
    assert "not valid any more" in browser.page.text
    asked(mailing, browser=browser)
    [text] = mails(mailing)
    code = re.search(r"\b(\d{8})\b", text)[1]  # type: ignore[index]  # it is there, as before
    page = browser.last
    Browser(mailing).open(link_in(text)).press("link-form", "sign-in")
    browser.last = page
    assert not is_signed_in(enter(browser, code))


def test_of_parallel_guesses_five_are_compared_and_of_parallel_right_codes_one_succeeds(mailing: Service) -> None:
    browser = asked(mailing)
    code = code_in(mailing)
    path, fields = browser.fields("mailed-code-form")
    cookies = dict(browser.client.cookies)

    def guess(each: str) -> int:
        tried = Browser(mailing)
        tried.client.cookies.update(cookies)
        return tried.client.post(path, data={**fields, "code": each}).status_code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(guess, [wrong(code)] * 32))
    assert answers.count(403) <= 5
    assert not is_signed_in(browser.post(path, **{**fields, "code": code})), "it is used up"
    mailing.clock.advance(hours=2)  # past the delay of the guesses
    asked(mailing, browser=browser)
    code = code_in(mailing)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(guess, [code] * 4))
    started = mailing.rows("SELECT count(*) FROM browser_sessions WHERE amr = 'email'")
    assert started == [(1,)], answers


def test_guesses_are_counted_as_passwords_are(mailing: Service) -> None:
    browser = asked(mailing)
    code = code_in(mailing)
    for _ in range(5):
        enter(browser, wrong(code))
    asked(mailing, browser=browser)
    code = code_in(mailing)
    assert enter(browser, code).last.status_code == 429
    assert Browser(mailing).open("/signin").sign_in(ANN, PASSWORD).last.status_code == 429
    mailing.clock.advance(minutes=5)
    assert is_signed_in(enter(browser.open("/signin", by="sent"), code))


def test_known_and_unknown_addresses_look_alike_and_it_ends_after_fifteen_minutes(mailing: Service) -> None:
    known, unknown = asked(mailing), asked(mailing, "nobody@example.com")
    assert known.last.text.replace(known.fields("mailed-code-form")[1]["form_token"], "") == unknown.last.text.replace(
        unknown.fields("mailed-code-form")[1]["form_token"], ""
    )
    assert mailing.rows("SELECT count(*) FROM sign_in_codes") == [(2,)]
    told = sorted(mails(mailing))
    assert ["code" in text for text in told] == [True, False]
    code = re.search(r"\b(\d{8})\b", told[0])[1]  # type: ignore[index]  # as above
    mailing.clock.advance(minutes=16)
    assert not is_signed_in(enter(known, code))


def test_a_second_factor_is_asked_for_and_a_suspended_account_stays_out(mailing: Service) -> None:
    protect(mailing)
    browser = asked(mailing)
    assert enter(browser, code_in(mailing)).path == "/second-factor"
    assert not is_signed_in(browser)
    asked(mailing, browser=browser)
    code = code_in(mailing)
    mailing.execute("UPDATE accounts SET suspended_at = created_at")
    enter(browser, code)
    assert not is_signed_in(browser)


def test_getting_the_page_signs_nobody_in(mailing: Service) -> None:
    browser = asked(mailing)
    code = code_in(mailing)
    browser.open("/signin", by="code", code=code)
    assert not is_signed_in(browser)
    assert mailing.rows("SELECT tries FROM sign_in_codes") == [(0,)]
