"""A person's account in the todo web application, in Chromium; nobody sees another person's data."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from e2e_fixtures.authenticator import Device
from e2e_fixtures.browser import framed
from e2e_fixtures.people import PASSWORD, Person, credentials, sign_up
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until
from e2e_fixtures.web_application import add, done, fill_in, finish, kept_on_device, new_todo, sign_in, unfold

pytestmark = pytest.mark.usefixtures("application")

TOKEN, SESSION, TODOS = "/api/auth/token", "/api/auth/get-session", "/api/v1/todos"
TELL_OF_A_FORM = """() => new MutationObserver(() => document.querySelector('[name=email]') && console.info('a form'))
    .observe(document, {childList: true, subtree: true})"""


def without_cookies(route: Route) -> None:
    answer = route.fetch()
    headers = {name: value for name, value in answer.headers.items() if name != "set-cookie"}
    # The fetch itself has kept the answer's cookies. They go before the page has the answer and asks for its session.
    route.request.frame.page.context.clear_cookies()
    route.fulfill(response=answer, headers=headers)


class TestAccount:
    def test_somebody_who_has_never_seen_it_signs_up_and_finishes_a_first_todo(self, page: Page, stack: Stack) -> None:
        page.goto(stack.url)
        page.get_by_role("link", name="Create an account").click()
        page.get_by_label("Name").fill("Ann")
        page.get_by_label("Email").fill(credentials()["email"])
        page.get_by_label("Password", exact=True).fill("four walking wombats")
        page.keyboard.press("Enter")
        expect(new_todo(page)).to_be_focused()
        page.keyboard.type("Buy milk")
        page.keyboard.press("Enter")
        finish(page, "Buy milk")
        page.reload()
        unfold(page)
        expect(done(page, "Buy milk")).to_be_checked()

    def test_what_needs_mail_is_not_offered_where_none_is_sent(self, page: Page, stack: Stack) -> None:
        """As at the hosted page. The stack sends mail, so the answer is another one here."""
        by_mail, forgot = (page.get_by_role("link", name=name) for name in ("Sign in by mail", "Forgot password?"))
        page.goto(f"{stack.url}/sign-in")
        expect(by_mail).to_be_visible()
        expect(forgot).to_be_visible()
        page.route("**/api/auth/capabilities", lambda route: route.fulfill(json={"mail": False}))
        page.reload()
        expect(by_mail).to_have_count(0)
        expect(forgot).to_have_count(0)

    def test_errors_stand_beside_their_fields(self, page: Page, stack: Stack, person: Person) -> None:
        page.goto(f"{stack.url}/sign-up")
        submit = page.get_by_role("button", name="Create account")
        submit.click()
        expect(page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
        page.get_by_label("Name").fill("Ann")
        page.get_by_label("Email").fill(person.email)
        page.get_by_label("Password", exact=True).fill("password1")
        submit.click()
        password = page.get_by_label("Password", exact=True)
        expect(password).to_have_accessible_description(re.compile("among the most common ones"))
        expect(password).to_be_focused()
        password.fill("four walking wombats")
        submit.click()
        expect(page.get_by_label("Email")).to_have_accessible_description(re.compile("account with this address"))

    def test_password_managers_know_what_is_what(self, page: Page, stack: Stack) -> None:
        page.goto(f"{stack.url}/sign-up")
        expect(page.get_by_label("Email")).to_have_attribute("autocomplete", "username")
        expect(page.get_by_label("Password", exact=True)).to_have_attribute("autocomplete", "new-password")
        page.goto(f"{stack.url}/sign-in")
        expect(page.get_by_label("Password", exact=True)).to_have_attribute("autocomplete", "current-password")
        page.get_by_role("button", name="Show password").click()
        expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")

    def test_wrong_password_says_nothing_about_the_account(self, page: Page, stack: Stack, person: Person) -> None:
        page.goto(stack.url)
        for email in (person.email, credentials()["email"]):
            fill_in(page, email, "not the password")
            described = re.compile("The email address or the password is wrong")
            expect(page.get_by_label("Password", exact=True)).to_have_accessible_description(described)

    @pytest.mark.parametrize("path", ["/sign-in", "/sign-up"])
    def test_a_browser_that_keeps_no_cookie_is_told(self, page: Page, stack: Stack, person: Person, path: str) -> None:
        """The sign-in succeeds, and the browser drops its cookie: without a word, the form would just stay there."""
        page.route("**/api/auth/sign-*/email", without_cookies)
        page.goto(f"{stack.url}{path}")
        if path == "/sign-up":
            page.get_by_label("Name").fill("Ann")
        page.get_by_label("Email").fill(credentials()["email"] if path == "/sign-up" else person.email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Your browser did not keep the sign-in")

    def test_sign_in_leads_back_to_where_somebody_was(self, page: Page, stack: Stack, person: Person) -> None:
        sign_in(page, stack, person.email, path="/settings")
        expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()

    @pytest.mark.parametrize(
        "target", ["https://evil.example.com/", "//evil.example.com", "/\\evil.example.com", "javascript:alert(1)"]
    )
    def test_sign_in_leads_nowhere_else(self, page: Page, stack: Stack, person: Person, target: str) -> None:
        page.goto(f"{stack.url}/sign-in?returnTo={target}")
        fill_in(page, person.email)
        expect(new_todo(page)).to_be_visible()
        expect(page).to_have_url(f"{stack.url}/")

    def test_name_and_password_are_changed(self, page: Page, stack: Stack, person: Person) -> None:
        sign_in(page, stack, person.email, path="/settings")
        page.get_by_label("What we call you").fill("Anna")
        page.get_by_role("button", name="Save name").click()
        expect(page.get_by_role("link", name="Anna")).to_be_visible()
        page.get_by_label("Current password", exact=True).fill("wrong-horse-battery")
        page.get_by_label("New password", exact=True).fill("four walking wombats")
        page.get_by_role("button", name="Change password").click()
        described = re.compile("not your password")
        expect(page.get_by_label("Current password", exact=True)).to_have_accessible_description(described)
        page.get_by_label("Current password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_text("Your password is changed.")).to_be_visible()
        page.get_by_role("button", name="Sign out", exact=True).click()
        fill_in(page, person.email, "four walking wombats")
        expect(new_todo(page)).to_be_visible()

    def test_who_has_no_password_is_led_to_set_one(self, page: Page, stack: Stack, person: Person) -> None:
        Device(page)
        sign_in(page, stack, person.email, path="/settings")
        page.goto(f"{stack.url}/passkeys")
        page.click("#add-passkey")
        expect(page.locator("#changed")).to_be_visible()
        [password] = page.request.get(f"{stack.url}/api/auth/list-accounts").json()
        headers = {"Origin": stack.url}
        gone = page.request.post(
            f"{stack.url}/api/auth/unlink-account", data={"accountId": password["id"]}, headers=headers
        )
        assert gone.ok
        page.goto(f"{stack.url}/settings")
        page.get_by_role("link", name="Set a password").click()
        page.get_by_label("New password", exact=True).fill("four walking wombats")
        page.click("#set-password")
        expect(page.locator("#changed")).to_be_visible()
        page.goto(f"{stack.url}/settings")
        expect(page.get_by_label("Current password", exact=True)).to_be_visible()

    def test_another_browser_is_listed_and_signed_out(
        self, page: Page, another_browser: Page, stack: Stack, person: Person
    ) -> None:
        sign_in(another_browser, stack, person.email)
        sign_in(page, stack, person.email, path="/settings")
        devices = page.get_by_role("region", name="Where you are signed in")
        expect(devices.get_by_text("This device")).to_have_count(1)
        devices.get_by_role("button", name=re.compile("^Sign out Chrome on Linux")).first.click()
        expect(devices.get_by_role("button", name=re.compile("^Sign out Chrome"))).to_have_count(0)
        another_browser.reload()
        expect(another_browser.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()


class TestApart:
    def test_two_people_never_see_each_others_todos(
        self, mine: Page, another_browser: Page, stack: Stack, person: Person
    ) -> None:
        other = sign_up(stack, "Ben")
        add(mine, "Ann's secret")
        secret = person.api().get(TODOS).json()["items"][0]["id"]
        sign_in(another_browser, stack, other.email)
        expect(another_browser.get_by_role("heading", name="A clear page")).to_be_visible()
        for path in ("/", "/?show=done", f"/?show={secret}", f"/{secret}", f"{TODOS}/{secret}", "/settings"):
            another_browser.goto(stack.url + path)
            expect(another_browser.get_by_text("Ann's secret")).to_have_count(0)
        assert other.api().get(f"{TODOS}/{secret}").status_code == 404

    def test_after_sign_out_nothing_is_left_for_the_next_person(self, mine: Page, stack: Stack, person: Person) -> None:
        add(mine, "Ann's secret")
        new_todo(mine).fill("Ann's draft")
        mine.get_by_role("link", name="Upcoming").click()
        mine.get_by_role("button", name="Sign out", exact=True).click()
        expect(mine.get_by_role("heading", name="Sign in")).to_be_visible()
        mine.go_back()
        expect(mine.get_by_role("heading", name="Sign in")).to_be_visible()
        fill_in(mine, sign_up(stack, "Ben").email)
        expect(mine.get_by_role("heading", name="A clear page")).to_be_visible()
        expect(new_todo(mine)).to_have_value("")
        expect(mine.get_by_text("Ann's secret")).to_have_count(0)

    def test_signing_out_leaves_no_page_to_type_into_that_is_about_to_go(self, mine: Page) -> None:
        """Signing out reloads the page, and only the reloaded page shows the sign-in form."""
        held, told = list[Route](), list[str]()
        mine.on("console", lambda message: told.append(message.text))
        mine.evaluate(TELL_OF_A_FORM)
        mine.route("**/sign-in", lambda route: held.append(route))
        with mine.expect_response(f"**{SESSION}") as nobody:
            mine.get_by_role("button", name="Sign out", exact=True).click()
        nobody.value.finished()
        mine.wait_for_timeout(200)  # long enough for a wrong form to appear
        for route in held:
            route.continue_()
        expect(mine.get_by_label("Email")).to_be_focused()
        assert "a form" not in told

    def test_no_token_and_no_secret_stays_anywhere(self, mine: Page) -> None:
        add(mine, "Buy milk")
        wait_until(lambda: "Buy milk" in kept_on_device(mine))
        kept = kept_on_device(mine)
        assert "eyJ" not in kept
        assert "session_token" not in kept
        assert mine.evaluate("() => document.cookie") == ""

    def test_page_of_another_origin_gets_nothing(self, mine: Page, stack: Stack) -> None:
        """A frame stays empty, a popup loses its opener, and no response can be read."""
        add(mine, "Ann's secret")
        hostile = mine.context.new_page()
        hostile.goto(stack.url.replace("localhost", "127.0.0.1") + "/healthz")
        read = "url => fetch(url, {credentials: 'include'}).then(answer => answer.text(), error => error.name)"
        for path in (SESSION, TOKEN, TODOS, "/"):
            assert hostile.evaluate(read, stack.url + path) == "TypeError"
        hostile.evaluate("url => { window.popup = open(url) }", stack.url)
        hostile.wait_for_function("() => popup.closed")  # the opener sees this once the page has loaded
        assert framed(hostile, stack.url).startswith("chrome-error:")
