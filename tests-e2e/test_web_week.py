"""A week is planned on a phone, found on the desktop at once, shared, and carried through a tunnel.

Every control is found by its role and visible name. The phone has a service worker, a touch screen and no mouse.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.people import Person, sign_up
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until
from e2e_fixtures.web_application import add, done, fill_in, kept_on_device, new_todo, sign_in, todo, unfold

pytestmark = pytest.mark.usefixtures("application")

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "service_workers": "allow"}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
# As they are typed, with the title and the words of the date that the list shows. The last one has no date.
WEEK = (
    ("Pay the rent today", "Pay the rent", "Today"),
    ("Dentist tomorrow 9am", "Dentist", "Tomorrow 09:00"),
    ("Water the plants in 3 days", "Water the plants", ""),
    ("Swim with Bob in 5 days at 18:30", "Swim with Bob", "18:30"),
    ("Call mother in 6 days", "Call mother", ""),
)


@pytest.fixture
def phone_and_desktop(chromium: Browser, stack: Stack, person: Person) -> Iterator[tuple[Page, Page]]:
    with ExitStack() as opened:
        phone, desktop = (
            opened.enter_context(somebodys_browser(chromium, **options)).new_page() for options in (PHONE, DESKTOP)
        )
        for page in (phone, desktop):
            sign_in(page, stack, person.email)
            expect(page.get_by_role("heading", name="A clear page")).to_be_visible()
        yield phone, desktop


def row(page: Page, title: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("button", name=title, exact=True))


def open_list(phone: Page, name: str) -> None:
    """On a phone the lists are in a drawer."""
    phone.get_by_role("button", name="Lists").tap()
    phone.get_by_role("dialog", name="Lists").get_by_role("link", name=name).tap()
    expect(phone.get_by_role("heading", name=name, level=1)).to_be_visible()


def test_a_week_planned_on_a_phone_is_found_shared_and_carried_through_a_tunnel(
    phone_and_desktop: tuple[Page, Page], another_browser: Page, stack: Stack, person: Person
) -> None:
    phone, desktop = phone_and_desktop
    plan_the_week(phone)
    find_it(desktop)
    bob = share_the_shopping(phone, another_browser, stack)
    go_through_a_tunnel(phone, desktop, bob)
    titles = [each["title"] for each in person.api().get("/api/v1/todos").json()["items"]]
    assert sorted(titles) == sorted([*(title for _, title, _ in WEEK), "Milk", "Bread", "Batteries", "Coffee"]), (
        "lost or doubled"
    )


def plan_the_week(phone: Page) -> None:
    for typed, title, when in WEEK:
        new_todo(phone).fill(typed)
        expect(phone.get_by_text("Due: ")).to_contain_text(when)
        phone.get_by_role("button", name="Add", exact=True).tap()
        expect(row(phone, title)).to_contain_text(when)
    phone.get_by_role("button", name="Details: Dentist").tap()
    phone.get_by_role("radio", name="High").check()
    phone.get_by_label("Notes").fill("Bring the **insurance card**")
    phone.get_by_role("button", name="Save notes").tap()
    phone.get_by_role("button", name="Close details").tap()
    phone.get_by_role("button", name="Lists").tap()
    phone.get_by_role("dialog", name="Lists").get_by_role("button", name="New list").tap()
    phone.get_by_label("Name", exact=True).fill("Shopping")
    phone.get_by_role("button", name="Make the list").tap()
    expect(phone.get_by_role("heading", name="Shopping", level=1)).to_be_visible()
    add(phone, "Milk")


def find_it(desktop: Page) -> None:
    """It was open all the time, and nobody has touched it."""
    expect(row(desktop, "Dentist")).to_contain_text("High priority")
    expect(row(desktop, "Dentist")).to_contain_text("insurance card")
    expect(row(desktop, "Milk")).to_contain_text("Shopping")
    desktop.get_by_role("link", name="Upcoming").click()
    titles = desktop.get_by_role("list", name="Todos").get_by_title("Edit")
    expect(titles).to_have_text([title for _, title, when in WEEK if when != "Today"])
    desktop.get_by_role("link", name="Today").click()
    expect(titles).to_have_text(["Pay the rent"])
    desktop.get_by_role("link", name="Shopping").click()
    expect(titles).to_have_text(["Milk"])


def share_the_shopping(phone: Page, bob: Page, stack: Stack) -> Page:
    phone.get_by_role("button", name="Share", exact=True).tap()
    phone.get_by_role("radio", name="can edit").check()
    phone.get_by_role("button", name="Make a link").tap()
    link = phone.get_by_label("Send this link to one person.")
    expect(link).not_to_have_value("")
    bob.goto(link.input_value())
    fill_in(bob, sign_up(stack, "Bob").email)
    bob.get_by_role("button", name="Join the list").click()
    expect(todo(bob, "Milk")).to_be_visible()
    phone.get_by_role("button", name="Close", exact=True).tap()
    add(bob, "Bread")
    expect(todo(phone, "Bread")).to_be_visible()
    return bob


def go_through_a_tunnel(phone: Page, desktop: Page, bob: Page) -> None:
    """What is done in it is there afterwards, once; so is what the others did meanwhile."""
    wait_until(lambda: "Bread" in kept_on_device(phone))
    phone.context.set_offline(True)
    expect(phone.get_by_role("status").filter(has_text="You are offline.")).to_be_visible()
    new_todo(phone).fill("Batteries")
    phone.get_by_role("button", name="Add", exact=True).tap()
    done(phone, "Milk").tap()
    expect(phone.get_by_role("status").filter(has_text="What you added and changed is kept here")).to_be_visible()
    phone.reload()
    expect(phone.get_by_role("listitem").filter(has_text="Batteries")).to_contain_text("Not sent yet")
    add(desktop, "Coffee")
    expect(todo(bob, "Coffee")).to_be_visible()
    phone.context.set_offline(False)
    for page in (phone, desktop, bob):
        for title in ("Batteries", "Coffee", "Bread"):
            expect(todo(page, title)).to_be_visible()
    expect(phone.get_by_text("You are offline.")).to_have_count(0)
    expect(phone.get_by_text("Not sent yet")).to_have_count(0)
    for page in (desktop, bob):
        unfold(page)
        expect(done(page, "Milk")).to_be_checked()
