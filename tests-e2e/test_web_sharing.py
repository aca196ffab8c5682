"""Two people share a list in the todo web application, each in a browser of its own."""

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e_fixtures.accessibility import examined, serious
from e2e_fixtures.people import sign_up
from e2e_fixtures.stack import Stack
from e2e_fixtures.web_application import add, done, fill_in, new_todo, sign_in, todo

pytestmark = pytest.mark.usefixtures("application")


def make_list(page: Page, name: str) -> None:
    page.get_by_role("button", name="New list").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Make the list").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def link(page: Page, role: str) -> str:
    """Make a link in the dialog of the list that is shown."""
    page.get_by_role("radio", name=role).check()
    page.get_by_role("button", name="Make a link").click()
    field = page.get_by_label("Send this link to one person.")
    expect(field).not_to_have_value("")
    return field.input_value()


def test_a_list_is_shared_edited_by_two_and_left(mine: Page, another_browser: Page, stack: Stack) -> None:
    """The one who is invited signs in on the way. What each changes, the other sees without doing anything."""
    mine.set_viewport_size({"width": 1280, "height": 800})
    another_browser.set_viewport_size({"width": 1280, "height": 800})
    make_list(mine, "Shopping")
    add(mine, "Milk")
    mine.get_by_role("button", name="Share", exact=True).click()
    address = link(mine, "can edit")
    bob = sign_up(stack, "Bob")
    another_browser.goto(address)
    fill_in(another_browser, bob.email)
    expect(another_browser.get_by_role("heading", name="Shopping")).to_be_visible()
    assert "#" not in another_browser.url, "the token stays in the address"
    expect(another_browser.get_by_label("Your name")).to_have_value("Bob")
    another_browser.get_by_role("button", name="Join the list").click()
    expect(todo(another_browser, "Milk")).to_be_visible()
    people = mine.get_by_role("region", name="People").get_by_role("listitem")
    expect(people).to_contain_text(["you, the owner", "Bob"])
    mine.get_by_role("button", name="Close").click()
    add(another_browser, "Bread")
    expect(todo(mine, "Bread")).to_be_visible()
    done(mine, "Milk").check()
    expect(todo(another_browser, "Milk")).to_have_count(0)  # it is folded: done somewhere else

    mine.get_by_role("button", name="Shared with 1").first.click()
    mine.get_by_label("What Bob may do").select_option(label="can look")
    expect(another_browser.get_by_role("button", name="can look")).to_be_visible()
    expect(new_todo(another_browser)).to_have_count(0)
    expect(done(another_browser, "Bread")).to_be_disabled()
    another_browser.get_by_role("button", name="can look").click()
    another_browser.get_by_role("button", name="Leave the list").click()
    expect(another_browser.get_by_role("heading", name="No such list")).to_be_visible()
    expect(people).to_have_count(1)
    another_browser.goto(stack.url)
    expect(another_browser.get_by_role("heading", name="A clear page")).to_be_visible()
    another_browser.goto(address)
    expect(another_browser.get_by_text("This invitation cannot be used any more")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_dialog_and_the_page_of_an_invitation_are_for_everybody(
    chromium: Browser, stack: Stack, width: int
) -> None:
    """axe-core finds nothing serious. An invitation is not for its maker."""
    alice, bob = sign_up(stack, "Alice"), sign_up(stack, "Bob")
    with examined(chromium, "light", width) as hers, examined(chromium, "dark", width) as his:
        list_id = alice.api().post("/api/v1/lists", json={"name": "Shopping"}).json()["id"]
        sign_in(hers, stack, alice.email, path=f"/?list={list_id}")
        hers.get_by_role("button", name="Share", exact=True).click()
        address = link(hers, "can look")
        assert serious(hers) == []
        sign_in(his, stack, bob.email)
        his.goto(address)
        expect(his.get_by_role("heading", name="Shopping")).to_be_visible()
        assert serious(his) == []
        hers.goto(address)
        expect(hers.get_by_text("This invitation is yours")).to_be_visible()
