"""An address is confirmed by a mailed link: once, by a form, and with the same answer for every address."""

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from .browser import Browser, signed_in
from .conftest import ISSUER, PASSWORD, Service
from .test_password_reset import ANN, link_in, mailing, mails, running, token_of

__all__ = ["mailing", "running"]  # fixtures


def is_verified(service: Service) -> bool:
    [(verified,)] = service.rows("SELECT email_verified FROM accounts")
    return bool(verified)


def send(service: Service, email: str = ANN, client: httpx2.Client | None = None, **members: str) -> httpx2.Response:
    return (client or service.client()).post("/send-verification-email", json={"email": email, **members})


def confirm(service: Service, link: str) -> httpx2.Response:
    """Open the link in another browser, show the password and press its button."""
    return Browser(service).open(link).press("verify-form", "verify", password=PASSWORD).last


def test_who_signs_up_confirms_the_address_by_the_mail(mailing: Service) -> None:
    browser = signed_in(mailing)
    assert browser.page.elements["verify-link"]["href"] == "/verify-email"
    [text] = mails(mailing)
    assert text.startswith(f"To: {ANN}")
    assert not is_verified(mailing)
    assert "email-verified" in browser.open(link_in(text)).press("verify-form", "verify").page.elements
    assert is_verified(mailing)
    assert browser.client.get("/api/auth/get-session").json()["user"]["emailVerified"] is True
    assert "verify-link" not in browser.open("/signin").page.elements
    assert mails(mailing) == []


def test_a_link_that_is_opened_by_a_scanner_confirms_nothing(mailing: Service) -> None:
    mailing.signed_up(ANN)
    [text] = mails(mailing)
    link = link_in(text)
    for url in (f"{mailing.url}{link}", f"{mailing.url}/api/auth{link}"):
        assert httpx2.get(url, follow_redirects=True).status_code == 200
    assert not is_verified(mailing)
    assert confirm(mailing, link).status_code == 200
    assert is_verified(mailing)


def test_a_link_works_once_and_for_a_day(mailing: Service) -> None:
    mailing.signed_up(ANN)
    [text] = mails(mailing)
    mailing.clock.advance(hours=23)
    assert confirm(mailing, link_in(text)).status_code == 200
    assert Browser(mailing).open(link_in(text)).last.status_code == 400
    mailing.execute("UPDATE accounts SET email_verified = false")
    send(mailing)
    [text] = mails(mailing)
    mailing.clock.advance(hours=25)
    page = Browser(mailing).open(link_in(text))
    assert (page.last.status_code, page.page.elements["verify-link"]["href"]) == (400, "/verify-email")


def test_of_parallel_uses_of_a_link_one_succeeds(mailing: Service) -> None:
    mailing.signed_up(ANN)
    [text] = mails(mailing)
    browsers = [Browser(mailing).open(link_in(text)) for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        pressed = pool.map(lambda each: each.press("verify-form", "verify", password=PASSWORD).last, browsers)
        assert sorted(answer.status_code for answer in pressed) == [200] + [400] * 4


@pytest.mark.parametrize("path", ["/reset-password", "/verify-email"])
def test_a_link_of_another_kind_does_nothing(mailing: Service, path: str) -> None:
    mailing.signed_up(ANN)
    [text] = mails(mailing)
    mailing.client().post("/request-password-reset", json={"email": ANN})
    [reset] = mails(mailing)
    token = token_of(link_in(text if path == "/reset-password" else reset))
    assert Browser(mailing).open(path, token=token).last.status_code == 400


def test_a_link_of_an_address_that_was_given_up_does_nothing(mailing: Service) -> None:
    mailing.signed_up(ANN)
    [text] = mails(mailing)
    mailing.execute("UPDATE accounts SET email = 'new@example.com'")
    assert Browser(mailing).open(link_in(text)).last.status_code == 400
    assert not is_verified(mailing)


def test_known_unknown_and_confirmed_addresses_get_the_same_answer(mailing: Service) -> None:
    mailing.signed_up(ANN)
    mails(mailing)
    answers = [send(mailing, email) for email in (ANN, "nobody@example.com")]
    assert [text.splitlines()[0] for text in mails(mailing)] == [f"To: {ANN}"]
    mailing.execute("UPDATE accounts SET email_verified = true")
    answers.append(send(mailing))
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"status": True})] * 3
    assert mails(mailing) == []


def test_who_is_signed_in_is_told_what_is_wrong(mailing: Service) -> None:
    person = mailing.signed_up(ANN)
    assert send(mailing, "bob@example.com", person).json()["code"] == "EMAIL_MISMATCH"
    assert send(mailing, "Ann@Example.COM", person).json() == {"status": True}
    mailing.execute("UPDATE accounts SET email_verified = true")
    assert send(mailing, ANN, person).json()["code"] == "EMAIL_ALREADY_VERIFIED"
    assert send(mailing, "ann").status_code == 400


def test_an_application_gets_the_person_back(mailing: Service) -> None:
    assert send(mailing, callbackURL="https://evil.example.net/").json()["code"] == "INVALID_CALLBACK_URL"
    mailing.signed_up(ANN, callbackURL="https://app.example.com/welcome")
    [text] = mails(mailing)
    browser = Browser(mailing).open(link_in(text))
    assert "form-action" not in browser.last.headers["content-security-policy"]
    assert confirm(mailing, link_in(text)).headers["location"] == "https://app.example.com/welcome"
    mailing.execute("UPDATE accounts SET email_verified = false")
    send(mailing)
    [text] = mails(mailing)
    forged = f"{link_in(text)}&callbackURL=https%3A%2F%2Fevil.example.net"
    pressed = Browser(mailing).open(forged).press("verify-form", "verify", password=PASSWORD)
    assert "email-verified" in pressed.page.elements


def test_mails_are_limited_and_sign_ups_go_on_without_one(mailing: Service) -> None:
    assert [send(mailing).status_code for _ in range(6)] == [200] * 5 + [429]
    browser = Browser(mailing).open("/verify-email").press("verify-request-form", "send-link", email=ANN)
    assert browser.last.status_code == 429
    mails(mailing)
    mailing.signed_up(ANN)
    assert mailing.rows("SELECT * FROM outgoing_mails") == []


def test_the_page_asks_for_another_link(mailing: Service) -> None:
    mailing.signed_up(ANN)
    mails(mailing)
    browser = Browser(mailing).open("/verify-email").press("verify-request-form", "send-link", email="nonsense")
    assert browser.last.status_code == 422
    assert "mail-sent" in browser.press("verify-request-form", "send-link", email=ANN).page.elements
    assert len(mails(mailing)) == 1
    browser.client.headers["Origin"] = "https://evil.example.net"
    assert browser.open("/verify-email").press("verify-request-form", "send-link", email=ANN).last.status_code == 403


def test_confirming_signs_nobody_in(mailing: Service) -> None:
    mailing.signed_up(ANN)
    [text] = mails(mailing)
    browser = Browser(mailing).open(link_in(text)).press("verify-form", "verify", password=PASSWORD)
    assert browser.client.get("/api/auth/get-session").json() is None


def test_without_mail_addresses_are_not_confirmed(sqlite_service: Service) -> None:
    browser = signed_in(sqlite_service)
    assert "verify-link" not in browser.page.elements
    assert browser.open("/verify-email").last.status_code == 404
    refused = send(sqlite_service)
    assert (refused.status_code, refused.json()["code"]) == (400, "VERIFICATION_EMAIL_NOT_ENABLED")
    body = {"email": ANN, "password": PASSWORD}
    assert sqlite_service.client(headers={"Origin": ISSUER}).post("/sign-in/email", json=body).status_code == 200
