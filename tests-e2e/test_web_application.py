"""The todo web application in Chromium through the gateway: what a person sees, found by role and label.

Tests of account and privacy are in test_web_accounts.py, those of several tabs in test_web_tabs.py.
"""

import re
from typing import Literal

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, Route, expect

from e2e_fixtures.accessibility import examined, serious
from e2e_fixtures.people import Person
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until
from e2e_fixtures.web_application import Traffic, add, done, fill_in, finish, new_todo, sign_in, todo, unfold

pytestmark = pytest.mark.usefixtures("application")

SCRIPT_LIMIT = 120_000  # bytes of compressed script in the first load
TOKEN, SESSION, TODOS = "/api/auth/token", "/api/auth/get-session", "/api/v1/todos"
CHANGES, EVENTS = "/api/v1/changes", "/api/v1/events"
STRANGE = {
    "script": "<img src=x onerror=alert(1)><script>alert(1)</script>",
    "right-to-left marks": "before \u202e after \u200f\u2066",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈" * 10,
    "500 characters without a space": "x" * 500,
    "500 wide characters": "漢" * 500,
    "braces": "${1+1} {{1+1}} %s",
}


class TestTodos:
    def test_are_edited_in_place_by_keyboard_alone(self, mine: Page) -> None:
        for title in ("Third", "Second", "First"):
            add(mine, title)
        done(mine, "First").focus()
        mine.keyboard.press("ArrowDown")
        mine.keyboard.press("Space")
        expect(done(mine, "Second")).to_be_checked()
        mine.keyboard.press("Tab")
        mine.keyboard.press("Enter")
        mine.keyboard.type("The second")
        mine.keyboard.press("Enter")
        expect(todo(mine, "The second")).to_be_focused()
        mine.keyboard.press("Enter")
        mine.keyboard.type("thrown away")
        mine.keyboard.press("Escape")
        expect(todo(mine, "The second")).to_be_focused()
        mine.reload()
        unfold(mine)
        expect(done(mine, "The second")).to_be_checked()

    def test_typed_in_a_row_lose_no_letter_while_the_last_one_is_sent(self, mine: Page) -> None:
        held: list[Route] = []
        mine.route(f"**{TODOS}", lambda route: held.append(route), times=1)
        new_todo(mine).focus()
        with mine.expect_request(f"**{TODOS}"):
            for title in ("Call mother", "Buy milk"):
                mine.keyboard.type(title)
                mine.keyboard.press("Enter")
        mine.keyboard.type("Half a thou")
        expect(mine.get_by_role("status").filter(has_text="Added: Buy milk")).to_have_count(1)  # to screen readers
        held[0].continue_()
        mine.keyboard.type("ght")
        expect(todo(mine, "Buy milk")).to_be_visible()
        expect(mine.get_by_role("listitem").get_by_title("Edit")).to_have_text(["Buy milk", "Call mother"])
        expect(new_todo(mine)).to_have_value("Half a thought")

    def test_deleted_ones_come_back_to_their_places_one_after_another(self, mine: Page) -> None:
        for title in ("Third", "Second", "First"):
            add(mine, title)
        for title, next_one in (("Second", "Third"), ("First", "Third")):
            mine.get_by_role("button", name=f"Delete: {title}").click()
            expect(todo(mine, title)).to_have_count(0)
            expect(mine.get_by_role("button", name=f"Delete: {next_one}")).to_be_focused()
        for title in ("First", "Second"):
            expect(mine.get_by_text(f"Deleted “{title}”")).to_be_visible()
            mine.get_by_role("button", name="Undo").click()
            expect(todo(mine, title)).to_be_visible()
        titles = mine.get_by_role("listitem").get_by_title("Edit")
        expect(titles).to_have_text(["First", "Second", "Third"])
        mine.reload()
        expect(titles).to_have_text(["First", "Second", "Third"])

    def test_what_was_just_ticked_stays_until_the_next_look_and_is_folded_then(self, mine: Page) -> None:
        add(mine, "Waiting")
        add(mine, "Finished")
        finish(mine, "Finished")
        expect(done(mine, "Finished")).to_be_checked()
        expect(mine.get_by_text("1 open, 1 done today")).to_be_visible()
        mine.get_by_role("link", name="Upcoming").click()
        mine.get_by_role("link", name="All").click()
        expect(mine.get_by_role("checkbox")).to_have_count(1)
        unfold(mine)
        expect(mine.get_by_role("list", name="Completed")).to_contain_text("Finished")

    def test_due_date_is_set_in_the_details_and_decides_the_view(self, mine: Page) -> None:
        """What is added in a view appears in it."""
        add(mine, "Pay the rent")
        mine.get_by_role("button", name="Details: Pay the rent").click()
        mine.get_by_role("button", name="Tomorrow", exact=True).click()
        expect(mine.get_by_role("listitem")).to_contain_text("Tomorrow")
        mine.get_by_label("Notes").fill("by **transfer**, https://bank.example ![](https://bank.example/logo.png)")
        mine.get_by_role("button", name="Save notes").click()
        expect(mine.get_by_role("listitem")).to_contain_text("by transfer")
        notes = mine.get_by_role("region", name="Notes")
        expect(notes.get_by_role("strong")).to_have_text("transfer")
        expect(notes.get_by_role("link").first).to_have_attribute("rel", "noopener noreferrer nofollow")
        assert notes.locator("img").count() == 0
        notes.get_by_role("button", name="Edit notes").click()
        expect(mine.get_by_label("Notes")).to_be_focused()
        mine.get_by_label("Notes").fill("by transfer")
        mine.get_by_role("button", name="Save notes").click()
        expect(notes).to_contain_text("by transfer")
        mine.keyboard.press("Escape")
        expect(mine.get_by_role("button", name="Details: Pay the rent")).to_be_focused()
        mine.get_by_role("link", name="Today").click()
        expect(mine.get_by_role("heading", name="Nothing due today")).to_be_visible()
        add(mine, "Call mother")
        mine.get_by_role("link", name="Upcoming").click()
        expect(mine.get_by_role("checkbox")).to_have_accessible_name("Done: Pay the rent")
        mine.get_by_label("Search").fill("MOTHER")
        expect(mine.get_by_role("checkbox")).to_have_accessible_name("Done: Call mother")

    def test_long_list_is_in_the_page_where_it_is_looked_at(self, page: Page, stack: Stack, person: Person) -> None:
        """Each row says its place among all. A row with the focus stays, and the arrow key goes on from there."""
        create(person, 1_000)
        sign_in(page, stack, person.email)
        rows = page.get_by_role("list", name="Todos").get_by_role("listitem")
        expect(rows.first).to_have_attribute("aria-setsize", "1000")
        done(page, "Todo 999").focus()
        page.mouse.wheel(0, 15_000)
        expect(done(page, "Todo 700")).to_be_attached()
        assert rows.count() < 100
        expect(done(page, "Todo 999")).to_be_focused()
        page.keyboard.press("ArrowDown")
        expect(done(page, "Todo 998")).to_be_focused()
        expect(done(page, "Todo 998")).to_be_in_viewport()
        expect(rows.filter(has=done(page, "Todo 998"))).to_have_attribute("aria-posinset", "2")
        page.keyboard.press("Delete")
        expect(page.get_by_role("button", name="Delete: Todo 997")).to_be_focused()
        page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
        expect(done(page, "Todo 0")).to_be_attached()
        expect(rows.last).to_have_attribute("aria-posinset", "999")

    def test_finger_that_rests_on_a_row_drags_it_and_one_that_does_not_scrolls(
        self, mine: Page, person: Person
    ) -> None:
        for title in ("Third", "Second", "First"):
            add(mine, title)
        titles = mine.get_by_role("listitem").get_by_title("Edit")
        begin, end = (todo(mine, title).bounding_box() for title in ("First", "Third"))
        assert begin is not None
        assert end is not None
        touch = mine.context.new_cdp_session(mine)

        def send(kind: str, box: FloatRect | None = None) -> None:
            points = [{"x": box["x"] + 40, "y": box["y"] + box["height"] / 2 + 8}] if box else []
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        send("touchStart", begin)
        mine.wait_for_selector(".todos .dragged")
        send("touchMove", end)
        send("touchEnd")
        expect(titles).to_have_text(["Second", "Third", "First"])
        expect(mine.get_by_role("textbox", name="Title of")).to_have_count(0)  # the finger's end was no click
        wait_until(lambda: person.api().get(TODOS, params={"sort": "position"}).json()["items"][0]["title"] == "First")

    @pytest.mark.parametrize("title", STRANGE.values(), ids=STRANGE)
    def test_strange_title_is_text_and_cuts_no_layout(self, mine: Page, title: str) -> None:
        mine.on("dialog", lambda dialog: pytest.fail(f"a title became script: {dialog.message}"))
        new_todo(mine).fill(title)
        new_todo(mine).press("Enter")
        expect(mine.get_by_role("listitem").get_by_title("Edit")).to_have_text(title)
        for width in (390, 1280):
            mine.set_viewport_size({"width": width, "height": 800})
            for box in (mine.get_by_role("listitem"), mine.get_by_role("button", name="Delete: "), new_todo(mine)):
                place = box.bounding_box()
                assert place is not None
                assert place["x"] >= 0
                assert place["x"] + place["width"] <= width

    @pytest.mark.parametrize("title", ["with a \x00 inside", "with a \x07 inside"], ids=["NUL", "BEL"])
    def test_control_character_is_refused_in_words_and_nothing_is_lost(self, mine: Page, title: str) -> None:
        new_todo(mine).fill(title)
        new_todo(mine).press("Enter")
        expect(mine.get_by_role("alert")).to_contain_text("must not contain control characters")
        expect(new_todo(mine)).to_have_value(title)

    def test_change_that_another_browser_was_faster_with_is_not_overwritten_unseen(
        self, mine: Page, another_browser: Page, stack: Stack, person: Person
    ) -> None:
        """Also when the change has arrived while the title was being edited."""
        add(mine, "Buy milk")
        sign_in(another_browser, stack, person.email)
        todo(another_browser, "Buy milk").click()
        another_browser.keyboard.type("Buy oat milk")
        todo(mine, "Buy milk").click()
        with mine.expect_response(lambda response: "/api/v1/changes" in response.url):
            another_browser.keyboard.press("Enter")
        expect(todo(another_browser, "Buy oat milk")).to_be_visible()
        mine.keyboard.press("ControlOrMeta+a")
        mine.keyboard.type("Buy bread")
        mine.keyboard.press("Enter")
        expect(mine.get_by_role("alert")).to_contain_text("It is now “Buy oat milk”")
        line, said = (mine.get_by_role(role).last.bounding_box() for role in ("checkbox", "alert"))
        button = mine.get_by_role("button", name="Delete: ").bounding_box()
        assert line is not None
        assert said is not None
        assert button is not None
        assert abs(button["y"] - line["y"]) < said["y"] - line["y"], "the error pushed the button out of the row's line"
        mine.get_by_role("button", name="Save mine").click()
        expect(todo(mine, "Buy bread")).to_be_visible()


def create(person: Person, count: int) -> None:
    """Create todos. `Todo 0` is the oldest, so it is shown last."""
    api = person.api()
    for begin in range(0, count, 100):
        every = range(begin, min(begin + 100, count))
        operations = [{"op": "create", "todo": {"title": f"Todo {number}"}} for number in every]
        assert api.post("/api/v1/todos:batch", json={"operations": operations}).status_code == 200


class TestCost:
    def test_first_load_is_small_and_asks_for_nothing_twice(self, page: Page, stack: Stack, person: Person) -> None:
        traffic = Traffic.of(page)
        sign_in(page, stack, person.email)
        expect(page.get_by_role("heading", name="A clear page")).to_be_visible()
        scripts = [each for each in traffic.requests if each.url.endswith(".js")]
        assert 0 < sum(each.sizes()["responseBodySize"] for each in scripts) <= SCRIPT_LIMIT
        assert len(traffic.paths(lambda path: path.startswith("/assets/"))) == 2
        counted = {path: traffic.count(path) for path in (TOKEN, CHANGES, "/api/auth/sign-in/email")}
        assert counted == {TOKEN: 1, CHANGES: 1, "/api/auth/sign-in/email": 1}
        # One before the sign-in, one that sees whether the browser kept the cookie, and one for the application.
        assert traffic.count(SESSION) == 3

    def test_work_costs_one_request_a_step_and_one_token_a_lifetime(self, mine: Page) -> None:
        traffic = Traffic.of(mine)
        add(mine, "One")
        finish(mine, "One")
        done(mine, "One").uncheck()
        expect(done(mine, "One")).not_to_be_checked()
        assert len(traffic.paths(lambda path: path.startswith(TODOS))) == 3
        assert (traffic.count(TOKEN), traffic.count(SESSION)) == (0, 0)

    def test_second_visit_is_a_page_and_three_answers(self, mine: Page) -> None:
        traffic = Traffic.of(mine)
        with mine.expect_response(lambda response: CHANGES in response.url):  # the page shows this device's copy before
            mine.reload()
        expect(mine.get_by_role("heading", name="A clear page")).to_be_visible()
        asked = traffic.paths(lambda path: path.startswith("/api/") and path != EVENTS)
        assert sorted(asked) == [SESSION, TOKEN, CHANGES]

    def test_200_todos_are_there_within_a_second(self, page: Page, stack: Stack, person: Person) -> None:
        """The page itself measures from the start of its navigation. One fast try is enough, because the machine is
        shared. On a slow machine the bound is three times the time for an empty list."""

        def took(shown: Locator) -> float:
            page.reload()
            expect(shown).to_be_visible()
            milliseconds: float = page.evaluate("() => performance.now()")
            return milliseconds

        sign_in(page, stack, person.email)
        empty = took(page.get_by_role("heading", name="A clear page"))
        create(person, 200)
        wait_until(lambda: took(todo(page, "Todo 199")) < max(1000, 3 * empty))
        finish(page, "Todo 199")


class TestAccessibility:
    @pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
    def test_axe_finds_nothing_serious_on_any_page(
        self, chromium: Browser, stack: Stack, person: Person, scheme: Literal["light", "dark"], width: int
    ) -> None:
        with examined(chromium, scheme, width) as page:
            for path in ("/sign-up", "/sign-in"):
                page.goto(stack.url + path)
                page.get_by_role("button", name=re.compile("Create account|Sign in")).click()  # to show its errors
                assert serious(page) == []
            fill_in(page, person.email)
            expect(page.get_by_role("heading", name="A clear page")).to_be_visible()
            assert serious(page) == []
            for title in ("Open", "Done", "Deleted", "Edited"):
                add(page, title)
            finish(page, "Done")
            page.get_by_role("button", name="Delete: Deleted").click()
            expect(page.get_by_role("button", name="Undo")).to_be_visible()
            todo(page, "Edited").click()
            assert serious(page) == []
            page.get_by_role("button", name="Details: Open").click()
            expect(page.get_by_role("complementary", name="Details")).to_be_visible()
            assert serious(page) == []
            page.goto(f"{stack.url}/settings")
            expect(page.get_by_text("This device")).to_be_visible()
            assert serious(page) == []
