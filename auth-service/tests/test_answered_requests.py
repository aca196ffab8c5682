"""Forms that are sent twice, gone back to or left open: the first answer stands, and nobody is left without a way on.

The answer is given again to the same browser and session only, while its code can still be redeemed.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from .browser import Browser, signed_in
from .code_flow import Frontend, register_frontend
from .conftest import ISSUER, PASSWORD, SECRET, Service, Start
from .page_forms import FORMS, shown


def again(browser: Browser, page: httpx2.Response, button: str = "allow") -> Browser:
    """Go back to the page, and press a button of its form."""
    browser.last = page
    return browser.press("consent-form", button)


def at_consent(service: Service, **changes: Any) -> tuple[Frontend, Browser, httpx2.Response]:
    """A client, the browser of a person, and the page that asks for their consent."""
    frontend = register_frontend(service, client_name="Nightly report")
    browser = signed_in(service).authorize(frontend, **changes)
    return frontend, browser, browser.last


def told_so(browser: Browser) -> bool:
    """Whether the page says that the request was answered, and links to the client's own pages."""
    page = browser.page
    return (browser.last.status_code, page.elements.get("client-link", {}).get("href")) == (
        400,
        "https://app.example.com/",
    ) and "answered this already" in page.text


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_a_yes_that_is_sent_again_gets_the_same_code(service: Service, mode: str) -> None:
    """The redirect to the client may have been lost: the second click of a double click cancels it."""
    frontend, browser, page = at_consent(service, response_mode=mode)
    first = browser.allow().answer
    assert again(browser, page).answer == first
    assert browser.open(str(page.request.url)).answer == first, "going back to the page's address"
    assert frontend.redeem(first["code"]).status_code == 200
    assert len(service.rows("SELECT * FROM authorization_codes")) == 1


@pytest.mark.parametrize("button", ["allow", "deny"])
def test_a_redeemed_code_is_never_given_again(service: Service, button: str) -> None:
    frontend, browser, page = at_consent(service)
    code = browser.allow().answer["code"]
    assert frontend.redeem(code).status_code == 200
    assert told_so(again(browser, page, button))
    assert code not in browser.last.text
    assert len(service.rows("SELECT * FROM grants WHERE ended_at IS NULL")) == 1, "asking again ended the grant"


def test_a_code_lasts_a_minute_from_its_first_issue(service: Service) -> None:
    frontend, browser, page = at_consent(service)
    service.clock.stop()
    code = browser.allow().answer["code"]
    service.clock.advance(seconds=59)
    assert again(browser, page).answer["code"] == code
    service.clock.advance(seconds=1)
    assert told_so(again(browser, page))
    assert frontend.redeem(code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("button", ["allow", "deny"])
def test_a_no_stands_too(service: Service, button: str) -> None:
    _, browser, page = at_consent(service)
    service.clock.stop()
    denied = browser.press("consent-form", "deny").answer
    assert (denied["error"], denied["state"]) == ("access_denied", "af0ifjsldkj")
    assert again(browser, page, button).answer == denied
    assert service.rows("SELECT * FROM consents") == []
    service.clock.advance(seconds=60)
    assert told_so(again(browser, page, button))
    assert service.rows("SELECT * FROM consents") == []


def test_a_no_after_a_yes_changes_nothing(service: Service) -> None:
    _, browser, page = at_consent(service)
    first = browser.allow().answer
    assert again(browser, page, "deny").answer == first
    assert service.rows("SELECT * FROM consents") != []


def test_a_yes_that_was_withdrawn_before_its_code_does_not_stand(service: Service) -> None:
    frontend, browser, page = at_consent(service)
    fields = {**browser.fields("consent-form")[1], "decision": "allow"}
    assert browser.client.post("/consent", data=fields).status_code == 303  # whose redirect is not followed
    browser.open("/consent").press(f"withdraw-form-{frontend.client_id}", f"withdraw-{frontend.client_id}")
    assert browser.open("/oauth/authorize", **dict(page.request.url.params)).path == "/consent"
    assert browser.press("consent-form", "deny").answer["error"] == "access_denied"


def test_the_answer_is_not_another_browsers(service: Service) -> None:
    """The victim's session in another browser, with the handle: neither form nor address gives the code."""
    frontend, browser, page = at_consent(service)
    code = browser.allow().answer["code"]
    other = Browser(service).open("/signin")
    other.client.cookies.set("better-auth.session_token", browser.client.cookies["better-auth.session_token"])
    for path in ("/oauth/authorize", "/consent", "/signin"):
        other.open(path, **dict(page.request.url.params))
        assert (other.last.status_code, "expired" in other.page.text) == (400, True), path
        assert code not in other.last.text
    assert frontend.redeem(code).status_code == 200


def test_the_answer_is_not_another_sessions(service: Service) -> None:
    """Another person in the same browser, or the same person after signing in anew."""
    _, browser, page = at_consent(service)
    browser.allow()
    browser.open("/signout").press("signout-form", "sign-out")
    assert told_so(browser.open(str(page.request.url))), "nobody is signed in"
    browser.open("/signin").sign_in()
    assert told_so(browser.open(str(page.request.url))), "a new session"
    browser.open("/signout").press("signout-form", "sign-out")
    browser.open("/signup").sign_up("eve@example.com")
    assert told_so(browser.open(str(page.request.url))), "another person"


ENDS = {
    "consent withdrawn": "/consent",
    "signed out": "/signout",
}


@pytest.mark.parametrize("path", ENDS.values(), ids=ENDS)
def test_the_code_of_an_ended_grant_is_not_given_again(service: Service, path: str) -> None:
    frontend, browser, page = at_consent(service)
    browser.allow()
    button = "sign-out" if path == "/signout" else f"withdraw-{frontend.client_id}"
    browser.open(path)
    browser.press(next(form for form in browser.page.forms), button)
    assert told_so(browser.open(str(page.request.url)))


def test_the_code_is_given_again_under_an_older_secret(start: Start, sqlite_url: str) -> None:
    before = start(sqlite_url)
    _, browser, page = at_consent(before)
    code = browser.allow().answer["code"]
    after = start(sqlite_url, AUTH_SECRET=f"2:bmV3ZXItc2VjcmV0-4kq8Zt2vXw7LrMJ9,{SECRET}")
    later = Browser(after)
    later.client.cookies = browser.client.cookies
    assert later.open("/oauth/authorize", **dict(page.request.url.params)).answer["code"] == code


def test_a_code_cannot_be_computed_from_its_handle(sqlite_service: Service) -> None:
    """The key of codes is its own: no other value that a browser sees is made with it."""
    _, browser, page = at_consent(sqlite_service)
    token = browser.fields("consent-form")[1]["form_token"]
    code = browser.allow().answer["code"]
    handle = page.request.url.params["authorization_request"]
    assert len({code, handle, token}) == 3
    assert sqlite_service.rows(f"SELECT * FROM authorization_codes WHERE code_hash = '{code}'") == []


def at_once(browser: Browser, page: httpx2.Response, *decisions: str) -> list[httpx2.Response]:
    """Press the form's buttons at the same time, as many callers as decisions, and follow each to its end."""
    fields = page_fields(browser, page)
    ready = Barrier(len(decisions))

    def press(decision: str) -> httpx2.Response:
        with httpx2.Client(base_url=browser.client.base_url, headers=browser.headers, timeout=60) as client:
            client.cookies = browser.client.cookies
            ready.wait(60)
            response = client.post("/consent", data={**fields, "decision": decision})
            while response.status_code == 303 and response.headers["location"].startswith("/"):
                response = client.get(response.headers["location"])
            return response

    with ThreadPoolExecutor(len(decisions)) as callers:
        return list(callers.map(press, decisions))


def page_fields(browser: Browser, page: httpx2.Response) -> dict[str, str]:
    browser.last = page
    return browser.fields("consent-form")[1]


def answer_of(response: httpx2.Response) -> dict[str, str]:
    assert response.status_code == 303, response.text
    return {name: value[0] for name, value in parse_qs(urlsplit(response.headers["location"]).query).items()}


def test_two_forms_at_once_get_one_code(service: Service) -> None:
    frontend, browser, page = at_consent(service)
    answers = [answer_of(response) for response in at_once(browser, page, *["allow"] * 4)]
    assert answers == [answers[0]] * 4
    assert frontend.redeem(answers[0]["code"]).status_code == 200
    assert len(service.rows("SELECT * FROM authorization_codes")) == 1


def test_a_yes_and_a_no_at_once_get_one_answer(service: Service) -> None:
    """Whichever is first stands, and a consent is remembered only with a yes."""
    for round_ in range(5):
        service.empty()
        frontend = register_frontend(service)
        browser = signed_in(service).authorize(frontend)
        answers = [answer_of(each) for each in at_once(browser, browser.last, "allow", "deny", "allow", "deny")]
        assert answers == [answers[0]] * 4, round_
        is_yes = "code" in answers[0]
        assert (service.rows("SELECT * FROM consents") != []) == is_yes
        assert len(service.rows("SELECT * FROM authorization_codes")) == (1 if is_yes else 0)


FILLED = {"name": "Ann", "email": "ann@example.com", "password": PASSWORD, "remember": "yes"}


@pytest.mark.parametrize("first_party", [True, False], ids=["own", "asking"])
@pytest.mark.parametrize("path", ["/signin", "/signup"])
def test_a_sign_in_or_sign_up_that_is_sent_again_goes_on(service: Service, path: str, first_party: bool) -> None:
    """Also if the first response was lost, with its cookie, or if it has led on to the client."""
    frontend = register_frontend(service, first_party=first_party)
    if path == "/signin":
        signed_in(service)
    browser = Browser(service).authorize(frontend)
    browser.open(path, **dict(browser.last.request.url.params))
    form, _, _ = FORMS[path]
    fields = {**browser.fields(form)[1], **FILLED}
    lost = httpx2.post(f"{service.url}{path}", data=fields, headers={**browser.headers, **cookies_of(browser)})
    assert lost.status_code == 303
    for _ in range(2):
        browser.post(path, **fields)
        if first_party:
            assert browser.answer.keys() == {"code", "state", "iss"}
        else:
            assert browser.path == "/consent"
    assert len(service.rows("SELECT * FROM accounts")) == 1
    assert len(service.rows("SELECT * FROM authorization_codes")) == (1 if first_party else 0)


def cookies_of(browser: Browser) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.client.cookies.items())}


def test_a_sign_up_with_an_accounts_password_is_a_guess_like_any_other(service: Service) -> None:
    """It uses the budget of sign-ins, and a wrong password learns only that the address is taken."""
    signed_in(service)
    service.clock.stop()
    for _ in range(5):
        browser = Browser(service).open("/signup")
        browser.press("signup-form", "sign-up", name="Eve", email="ann@example.com", password="wrong-password")
        assert (browser.last.status_code, "Sign in instead" in browser.page.text) == (422, True)
    browser = Browser(service).open("/signup").press("signup-form", "sign-up", **FILLED)
    assert browser.last.status_code == 422, "the budget of guesses did not count"
    assert Browser(service).open("/signin").sign_in().last.status_code == 429


@pytest.mark.parametrize("path", FORMS)
def test_a_form_that_was_open_for_two_hours_works(service: Service, path: str) -> None:
    browser = shown(service, path)
    if path == "/signin":
        signed_in(service)
    service.clock.advance(hours=2)
    form, button, fields = FORMS[path]
    typed = {name: FILLED[name] for name in fields}
    browser.press(form, button, **typed)
    assert browser.last.status_code in (200, 303), browser.last.text
    reached = {"/signout": "signed-out", "/select-account": "", "/consent": ""}.get(path, "allow")
    assert reached in browser.page.elements if reached else "code" in browser.answer


@pytest.mark.parametrize("path", FORMS)
def test_a_refused_form_keeps_its_request_in_the_address(sqlite_service: Service, path: str) -> None:
    """Otherwise Enter in the address bar, or a restored tab, loses the client."""
    browser = shown(sqlite_service, path)
    query = dict(browser.last.request.url.params)
    form, button, _ = FORMS[path]
    browser.press(form, button, form_token="x", email="a@b.example", password="x")
    assert dict(browser.last.request.url.params) == query
    browser.open(str(browser.last.request.url))
    assert form in browser.page.forms


def test_a_sign_out_that_is_sent_again_ends_where_the_first_one_did(service: Service) -> None:
    bye = "https://app.example.com/bye"
    frontend = register_frontend(service, post_logout_redirect_uris=[bye])
    browser = signed_in(service)
    hint = frontend.redeem(browser.authorize(frontend).allow().answer["code"]).json()["id_token"]
    browser.open("/oauth/logout", id_token_hint=hint, post_logout_redirect_uri=bye, state="x")
    page = browser.last
    for _ in range(2):
        browser.last = page
        assert browser.press("signout-form", "sign-out").last.headers["location"] == f"{bye}?state=x"
    assert browser.open(str(page.request.url)).last.headers["location"] == f"{bye}?state=x"


ERRORS = [
    "/oauth/authorize",
    "/oauth/authorize?client_id=%ff",
    "/oauth/logout?a=%ff",
    "/signin?authorization_request=x",
    "/signout?logout_request=x",
]


@pytest.mark.parametrize("address", ERRORS)
def test_every_error_page_has_a_way_on(sqlite_service: Service, address: str) -> None:
    browser = signed_in(sqlite_service)
    response = browser.client.get(address)
    browser.last = response
    assert response.status_code == 400
    assert "signed-in" in browser.open(browser.page.elements["signin-link"]["href"]).page.elements


@pytest.mark.parametrize("uri", ["http://127.0.0.1/cb", "http://localhost/cb"])
def test_a_program_that_has_drawn_its_port_has_no_page_to_go_to(sqlite_service: Service, uri: str) -> None:
    frontend = register_frontend(sqlite_service, redirect_uris=[uri])
    drawn = uri.replace("/cb", ":51004/cb")
    browser = signed_in(sqlite_service).authorize(frontend, redirect_uri=drawn)
    page = browser.last
    assert frontend.redeem(browser.allow().answer["code"], redirect_uri=drawn).status_code == 200
    assert again(browser, page).last.status_code == 400
    assert {"client-link", "signin-link"} & browser.page.elements.keys() == {"signin-link"}
    assert ISSUER not in browser.last.text
