"""auth-service's own pages in a real browser: without scripts, by keyboard, in two tabs, framed by another site."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from e2e_fixtures.accessibility import examined, serious
from e2e_fixtures.browser import framed, somebodys_browser
from e2e_fixtures.frontends import serving
from e2e_fixtures.providers import Account, Ours
from e2e_fixtures.stack import Stack

CHALLENGE = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"


@pytest.fixture(scope="module")
def ours(stack: Stack) -> Ours:
    return Ours(stack)


@pytest.fixture(scope="module")
def frontend(ours: Ours) -> Iterator[tuple[str, str]]:
    """The address of a page that receives authorization responses, and the id of its client."""
    registered: dict[str, Any] = {}
    method = "client_secret_basic"  # a public client on a loopback address would have to be allowed each time
    with serving(ours, "oauth4webapi", first_party=True, told=registered, token_endpoint_auth_method=method) as page:
        yield page, registered["client_id"]


@pytest.fixture
def account(ours: Ours) -> Account:
    return ours.sign_up()


def authorize(ours: Ours, frontend: tuple[str, str], **further: str) -> str:
    redirect_uri, client_id = frontend
    asked = {"client_id": client_id, "redirect_uri": redirect_uri, "response_type": "code", "scope": "openid"}
    pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    return f"{ours.issuer}/oauth/authorize?{urlencode({**asked, **pkce, **further})}"


def sign_in(page: Page, account: Account) -> None:
    page.fill("#email", account.email)
    page.fill("#password", account.password)
    page.click("#sign-in")


def answered(page: Page, frontend: tuple[str, str]) -> dict[str, list[str]]:
    """The parameters of the authorization response, once the browser is at the client's page."""
    page.wait_for_url(lambda url: url.startswith(frontend[0]), wait_until="commit")
    return parse_qs(urlsplit(page.url).query)


@pytest.fixture
def scriptless(chromium: Browser) -> Iterator[Page]:
    with somebodys_browser(chromium, java_script_enabled=False) as context:
        yield context.new_page()


def test_a_person_without_scripts_signs_in(
    ours: Ours, frontend: tuple[str, str], account: Account, scriptless: Page
) -> None:
    scriptless.goto(authorize(ours, frontend, state="one"))
    sign_in(scriptless, account)
    answer = answered(scriptless, frontend)
    assert (answer["state"], len(answer["code"][0]) > 20) == (["one"], True)


@pytest.mark.parametrize("scripts", [True, False])
def test_form_post_arrives(
    ours: Ours, frontend: tuple[str, str], account: Account, chromium: Browser, scripts: bool
) -> None:
    """A script that the page's policy allows submits the form; without scripts, a button does."""
    with somebodys_browser(chromium, java_script_enabled=scripts) as context:
        page = context.new_page()
        posted: list[Request] = []
        page.on("request", lambda request: posted.append(request) if request.url == frontend[0] else None)
        page.goto(authorize(ours, frontend, state="two", response_mode="form_post"))
        sign_in(page, account)
        if not scripts:
            page.click("#continue")
        page.wait_for_url(frontend[0], wait_until="commit")
    body = parse_qs(posted[0].post_data or "")
    assert (posted[0].method, body["state"], body["iss"]) == ("POST", ["two"], [ours.issuer])


def test_keyboard_is_enough(ours: Ours, frontend: tuple[str, str], account: Account, page: Page) -> None:
    """The first field has the focus, a password is shown by the next button, and Enter sends the form."""
    page.goto(authorize(ours, frontend))
    expect(page.locator("#email")).to_be_focused()
    page.keyboard.type(account.email)
    page.keyboard.press("Tab")
    page.keyboard.type(account.password)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Show password")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("#password")).to_have_attribute("type", "text")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert "code" in answered(page, frontend)


def test_mail_is_shown_on_the_development_inbox_and_its_link_confirms_the_address(
    stack: Stack, account: Account, page: Page
) -> None:
    page.goto(f"http://localhost:{stack.running['ports']['mails']}")
    page.locator("#mails a", has_text=account.email).click(timeout=30_000)  # the page loads it when it comes
    expect(page.locator("#to")).to_have_text(account.email)
    with page.context.expect_page() as opened:
        page.frame_locator("#html").get_by_role("link", name="Confirm the address").click()
    opened.value.fill("#password", account.password)  # this browser has not signed up
    opened.value.click("#verify")
    expect(opened.value.locator("#email-verified")).to_be_visible()


def test_two_tabs_do_no_harm(ours: Ours, frontend: tuple[str, str], account: Account, page: Page) -> None:
    """Both tabs show the sign-in page, and each gets the response to its own request, in whichever order."""
    other = page.context.new_page()
    page.goto(authorize(ours, frontend, state="first"))
    other.goto(authorize(ours, frontend, state="second"))
    sign_in(other, account)
    assert answered(other, frontend)["state"] == ["second"]
    sign_in(page, account)
    assert answered(page, frontend)["state"] == ["first"]


def test_back_button_does_no_harm(ours: Ours, frontend: tuple[str, str], account: Account, page: Page) -> None:
    """The client gets the same answer again, as it has not used the code. A new request asks for nothing again."""
    page.goto(authorize(ours, frontend, state="once"))
    sign_in(page, account)
    first = answered(page, frontend)
    page.wait_for_load_state()
    page.go_back()
    assert answered(page, frontend) == first
    page.goto(authorize(ours, frontend, state="again"))
    assert answered(page, frontend)["state"] == ["again"]


@pytest.mark.parametrize("path", ["/signin", "/signup", "/oauth/logout", "/oauth/authorize"])
def test_nobody_elses_page_can_frame_them(ours: Ours, frontend: tuple[str, str], page: Page, path: str) -> None:
    """Against clickjacking: Chromium shows its own error page in the frame instead."""
    page.goto(frontend[0])
    assert framed(page, f"{ours.issuer}{path}").startswith("chrome-error:")


def test_no_page_offends_its_own_policy(ours: Ours, frontend: tuple[str, str], chromium: Browser) -> None:
    """Content-Security-Policy blocks no style, script, image or form, and the console shows no other message."""
    with somebodys_browser(chromium) as context:
        told: list[str] = []
        context.on(
            "console", lambda message: told.append(message.text) if message.type in ("error", "warning") else None
        )
        page = context.new_page()
        for path in ("/signin", "/signup", "/oauth/logout"):
            page.goto(f"{ours.issuer}{path}")
        page.goto(authorize(ours, frontend, response_mode="form_post"))
        sign_in(page, ours.sign_up())
        page.wait_for_url(frontend[0], wait_until="commit")
        assert [line for line in told if "501" not in line] == []  # the frontend's server takes no POST


def judges_while_typing(page: Page) -> None:
    """The server's verdict on a new password stands in the place of the rules, and nothing on the page moves."""
    height = "document.querySelector('main').offsetHeight"
    before = page.evaluate(height)
    for password, verdict in (
        ("password1", "This password is among the most common ones. Please choose another one."),
        ("correct horse battery", "Long enough, and not a common password."),
        ("anne-bee-anne-bee", "Long enough, and not a common password."),
    ):
        page.fill("#password", password)
        expect(page.locator("#password-verdict")).to_have_text(verdict)
        assert page.evaluate(height) == before
        assert serious(page) == []
    page.fill("#name", "Anne Bee")  # the name is judged with it
    expect(page.locator("#password-verdict")).to_contain_text("little more than your name")
    assert page.evaluate(height) == before
    page.fill("#password", "short")
    expect(page.locator("#password-verdict")).to_be_empty()
    expect(page.locator("#password-hint")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_axe_finds_nothing_serious_on_any_page(
    ours: Ours, chromium: Browser, account: Account, scheme: Literal["light", "dark"], width: int
) -> None:
    """Sign-up with verdicts and errors, refused sign-in, consent, accounts, list of consents, sign-out, error page."""
    redirect_uri = "https://client.example/answer"
    client = ours.register(
        client_name="Somebody else's",
        redirect_uris=[redirect_uri],
        token_endpoint_auth_method="none",
        grant_types=["authorization_code"],
        scope="openid profile email todos:read",
    )
    asked = authorize(ours, (redirect_uri, client["client_id"]), scope="openid profile email todos:read")
    with examined(chromium, scheme, width) as page:
        page.goto(f"{ours.issuer}/signup")
        judges_while_typing(page)
        page.fill("#email", "nobody")
        page.evaluate("document.querySelector('form').noValidate = true")
        page.click("#sign-up")
        page.wait_for_selector("[role=alert]")
        assert serious(page) == []
        page.goto(asked)
        sign_in(page, replace(account, password="not the password"))
        page.wait_for_selector("[role=alert]")
        assert serious(page) == []
        sign_in(page, account)
        page.wait_for_selector("#allow")
        assert serious(page) == []
        page.goto(f"{asked}&prompt=select_account")
        page.wait_for_url("**/select-account?**")
        assert serious(page) == []
        for hint in ("login_hint=bob@example.com", "login_hint=bob@example.com&prompt=login"):
            page.goto(f"{asked}&{hint}")
            page.wait_for_selector("#use-another, #use-current")
            assert serious(page) == [], hint
        for path in ("/signin", "/consent", "/signout", "/oauth/authorize?client_id=nobody"):
            page.goto(ours.issuer + path)
            assert serious(page) == [], path
