"""The hosted pages: their content, their headers and cookies, and the links and redirects on them."""

import re
from pathlib import Path

import pytest

from auth_service.http.pages import FIELDS_SCRIPT_PATH, SCRIPT_PATH, STYLESHEET_PATH

from .browser import Browser, signed_in
from .code_flow import register_frontend
from .conftest import ISSUER, PASSWORD, Service, Start
from .oauth_client import PNG
from .page_forms import FORMS, shown

HEADERS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "content-type": "text/html; charset=utf-8",
}
SHOW = f"{ISSUER}{FIELDS_SCRIPT_PATH}"
SCRIPTS = {
    "/signin": {"script-src": f"{ISSUER}{SCRIPT_PATH} {SHOW}", "connect-src": f"{ISSUER}/api/auth/passkey/"},
    "/signup": {"script-src": SHOW, "connect-src": f"{ISSUER}/api/auth/password-verdict"},
}


@pytest.mark.parametrize("path", FORMS)
def test_page_is_under_a_policy_that_lets_it_do_what_it_needs(sqlite_service: Service, path: str) -> None:
    """RFC 9700 §4.16 (rule S11 of RULES.md): no frames, no cache; a script where a passkey or a password is.

    `form-action` is there only where no form can end at a client.
    """
    browser = shown(sqlite_service, path)
    assert {name: browser.last.headers[name] for name in HEADERS} == HEADERS
    policy = dict(part.strip().split(" ", 1) for part in browser.last.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        **({"form-action": "'self'"} if path == "/signout" else {}),
        **SCRIPTS.get(path, {"script-src": "'none'"}),
    }
    assert browser.last.text.count("<script") == {"/signin": 2, "/signup": 1}.get(path, 0)
    assert "<b>" not in browser.last.text, "a client's name was not escaped"
    assert not re.search(r"\sstyle=|\son[a-z]+=", browser.last.text), "the policy would block it"


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


def test_the_document_names_every_id(sqlite_service: Service) -> None:
    document = (Path(__file__).parents[1] / "PAGES.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`#([a-z-]+)`", document))
    used: set[str] = set()
    for path in FORMS:
        sqlite_service.execute("DELETE FROM accounts")
        used |= shown(sqlite_service, path).page.elements.keys()
    assert used - {"main"} <= named


@pytest.mark.parametrize("path", ["/signin", "/signup", "/signout", "/consent", "/oauth/authorize"])
def test_forms_of_a_page_without_a_client_go_only_to_us(sqlite_service: Service, path: str) -> None:
    browser = signed_in(sqlite_service) if path == "/consent" else Browser(sqlite_service)
    assert "; form-action 'self'; " in browser.open(path).last.headers["content-security-policy"]


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


WITH_303 = [path for path in FORMS if path != "/signout"]  # /signout ends on a page that can be reloaded


@pytest.mark.parametrize("path", WITH_303)
def test_a_form_that_did_its_work_is_answered_with_303(sqlite_service: Service, path: str) -> None:
    """RFC 9700 §4.12: after a 307 the browser would send the password on to the next address."""
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
    assert "set-auth-token" not in response.headers, "pages use cookies; this header is for clients without them"


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
    """Open redirects: no page takes the address of the next page from a parameter."""
    browser = signed_in(sqlite_service) if path == "/signout" else Browser(sqlite_service)
    form, button, _ = FORMS[path]
    browser.open(path, **{name: "https://evil.example/"})
    assert "evil" not in browser.last.text
    fields = {"name": "Ann", "email": "new@example.com", "password": PASSWORD} if path != "/signout" else {}
    if path == "/signin":
        signed_in(sqlite_service, "new@example.com")
    browser.press(form, button, **fields, **{name: "https://evil.example/"})
    assert browser.last.status_code == 200, "the browser left our pages"


def test_consent_says_who_asks_for_what_and_where_it_leads(sqlite_service: Service) -> None:
    frontend = register_frontend(sqlite_service, client_name="Nightly report")
    browser = signed_in(sqlite_service).authorize(
        frontend, scope="openid todos:write", claims='{"userinfo":{"email":null}}'
    )
    page = browser.page
    assert {"client-name", "redirect-host", "scopes", "allow", "deny", "use-another"} <= page.elements.keys()
    for words in ("Nightly report", "app.example.com", "ann@example.com", "delete your todos", "your email address"):
        assert words in page.text, words
    assert "Read your todos" not in page.text
    assert "loopback-warning" not in page.elements


def test_consent_links_to_the_clients_terms_and_loads_nothing_from_elsewhere(sqlite_service: Service) -> None:
    """RFC 7591 §2. A logo is a picture inside the page; an address of one would tell its server who looks."""
    links = {
        "client-link": "https://a.example/?x=1&y=2",
        "policy-link": "https://b.example/p",
        "tos-link": "https://c.example/",
    }
    members = dict(zip(("client_uri", "policy_uri", "tos_uri"), links.values(), strict=True))
    browser, logo = signed_in(sqlite_service), f"data:image/png;base64,{PNG}"
    page = browser.authorize(register_frontend(sqlite_service, logo_uri=logo, **members)).page
    assert {name: page.elements[name]["href"] for name in links} == links
    assert {page.elements[name]["rel"] for name in links} == {"noopener noreferrer nofollow"}
    assert page.elements["client-logo"]["src"] == logo
    assert "a.example Privacy policy Terms of service" in page.text
    page = browser.authorize(register_frontend(sqlite_service, logo_uri="https://a.example/logo.png")).page
    assert not {"client-logo", "client-links"} & page.elements.keys()
    assert "a.example" not in page.html


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
    assert not any(handle in stored for handle in handles), "a handle was stored in plain text"
