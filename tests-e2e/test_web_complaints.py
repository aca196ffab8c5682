"""What people complain about at other todo applications, tried at ours in Chromium.

The table in todo-service/web/README.md says where they do. The complaints that have no test here have one in the file
that is about the feature.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.people import Person
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until
from e2e_fixtures.web_application import add, new_todo, sign_in, todo

pytestmark = pytest.mark.usefixtures("application")

TODOS = "/api/v1/todos"


def test_a_key_that_is_held_deletes_one_todo_only(mine: Page) -> None:
    """After a deletion the focus is on the next row, where the key goes on."""
    for title in ("Third", "Second", "First"):
        add(mine, title)
    todo(mine, "First").focus()
    for _ in range(3):
        mine.keyboard.down("Backspace")  # the second time and later it is a repetition
    mine.keyboard.up("Backspace")
    expect(todo(mine, "First")).to_have_count(0)
    mine.wait_for_timeout(200)  # long enough for another deletion
    expect(todo(mine, "Second")).to_be_visible()
    mine.get_by_role("button", name="Undo").click()
    expect(todo(mine, "First")).to_be_visible()


def test_another_day_does_not_change_the_time(mine: Page, person: Person) -> None:
    new_todo(mine).fill("Film today 23:45")
    expect(mine.get_by_text("Due: Today 23:45")).to_be_visible()
    new_todo(mine).press("Enter")
    mine.get_by_role("button", name="Details: Film").click()
    mine.get_by_role("button", name="Tomorrow", exact=True).click()
    expect(mine.get_by_role("listitem")).to_contain_text("Tomorrow 23:45")
    expect(mine.get_by_label("Time")).to_have_value("23:45")


def test_today_is_the_day_of_the_person_not_of_the_server(chromium: Browser, stack: Stack, person: Person) -> None:
    """In Bangkok it is tomorrow already. What was due before today is in Today, too, and is marked."""
    evening = datetime.now(UTC).replace(hour=18, minute=30)
    today = evening.astimezone(ZoneInfo("Asia/Bangkok")).date()
    assert today != evening.date()
    api = person.api()
    for title, day in (("Today's", today), ("Of yesterday", evening.date()), ("Later", today + timedelta(days=1))):
        assert api.post(TODOS, json={"title": title, "due": day.isoformat()}).status_code == 201
    with somebodys_browser(chromium, timezone_id="Asia/Bangkok") as context:
        page = context.new_page()
        page.clock.set_fixed_time(evening)
        sign_in(page, stack, person.email, path="/?show=today")
        expect(page.get_by_role("listitem").get_by_title("Edit")).to_have_text(["Of yesterday", "Today's"])
        expect(page.get_by_role("listitem").first).to_contain_text("Late: Yesterday")
        expect(page.get_by_role("listitem").last).not_to_contain_text("Late")


def test_what_is_late_is_moved_to_today_at_once_and_back(mine: Page, person: Person) -> None:
    """The times stay. A todo of today is left alone."""
    today = datetime.now(UTC).date()
    past, yesterday = (today - timedelta(days=days) for days in (9, 1))
    due = {"Old": past.isoformat(), "Later that day": f"{yesterday}T23:59:00[UTC]", "Of today": today.isoformat()}
    for title, when in due.items():
        assert person.api().post(TODOS, json={"title": title, "due": when}).status_code == 201
    mine.get_by_role("link", name="Today").click()
    mine.get_by_role("button", name="Move them to today").click()
    rows = mine.get_by_role("list", name="Todos").get_by_role("listitem")
    expect(rows.filter(has_text="Late: ")).to_have_count(0)
    expect(rows.filter(has=mine.get_by_role("button", name="Later that day"))).to_contain_text("Today 23:59")
    expect(mine.get_by_role("button", name="Move them to today")).to_have_count(0)
    wait_until(lambda: all(str(each["due"]).startswith(today.isoformat()) for each in todos(person)))
    mine.get_by_role("button", name="Undo").click()
    expect(rows.filter(has_text="Late: ")).to_have_count(2)
    wait_until(lambda: {each["title"]: each["due"][:10] for each in todos(person)}["Old"] == due["Old"])


def todos(person: Person) -> list[dict[str, str]]:
    items: list[dict[str, str]] = person.api().get(TODOS).json()["items"]
    return items
