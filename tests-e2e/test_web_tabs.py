"""The todo web application in several tabs and in an outage: what one changes the others show, and nothing is lost."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from e2e_fixtures.people import Person
from e2e_fixtures.stack import Stack
from e2e_fixtures.web_application import Traffic, add, new_todo, sign_in, todo

pytestmark = pytest.mark.usefixtures("application")

TOKEN, SESSION = "/api/auth/token", "/api/auth/get-session"
TODOS, EVENTS = "/api/v1/todos", "/api/v1/events"
HEAR = "window.heard = []; new BroadcastChannel('access-token').onmessage = ({data}) => heard.push(data.kind)"


@contextmanager
def offline(context: BrowserContext) -> Iterator[None]:
    context.set_offline(True)
    yield
    context.set_offline(False)


class TestTabs:
    def test_two_tabs_fetch_one_token(self, mine: Page, stack: Stack) -> None:
        """The second tab asks the first for its token before the answer about its session, which is held back here."""
        second, held = mine.context.new_page(), list[Route]()
        traffic = Traffic.of(mine, second)
        second.add_init_script(HEAR)
        second.route(f"**{SESSION}", lambda route: held.append(route))
        second.goto(stack.url)
        second.wait_for_function("() => window.heard.includes('token')")
        for route in held:
            route.continue_()
        expect(second.get_by_role("heading", name="A clear page")).to_be_visible()
        add(second, "From the second")
        add(mine, "From the first")
        assert traffic.count(TOKEN) == 0, "the second tab fetched a token instead of taking the first tab's"

    def test_what_one_changes_the_other_shows_and_another_browser_when_it_is_looked_at(
        self, mine: Page, another_browser: Page, stack: Stack, person: Person
    ) -> None:
        """Without a stream, too. A todo that is deleted while it is edited is brought back with the new text."""
        another_browser.route(f"**{EVENTS}", lambda route: route.abort())
        second = mine.context.new_page()
        second.goto(stack.url)
        sign_in(another_browser, stack, person.email)
        add(mine, "Buy milk")
        expect(todo(second, "Buy milk")).to_be_visible()
        expect(todo(another_browser, "Buy milk")).to_have_count(0)
        another_browser.evaluate("() => window.dispatchEvent(new Event('focus'))")
        todo(another_browser, "Buy milk").click()
        another_browser.keyboard.type("Buy oat milk")
        mine.get_by_role("button", name="Delete: Buy milk").click()
        expect(todo(second, "Buy milk")).to_have_count(0)
        another_browser.keyboard.press("Enter")
        expect(another_browser.get_by_role("alert")).to_contain_text("This was deleted somewhere else.")
        another_browser.get_by_role("button", name="Bring it back with mine").click()
        expect(todo(another_browser, "Buy oat milk")).to_be_visible()

    def test_what_another_browser_changes_appears_by_itself_by_one_stream_for_all_tabs(
        self, mine: Page, another_browser: Page, stack: Stack, person: Person
    ) -> None:
        """Through the gateway: a stream that it kept back would bring nothing. A stream that ends is opened again."""
        second = mine.context.new_page()
        traffic = Traffic.of(mine, second)
        second.goto(stack.url)
        expect(second.get_by_role("heading", name="A clear page")).to_be_visible()
        sign_in(another_browser, stack, person.email)
        add(another_browser, "Buy milk")
        for tab in (mine, second):
            expect(todo(tab, "Buy milk")).to_be_visible()
        assert traffic.count(EVENTS) == 0, "the second tab listens, too"
        mine.close()
        add(another_browser, "Buy bread")
        expect(todo(second, "Buy bread")).to_be_visible()
        assert traffic.count(EVENTS) == 1

    def test_signing_out_in_one_signs_out_the_other(self, mine: Page, stack: Stack) -> None:
        second = mine.context.new_page()
        second.goto(stack.url)
        second.get_by_role("button", name="Sign out", exact=True).click()
        for tab in (second, mine):
            expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()


class TestNetwork:
    def test_offline_is_said_once_and_what_was_typed_is_sent_when_the_network_is_back(self, mine: Page) -> None:
        with offline(mine.context):
            banner = mine.get_by_role("status").filter(has_text="You are offline.")
            expect(banner).to_be_visible()
            expect(banner).not_to_contain_text("kept")  # nothing was typed
            new_todo(mine).fill("Typed on a train")
            new_todo(mine).press("Enter")
            new_todo(mine).fill("Half a thought")
            expect(banner).to_contain_text("What you added is kept here")
            expect(mine.get_by_role("listitem")).to_contain_text("Typed on a train")
            expect(mine.get_by_role("alert")).to_have_count(0)
        expect(todo(mine, "Typed on a train")).to_be_visible()
        expect(mine.get_by_text("You are offline.")).to_have_count(0)

    def test_reload_during_an_outage_loses_nothing_that_was_typed(self, mine: Page) -> None:
        mine.route("**/api/v1/**", lambda route: route.abort())
        new_todo(mine).fill("Sent")
        new_todo(mine).press("Enter")
        new_todo(mine).fill("Half a thought")
        expect(mine.get_by_role("alert")).to_contain_text("cannot be reached")
        mine.reload()
        expect(mine.get_by_role("alert")).to_contain_text("What you added is kept here")
        expect(mine.get_by_role("alert")).to_have_count(1)
        expect(new_todo(mine)).to_have_value("Half a thought")
        mine.unroute("**/api/v1/**")
        mine.get_by_role("button", name="Try again").click()
        expect(todo(mine, "Sent")).to_be_visible()
        expect(mine.get_by_role("alert")).to_have_count(0)

    def test_answer_that_was_lost_makes_no_second_todo(self, mine: Page, person: Person) -> None:
        """The request arrives but its response is lost. The retry sends the same Idempotency-Key."""

        def lose(route: object) -> None:
            route.fetch()  # type: ignore[attr-defined]  # playwright's Route, which route() does not name
            route.abort()  # type: ignore[attr-defined]  # as above

        mine.route(f"**{TODOS}", lose, times=1)
        new_todo(mine).fill("Once")
        new_todo(mine).press("Enter")
        expect(todo(mine, "Once")).to_be_visible()  # the page tries again by itself
        assert len(person.api().get(TODOS).json()["items"]) == 1
