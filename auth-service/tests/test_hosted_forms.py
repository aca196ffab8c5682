"""The forms of the hosted pages: which submissions are accepted, and how a page refuses one."""

import threading

import pytest

from .browser import Browser, signed_in
from .conftest import ISSUER, PASSWORD, Service, Start
from .page_forms import FORMS, shown

ORIGINS: dict[str, dict[str, str]] = {
    "hostile": {"Origin": "https://evil.example"},
    "a trusted frontend's": {"Origin": "https://app.example.com"},
    "a neighbour's": {"Origin": "http://localhost:8081"},
    "ours, without TLS or with": {"Origin": "https://localhost:8080"},
    "ours with more": {"Origin": f"{ISSUER}.evil.example"},
    "null": {"Origin": "null"},
    "missing": {},
    "empty": {"Origin": ""},
    "no address": {"Origin": "http://["},
    "hostile Referer": {"Referer": "https://evil.example/signin"},
    "broken Referer": {"Referer": "http://[::1/signin"},
    "ours, the browser says cross-site": {"Origin": ISSUER, "Sec-Fetch-Site": "cross-site"},
    "ours, the browser says same-site": {"Origin": ISSUER, "Sec-Fetch-Site": "same-site"},
    "missing, the browser says none": {"Sec-Fetch-Site": "none"},
    "null, the browser says same-origin": {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
}
TOKENS: dict[str, str | None] = {
    "missing": None,
    "empty": "",
    "another": "0" * 64,
    "too short": "0",
    "too long": "0" * 6000,
    "no ASCII": "\u00e9",
}
FILLED = {"email": "ann@example.com", "password": PASSWORD, "name": "Ann", "remember": "yes", "decision": "allow"}


def unchanged(service: Service, path: str, browser: Browser, **sent: dict[str, str]) -> None:
    """Submit a form that must be refused: nothing is changed, and the page can be tried again."""
    before = [service.rows(f"SELECT count(*) FROM {table}") for table in ("accounts", "browser_sessions", "consents")]
    response = browser.client.post(path, **sent)  # type: ignore[arg-type]  # data, headers
    after = [service.rows(f"SELECT count(*) FROM {table}") for table in ("accounts", "browser_sessions", "consents")]
    assert before == after
    if path == "/select-account":
        assert response.headers["location"].startswith("/oauth/authorize?authorization_request=")
        assert browser.open(response.headers["location"]).path == path, "the page is not shown again"
    else:
        assert response.status_code == 403
        assert "Please try again" in response.text


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("headers", ORIGINS.values(), ids=ORIGINS)
def test_forms_of_other_sites_are_refused(sqlite_service: Service, path: str, headers: dict[str, str]) -> None:
    """The form token is right; the wrong origin alone is enough to refuse."""
    browser = shown(sqlite_service, path)
    data = {**FILLED, **browser.fields(FORMS[path][0])[1]}
    del browser.client.headers["Origin"]
    unchanged(sqlite_service, path, browser, data=data, headers=headers)


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_forms_without_their_token_are_refused(sqlite_service: Service, path: str, token: str | None) -> None:
    """The origin is right; the missing or wrong token alone is enough to refuse."""
    browser = shown(sqlite_service, path)
    data = {**FILLED, **browser.fields(FORMS[path][0])[1]}
    del data["form_token"]
    unchanged(sqlite_service, path, browser, data=data | ({} if token is None else {"form_token": token}))


@pytest.mark.parametrize("headers", [{"Referer": f"{ISSUER}/signin"}, {"Sec-Fetch-Site": "same-origin"}], ids=str)
def test_a_browser_that_sends_no_origin_vouches_otherwise(sqlite_service: Service, headers: dict[str, str]) -> None:
    browser = shown(sqlite_service, "/signin")
    del browser.client.headers["Origin"]
    data = {**FILLED, **browser.fields("signin-form")[1], "email": "nobody@example.com"}
    response = browser.client.post("/signin", data=data, headers=headers)
    assert "The email address or the password is wrong." in response.text


def test_a_token_is_of_one_browser_and_one_session(sqlite_service: Service) -> None:
    first, second = shown(sqlite_service, "/signin"), Browser(sqlite_service).open("/signin")
    stolen = first.fields("signin-form")[1]["form_token"]
    assert (
        second.press("signin-form", "sign-in", email="a@b.example", password="x", form_token=stolen).last.status_code
        == 403
    )
    browser = shown(sqlite_service, "/consent")
    token = browser.fields("consent-form")[1]["form_token"]
    page = browser.last
    browser.open("/signout").press("signout-form", "sign-out").open("/signin")
    browser.open("/signup").sign_up("eve@example.com", "Eve")
    browser.last = page
    assert browser.press("consent-form", "allow", form_token=token).last.status_code == 403
    assert sqlite_service.rows("SELECT * FROM consents") == []
    assert "eve@example.com" in browser.page.text, "the page does not show who would consent now"


WRONG_CREDENTIALS = {
    "unknown address": {"email": "nobody@example.com", "password": PASSWORD},
    "wrong password": {"email": "ann@example.com", "password": "wrong-password"},
    "no address": {"email": "ann", "password": PASSWORD},
    "address empty": {"email": "", "password": PASSWORD},
    "address missing": {"email": None, "password": PASSWORD},
    "address too long": {"email": "a" * 300 + "@example.com", "password": PASSWORD},
    "password empty": {"email": "ann@example.com", "password": ""},
    "password missing": {"email": "ann@example.com", "password": None},
    "password too long": {"email": "ann@example.com", "password": "x" * 129},
}


@pytest.mark.parametrize("changes", WRONG_CREDENTIALS.values(), ids=WRONG_CREDENTIALS)
def test_wrong_credentials_are_told_in_one_way(sqlite_service: Service, changes: dict[str, str | None]) -> None:
    signed_in(sqlite_service)
    browser = Browser(sqlite_service).open("/signin").press("signin-form", "sign-in", **changes)
    assert browser.last.status_code == 403
    assert "The email address or the password is wrong." in browser.page.text
    page = browser.page
    assert page.elements["error"]["role"] == "alert"
    assert page.elements["email"].get("aria-describedby") == "error"
    assert "value" not in page.elements["password"], "the page contains the typed password"
    assert PASSWORD not in browser.last.text


def test_who_guesses_is_told_how_long_to_wait(service: Service) -> None:
    """The pages and the Better Auth protocol share one lockout: attempts at either count for both."""
    signed_in(service)
    service.clock.stop()
    other = service.client()
    for _ in range(3):
        other.post("/sign-in/email", json={"email": "ann@example.com", "password": "wrong-password"})
    browser = Browser(service).open("/signin")
    for _ in range(2):
        assert browser.sign_in(password="wrong-password").last.status_code == 403
    assert browser.sign_in().last.status_code == 429
    assert browser.last.headers["retry-after"] == "1"
    assert "Please wait 1 second and try again." in browser.page.text
    service.clock.advance(seconds=1)
    assert "signed-in" in browser.sign_in().page.elements


@pytest.mark.usefixtures("real_hashing")
def test_a_full_queue_is_told_in_words(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url, AUTH_HASHING_QUEUE_LIMIT="1", AUTH_HASHING_THREADS="1")
    browser = Browser(service).open("/signin")
    data = {**browser.fields("signin-form")[1], "email": "nobody@example.com", "password": "wrong-password"}
    responses = []
    callers = [
        threading.Thread(target=lambda: responses.append(browser.client.post("/signin", data=data))) for _ in range(8)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    busy = [response for response in responses if response.status_code == 429]
    assert busy
    assert all("Please" in response.text and response.headers["retry-after"] == "1" for response in busy)


def test_a_suspended_person_is_told_so_after_the_password(sqlite_service: Service) -> None:
    signed_in(sqlite_service)
    sqlite_service.execute("UPDATE accounts SET suspended_at = '2026-01-01 00:00:00'")
    browser = Browser(sqlite_service).open("/signin")
    assert "suspended" not in browser.sign_in(password="wrong-password").page.text
    assert "This account is suspended." in browser.sign_in().page.text
    assert browser.last.status_code == 403


SIGN_UPS: dict[str, tuple[str, dict[str, str | None]]] = {
    "name missing": ("name", {"name": None}),
    "name of spaces": ("name", {"name": "  "}),
    "name with a line break": ("name", {"name": "A\nB"}),
    "name too long": ("name", {"name": "x" * 257}),
    "address missing": ("email", {"email": None}),
    "address malformed": ("email", {"email": "ann@localhost"}),
    "address in other letters": ("email", {"email": "\u00e4nn@example.com"}),
    "address too long": ("email", {"email": "a" * 250 + "@example.com"}),
    "address taken": ("email", {"email": "ann@example.com", "password": "another-horse-1"}),
    "password missing": ("password", {"password": None}),
    "password too short": ("password", {"password": "short-1"}),
    "password too long": ("password", {"password": "x" * 129}),
    "password common": ("password", {"password": "password123"}),
}


@pytest.mark.parametrize(("field", "changes"), SIGN_UPS.values(), ids=SIGN_UPS)
def test_signup_says_which_field_is_wrong(sqlite_service: Service, field: str, changes: dict[str, str | None]) -> None:
    signed_in(sqlite_service)
    filled: dict[str, str | None] = {"name": "Eve", "email": "eve@example.com", "password": PASSWORD, **changes}
    browser = Browser(sqlite_service).open("/signup").press("signup-form", "sign-up", **filled)
    assert browser.last.status_code == 422
    invalid = [name for name, element in browser.page.elements.items() if "aria-invalid" in element]
    assert invalid == [field]
    assert browser.page.elements[field]["aria-describedby"].split()[0] == "error"
    assert "value" not in browser.page.elements["password"]
    assert len(sqlite_service.rows("SELECT * FROM accounts")) == 1
