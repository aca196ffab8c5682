"""A new password by a mailed link: the same for known and unknown addresses, once, and only by a form."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from .browser import Browser
from .conftest import ISSUER, PASSWORD, Running, Service, Store, emptied
from .mail_scene import Mailroom, serving_mail

NEW = "a-quite-new-password-7"
ANN = "ann@example.com"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory)


@pytest.fixture
def mailing(running: Running) -> Iterator[Service]:
    yield from emptied(running.service)


def mails(service: Service) -> list[str]:
    """Send what waits; the texts of the mails that went out, the newest last."""
    folder = Path(service.settings.mail_url.get_secret_value().removeprefix("file://"))
    for file in folder.glob("*.eml"):
        file.unlink()
    Mailroom(Store(service.database_url), service.settings.mail_url.get_secret_value(), clock=service.clock).send()
    texts = []
    for file in sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns):
        body = message_from_bytes(file.read_bytes(), policy=policy.default).get_body(("plain",))
        assert body is not None
        texts.append(f"To: {message_from_bytes(file.read_bytes())['To']}\n{body.get_content()}")
    return texts


def link_in(text: str) -> str:
    found = re.search(rf"^{re.escape(ISSUER)}(/\S+)\r?$", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


def token_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["token"][0]


def registered(service: Service) -> httpx2.Client:
    """Ann, signed up and signed in; the mail about her address is left out."""
    person = service.signed_up(ANN)
    service.execute("DELETE FROM outgoing_mails")
    return person


def ask(service: Service, email: str = ANN, **members: str) -> httpx2.Response:
    return service.client().post("/request-password-reset", json={"email": email, **members})


def reset(service: Service, token: str, password: str = NEW) -> httpx2.Response:
    return service.client().post("/reset-password", json={"newPassword": password, "token": token})


def asked(service: Service) -> str:
    """The token of a new link for Ann."""
    assert ask(service).status_code == 200
    [text] = [text for text in mails(service) if "/reset-password?" in text]
    return token_of(link_in(text))


def signs_in(service: Service, password: str) -> bool:
    body = {"email": ANN, "password": password}
    return service.client().post("/sign-in/email", json=body).status_code == 200


def test_a_person_who_forgot_the_password_sets_a_new_one_at_the_pages(mailing: Service) -> None:
    person = registered(mailing)
    browser = Browser(mailing).open("/signin")
    assert browser.page.elements["forgot-link"]["href"] == "/reset-password"
    browser.open("/reset-password").press("reset-request-form", "send-link", email="Ann@Example.com")
    assert "mail-sent" in browser.page.elements
    [text] = mails(mailing)
    assert text.startswith(f"To: {ANN}")
    elsewhere = Browser(mailing).open(link_in(text))  # a link may be opened in another browser
    assert elsewhere.page.forms["reset-form"][1]["username"] == ANN
    elsewhere.press("reset-form", "set-password", password="short")
    assert elsewhere.last.status_code == 422
    elsewhere.press("reset-form", "set-password", password="password1")
    assert "most common ones" in elsewhere.page.text
    elsewhere.press("reset-form", "set-password", password=NEW)
    assert "password-changed" in elsewhere.page.elements
    assert person.get("/get-session").json() is None, "all sessions end"
    assert signs_in(mailing, NEW)
    assert not signs_in(mailing, PASSWORD)
    assert ["was just changed" in told for told in mails(mailing)].count(True) == 1


def test_a_reset_ends_grants_and_proves_the_address(mailing: Service) -> None:
    token_before = registered(mailing).get("/token").json()["token"]
    assert token_before
    assert reset(mailing, asked(mailing)).json() == {"status": True}
    assert mailing.rows("SELECT email_verified FROM accounts") in ([(1,)], [(True,)])
    assert mailing.rows("SELECT count(*) FROM browser_sessions") == [(0,)]
    assert mailing.rows("SELECT count(*) FROM audit_events WHERE event = 'password_reset'") == [(1,)]


def test_known_and_unknown_addresses_get_the_same_answer_and_leave_the_same_rows(mailing: Service) -> None:
    registered(mailing)
    known, unknown = ask(mailing, ANN), ask(mailing, "nobody@example.com")
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    same = ("date", "x-request-id", "set-cookie")
    assert {k: v for k, v in known.headers.items() if k not in same} == {
        k: v for k, v in unknown.headers.items() if k not in same
    }
    assert mailing.rows("SELECT kind, attempts, facts FROM outgoing_mails") == [("reset_password", 0, "{}")] * 2
    assert [text.splitlines()[0] for text in mails(mailing)] == [f"To: {ANN}"]
    assert mailing.rows("SELECT count(*) FROM outgoing_mails") == [(0,)]


@pytest.mark.parametrize("email", ["ANN@EXAMPLE.COM", "Ann@Example.Com"])
def test_an_address_is_compared_without_case_and_the_mail_goes_to_the_stored_one(mailing: Service, email: str) -> None:
    registered(mailing)
    assert ask(mailing, email).status_code == 200
    assert [text.splitlines()[0] for text in mails(mailing)] == [f"To: {ANN}"]


@pytest.mark.parametrize(
    "email",
    [
        "\u0430nn@example.com", "ann@ex\u0430mple.com", "ann@example.com\u200b", "ann\uff20example.com", "ann@example",
        "ann@example.com\r\nBcc: eve@example.com", "ann@example.com,eve@example.com", "ann@example.com\x00", "", "ann",
        "Ann <ann@example.com>", f"{'a' * 250}@example.com", '"ann"@example.com',
    ],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused_and_posts_nothing(mailing: Service, email: str) -> None:
    """An address that looks alike would get the mail of another one's account."""
    registered(mailing)
    assert ask(mailing, email).status_code == 400
    browser = Browser(mailing).open("/reset-password").press("reset-request-form", "send-link", email=email)
    assert browser.last.status_code in (400, 422)
    assert mailing.rows("SELECT * FROM outgoing_mails") == []


def test_a_link_that_is_opened_by_a_scanner_still_works(mailing: Service) -> None:
    registered(mailing)
    ask(mailing)
    [text] = mails(mailing)
    for _ in range(3):
        assert httpx2.get(f"{mailing.url}{link_in(text)}").status_code == 200
        assert httpx2.head(f"{mailing.url}{link_in(text)}").status_code == 200
    assert reset(mailing, token_of(link_in(text))).status_code == 200


def test_a_link_works_once_and_for_an_hour(mailing: Service) -> None:
    registered(mailing)
    first, second = asked(mailing), asked(mailing)
    assert first != second
    mailing.clock.advance(minutes=59)
    assert reset(mailing, second).status_code == 200
    refused = [reset(mailing, second), reset(mailing, first)]  # the older one ended with it
    assert [(each.status_code, each.json()["code"]) for each in refused] == [(400, "INVALID_TOKEN")] * 2
    third = asked(mailing)
    mailing.clock.advance(minutes=61)
    assert reset(mailing, third).json()["code"] == "INVALID_TOKEN"
    page = Browser(mailing).open("/reset-password", token=third)
    assert page.last.status_code == 400
    assert page.page.elements["reset-link"]["href"] == "/reset-password"


def test_a_refused_password_does_not_use_the_link_up(mailing: Service) -> None:
    registered(mailing)
    token = asked(mailing)
    codes = [reset(mailing, token, password).json()["code"] for password in ("short", "x" * 129, "password1")]
    assert codes == ["PASSWORD_TOO_SHORT", "PASSWORD_TOO_LONG", "PASSWORD_COMPROMISED"]
    assert reset(mailing, token).status_code == 200


CHANGES: dict[str, Callable[[str], str]] = {
    "truncated": lambda token: token[:-1],
    "longer": lambda token: token + "A",
    "other case": str.swapcase,
    "none": lambda token: "",
    "not ASCII": lambda token: "\u00e4" * 43,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_truncated_or_changed_token_is_refused(mailing: Service, change: Callable[[str], str]) -> None:
    registered(mailing)
    token = asked(mailing)
    assert reset(mailing, change(token)).json()["code"] == "INVALID_TOKEN"
    assert signs_in(mailing, PASSWORD)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts SET email = 'new@example.com'",
        "UPDATE accounts SET suspended_at = '2026-01-01 00:00:00'",
        "UPDATE mailed_links SET kind = 'verify_email'",
        "DELETE FROM accounts",
    ],
)
def test_a_link_belongs_to_an_account_with_its_address(mailing: Service, statement: str) -> None:
    registered(mailing)
    token = asked(mailing)
    if "DELETE" in statement:
        mailing.execute("DELETE FROM browser_sessions")
    mailing.execute(statement)
    assert reset(mailing, token).json()["code"] == "INVALID_TOKEN"


def test_of_parallel_uses_of_a_link_one_succeeds(mailing: Service) -> None:
    registered(mailing)
    token = asked(mailing)
    with ThreadPoolExecutor(6) as pool:
        statuses = [
            each.status_code for each in pool.map(lambda number: reset(mailing, token, f"{NEW}-{number}"), range(6))
        ]
    assert sorted(statuses) == [200] + [400] * 5
    assert mailing.rows("SELECT count(*) FROM outgoing_mails") == [(1,)], "one notice"


def test_mails_are_limited_per_address_and_per_network(mailing: Service) -> None:
    statuses = [ask(mailing, "nobody@example.com").status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    page = Browser(mailing).open("/reset-password").press("reset-request-form", "send-link", email="nobody@example.com")
    assert (page.last.status_code, int(page.last.headers["retry-after"]) > 3000) == (429, True)
    others = [ask(mailing, f"p{number}@example.com").status_code for number in range(16)]
    assert others == [200] * 15 + [429]
    assert mailing.rows("SELECT count(*) FROM outgoing_mails") == [(20,)], "a refused request posts nothing"
    mailing.clock.advance(minutes=61)
    assert ask(mailing, "nobody@example.com").status_code == 200


def test_a_reset_lifts_the_wait_after_wrong_guesses_here(mailing: Service) -> None:
    registered(mailing)
    token = asked(mailing)
    mailing.clock.stop()
    for _ in range(7):
        signs_in(mailing, "wrong-wrong-1")
    assert not signs_in(mailing, PASSWORD)
    assert reset(mailing, token).status_code == 200
    assert signs_in(mailing, NEW)


def test_an_applications_own_page_gets_the_token(mailing: Service) -> None:
    registered(mailing)
    assert ask(mailing, redirectTo="https://evil.example.net/").json()["code"] == "INVALID_REDIRECT_URL"
    assert ask(mailing, redirectTo="https://app.example.com/new?a=1").status_code == 200
    [text] = mails(mailing)
    link = link_in(text)
    token = token_of(link)
    sent_on = httpx2.get(f"{mailing.url}{link}")
    assert (sent_on.status_code, sent_on.headers["referrer-policy"]) == (303, "no-referrer")
    assert sent_on.headers["location"] == f"https://app.example.com/new?a=1&token={token}"
    forged = httpx2.get(
        f"{mailing.url}/reset-password", params={"token": token, "callbackURL": "https://evil.example.net"}
    )
    assert forged.status_code == 200, "our own page instead of a page that nobody trusts"
    assert reset(mailing, token).status_code == 200
    assert httpx2.get(f"{mailing.url}{link}").headers["location"].endswith("?a=1&error=INVALID_TOKEN")


def test_forms_of_other_sites_are_refused(mailing: Service) -> None:
    browser = Browser(mailing).open("/reset-password")
    browser.client.headers["Origin"] = "https://evil.example.net"
    assert browser.press("reset-request-form", "send-link", email=ANN).last.status_code == 403
    assert mailing.rows("SELECT * FROM outgoing_mails") == []


def test_without_mail_there_is_no_such_thing(sqlite_service: Service) -> None:
    browser = Browser(sqlite_service).open("/signin")
    assert "forgot-link" not in browser.page.elements
    assert browser.open("/reset-password").last.status_code == 404
    refused = ask(sqlite_service)
    assert (refused.status_code, refused.json()["code"]) == (400, "RESET_PASSWORD_DISABLED")
    assert sqlite_service.rows("SELECT * FROM outgoing_mails") == []


def test_the_mail_is_in_the_language_of_the_browser(mailing: Service) -> None:
    registered(mailing)
    client = mailing.client(headers={"Origin": ISSUER, "Accept-Language": "de-AT, en;q=0.3"})
    client.post("/request-password-reset", json={"email": ANN})
    [text] = mails(mailing)
    assert "Der Link gilt einmal und eine Stunde lang." in " ".join(text.split())
