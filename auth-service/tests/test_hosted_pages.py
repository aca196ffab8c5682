"""The pages for people: what they are made of, whose forms they believe, and how they say no."""

import re
import threading
from pathlib import Path

import pytest

from auth_service.pages import STYLESHEET_PATH

from .browser import Browser, signed_in
from .code_flow import register_frontend
from .conftest import ISSUER, PASSWORD, Service, Start

HEADERS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "content-type": "text/html; charset=utf-8",
}
FORMS = {
    "/signin": ("signin-form", "sign-in", {"email", "password", "remember"}),
    "/signup": ("signup-form", "sign-up", {"name", "email", "password", "remember"}),
    "/consent": ("consent-form", "allow", set()),
    "/select-account": ("select-account-form", "continue", set()),
    "/signout": ("signout-form", "sign-out", set()),
}


def shown(service: Service, path: str) -> Browser:
    """A page with its form, in a browser that has come to it by the usual way."""
    frontend = register_frontend(service, client_name="<b>Nightly</b> & report")
    if path in ("/signin", "/signup"):
        browser = Browser(service).authorize(frontend)
        return browser.open(path, **dict(browser.last.request.url.params))
    if path == "/signout":
        return signed_in(service).open(path)
    browser = signed_in(service)
    if path == "/select-account":
        browser.authorize(frontend).allow()
        return browser.authorize(frontend, prompt="select_account")
    return browser.authorize(frontend)


@pytest.mark.parametrize("path", FORMS)
def test_page_is_under_a_policy_that_lets_it_do_what_it_needs(sqlite_service: Service, path: str) -> None:
    """DESIGN section 5, RFC 9700 §4.16: not framed, not kept, no scripts, and forms go to us and to the client."""
    browser = shown(sqlite_service, path)
    assert {name: browser.last.headers[name] for name in HEADERS} == HEADERS
    policy = dict(part.strip().split(" ", 1) for part in browser.last.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "data:",
        "script-src": "'none'",
        "form-action": "'self'" + ("" if path == "/signout" else " https://app.example.com"),
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert "<script" not in browser.last.text
    assert "<b>" not in browser.last.text, "what clients are called is text"
    assert not re.search(r"\sstyle=|\son[a-z]+=", browser.last.text), "the policy would hold it"


@pytest.mark.parametrize("path", FORMS)
def test_every_field_and_button_has_an_id_and_every_field_a_label(sqlite_service: Service, path: str) -> None:
    page = shown(sqlite_service, path).page
    form, button, fields = FORMS[path]
    assert page.elements[form]["tag"] == "form"
    assert page.elements[button]["tag"] == "button"
    assert page.labels == fields <= page.elements.keys()
    assert page.html.count("<button") == page.html.count('<button type="submit" id=')
    assert page.html.count("<h1") == 1
    assert '<html lang="en">' in page.html


def test_the_readme_names_every_id(sqlite_service: Service) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`#([a-z-]+)`", readme))
    used: set[str] = set()
    for path in FORMS:
        sqlite_service.execute("DELETE FROM accounts")
        used |= shown(sqlite_service, path).page.elements.keys()
    assert used - {"main"} <= named


@pytest.mark.parametrize("address", ["http://127.0.0.1:5000", "http://[::1]:5000", "https://app.example.com"])
def test_form_action_names_where_the_form_ends(sqlite_service: Service, address: str) -> None:
    """Chromium holds redirects to it; its grammar has no IPv6 addresses, so there it is the scheme."""
    frontend = register_frontend(sqlite_service, redirect_uris=[f"{address}/cb"])
    policy = (
        Browser(sqlite_service)
        .authorize(frontend, redirect_uri=f"{address}/cb")
        .last.headers["content-security-policy"]
    )
    expected = "http:" if "[" in address else address
    assert f"form-action 'self' {expected};" in policy


def test_the_stylesheet_may_be_kept_for_ever(sqlite_service: Service) -> None:
    browser = Browser(sqlite_service).open("/signin")
    assert f'<link rel="stylesheet" href="{STYLESHEET_PATH}">' in browser.last.text
    style = browser.client.get(STYLESHEET_PATH)
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert style.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in style.text
    assert browser.client.get("/pages/style-0000.css").status_code == 404


def test_signin_and_signup_of_themselves_end_on_who_is_signed_in(service: Service) -> None:
    browser = Browser(service).open("/signin")
    browser.open(browser.page.elements["signup-link"]["href"]).sign_up()
    assert (browser.path, browser.page.elements["account-email"]["tag"]) == ("/signin", "span")
    browser.press("signout-form", "sign-out")
    assert "signed-out" in browser.page.elements
    assert service.rows("SELECT * FROM browser_sessions") == []
    browser.open("/signin").sign_in()
    assert "signed-in" in browser.page.elements
    assert browser.client.get("/api/auth/get-session").json()["user"]["email"] == "ann@example.com"


WITH_303 = [path for path in FORMS if path != "/signout"]  # which ends on a page that can be reloaded


@pytest.mark.parametrize("path", WITH_303)
def test_a_form_that_did_its_work_is_answered_with_303(sqlite_service: Service, path: str) -> None:
    """RFC 9700 §4.12: a 307 would have the browser send the password on, to wherever it leads."""
    browser = shown(sqlite_service, path)
    if path == "/signin":
        signed_in(sqlite_service)
    form, button, _ = FORMS[path]
    action, fields = browser.fields(form)
    pressed = browser.page.elements[button]
    decided = {pressed["name"]: pressed["value"]} if "name" in pressed else {}
    typed = {
        "email": "eve@example.com" if path == "/signup" else "ann@example.com",
        "name": "Ann",
        "password": PASSWORD,
    }
    response = browser.client.post(action, data={**fields, **typed, **decided})
    assert response.status_code == 303
    assert response.headers["cache-control"] == "no-store"


def test_session_cookies_are_those_of_the_protocol(service: Service) -> None:
    Browser(service).open("/signup").sign_up()
    browser = Browser(service).open("/signin")
    response = browser.client.post(
        "/signin", data={**browser.fields("signin-form")[1], "email": "ann@example.com", "password": PASSWORD}
    )
    assert (response.status_code, response.headers["location"]) == (303, "/signin")
    cookies = response.headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("better-auth.session_token="))
    assert "; Path=/; HttpOnly; SameSite=Lax" in session
    assert any(cookie.startswith("better-auth.known_device=") for cookie in cookies)
    assert "set-auth-token" not in response.headers, "what is for clients without cookies is not for pages"


def test_who_is_not_to_be_remembered_gets_a_session_cookie(sqlite_service: Service) -> None:
    Browser(sqlite_service).open("/signup").sign_up()
    browser = Browser(sqlite_service).open("/signin")
    data = {**browser.fields("signin-form")[1], "email": "ann@example.com", "password": PASSWORD}
    del data["remember"]
    cookies = browser.client.post("/signin", data=data).headers.get_list("set-cookie")
    assert all("Max-Age" not in cookie for cookie in cookies if "session_token" in cookie)


def test_over_https_the_cookie_is_the_hosts_own(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url, AUTH_ISSUER="https://id.example.com")
    cookies = Browser(service).open("/signin").last.headers.get_list("set-cookie")
    assert len(cookies) == 1
    assert cookies[0].startswith("__Host-browser=")
    assert cookies[0].endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")


ORIGINS: dict[str, dict[str, str]] = {
    "hostile": {"Origin": "https://evil.example"},
    "a trusted frontend's": {"Origin": "https://app.example.com"},
    "a neighbour's": {"Origin": "http://localhost:8081"},
    "ours, without TLS or with": {"Origin": "https://localhost:8080"},
    "ours with more": {"Origin": f"{ISSUER}.evil.example"},
    "null": {"Origin": "null"},
    "missing": {},
    "empty": {"Origin": ""},
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
    """A form that is not believed changes nothing, and leaves a page that can be tried again."""
    before = [service.rows(f"SELECT count(*) FROM {table}") for table in ("accounts", "browser_sessions", "consents")]
    response = browser.client.post(path, **sent)  # type: ignore[arg-type]  # data, headers
    after = [service.rows(f"SELECT count(*) FROM {table}") for table in ("accounts", "browser_sessions", "consents")]
    assert before == after
    if path == "/select-account":
        assert response.headers["location"].startswith("/oauth/authorize?authorization_request=")
        assert browser.open(response.headers["location"]).path == path, "it asks again"
    else:
        assert response.status_code == 403
        assert "Please try again" in response.text


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("headers", ORIGINS.values(), ids=ORIGINS)
def test_forms_of_other_sites_are_refused(sqlite_service: Service, path: str, headers: dict[str, str]) -> None:
    """The token is right: that the origin is not is enough."""
    browser = shown(sqlite_service, path)
    data = {**FILLED, **browser.fields(FORMS[path][0])[1]}
    del browser.client.headers["Origin"]
    unchanged(sqlite_service, path, browser, data=data, headers=headers)


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_forms_without_their_token_are_refused(sqlite_service: Service, path: str, token: str | None) -> None:
    """The origin is right: a page of ours that somebody fools is not enough either."""
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
    assert "The e-mail address or the password is wrong." in response.text


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
    assert "eve@example.com" in browser.page.text, "the page says who would agree now"


def test_two_cookies_that_differ_prove_nothing(sqlite_service: Service) -> None:
    """A neighbour on the domain may have added one."""
    browser = shown(sqlite_service, "/signin")
    data = {**FILLED, **browser.fields("signin-form")[1]}
    cookie = f"browser={browser.client.cookies['browser']}; browser={'x' * 43}"
    browser.client.cookies.clear()
    assert browser.client.post("/signin", data=data, headers={"Cookie": cookie}).status_code == 403


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
    assert "The e-mail address or the password is wrong." in browser.page.text
    page = browser.page
    assert page.elements["error"]["role"] == "alert"
    assert page.elements["email"].get("aria-describedby") == "error"
    assert "value" not in page.elements["password"], "a password is never sent back"
    assert PASSWORD not in browser.last.text


def test_who_guesses_is_told_how_long_to_wait(service: Service) -> None:
    """The lockout is the one of the Better Auth protocol: what is counted there counts here."""
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
    "address taken": ("email", {"email": "ann@example.com"}),
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
    assert browser.page.elements[field]["aria-describedby"] == "error"
    assert "value" not in browser.page.elements["password"]
    assert len(sqlite_service.rows("SELECT * FROM accounts")) == 1


def test_signing_up_belongs_to_its_request(service: Service) -> None:
    frontend = register_frontend(service, first_party=True)
    browser = Browser(service).authorize(frontend)
    browser.open(browser.page.elements["signup-link"]["href"])
    browser.open(browser.page.elements["signin-link"]["href"])
    browser.open(browser.page.elements["signup-link"]["href"])
    assert "code" in browser.press("signup-form", "sign-up", name="A", email="a@b.example", password=PASSWORD).answer


@pytest.mark.parametrize(
    "name", ["return_to", "redirect_uri", "next", "callbackURL", "post_logout_redirect_uri", "url"]
)
@pytest.mark.parametrize("path", ["/signin", "/signup", "/signout"])
def test_pages_lead_nowhere_that_a_request_names(sqlite_service: Service, path: str, name: str) -> None:
    """Open redirects: no page has a parameter for where to go."""
    browser = signed_in(sqlite_service) if path == "/signout" else Browser(sqlite_service)
    form, button, _ = FORMS[path]
    browser.open(path, **{name: "https://evil.example/"})
    assert "evil" not in browser.last.text
    fields = {"name": "Ann", "email": "new@example.com", "password": PASSWORD} if path != "/signout" else {}
    if path == "/signin":
        signed_in(sqlite_service, "new@example.com")
    browser.press(form, button, **fields, **{name: "https://evil.example/"})
    assert browser.last.status_code == 200, "it ended on a page of ours"


def test_consent_says_who_asks_for_what_and_where_it_leads(sqlite_service: Service) -> None:
    frontend = register_frontend(sqlite_service, client_name="Nightly report")
    browser = signed_in(sqlite_service).authorize(
        frontend, scope="openid todos:write", claims='{"userinfo":{"email":null}}'
    )
    page = browser.page
    assert {"client-name", "redirect-host", "scopes", "allow", "deny", "use-another"} <= page.elements.keys()
    for words in ("Nightly report", "app.example.com", "ann@example.com", "delete your todos", "your e-mail address"):
        assert words in page.text, words
    assert "Read your todos" not in page.text
    assert "loopback-warning" not in page.elements


def test_consent_offers_another_account(sqlite_service: Service) -> None:
    frontend = register_frontend(sqlite_service)
    signed_in(sqlite_service, "eve@example.com")
    browser = signed_in(sqlite_service, "ann@example.com").authorize(frontend)
    browser.open(browser.page.elements["use-another"]["href"]).sign_in("eve@example.com")
    assert "eve@example.com" in browser.page.text


def test_each_request_waits_by_itself_under_a_handle_that_is_not_stored(sqlite_service: Service) -> None:
    frontend = register_frontend(sqlite_service)
    browser = Browser(sqlite_service)
    shown = [browser.authorize(frontend).last.request.url for _ in range(2)]
    handles = {url.params["authorization_request"] for url in shown}
    assert len(handles) == 2
    assert len(sqlite_service.rows("SELECT DISTINCT browser_hash FROM authorization_requests")) == 1
    stored = str(sqlite_service.rows("SELECT * FROM authorization_requests"))
    assert not any(handle in stored for handle in handles), "a handle is stored as its hash"
