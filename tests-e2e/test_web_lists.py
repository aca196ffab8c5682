"""Lists in the todo web application, ordered by hand, deleted and brought back, also on a phone; the trash."""

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from e2e_fixtures.accessibility import examined, serious
from e2e_fixtures.people import Person
from e2e_fixtures.stack import Stack
from e2e_fixtures.web_application import add, new_todo, sign_in, todo

pytestmark = pytest.mark.usefixtures("application")


def titles(page: Page) -> Locator:
    return page.get_by_role("list", name="Todos").get_by_title("Edit")


def make_list(page: Page, name: str, color: str) -> None:
    page.get_by_role("button", name="New list").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("radio", name=color).check()
    page.get_by_role("button", name="Make the list").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def drag(page: Page, title: str, onto: Locator) -> None:
    """Take the row by its grip, which appears under the pointer, and drop it in the upper part of something."""
    row = page.get_by_role("listitem").filter(has=page.get_by_role("button", name=title, exact=True))
    row.hover()
    row.locator(".grip").hover()
    page.mouse.down()
    box = onto.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 8, box["y"] + 4, steps=4)
    page.mouse.up()


def paste(page: Page, text: str) -> None:
    new_todo(page).evaluate(
        """(field, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            field.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
        }""",
        text,
    )


def test_lists_are_made_filled_ordered_by_hand_deleted_and_brought_back(mine: Page) -> None:
    """By keyboard and by mouse; each time the API has it, too."""
    mine.set_viewport_size({"width": 1280, "height": 800})
    add(mine, "Of no list")
    make_list(mine, "Shopping", "green")
    for title in ("Tea", "Bread", "Milk"):
        add(mine, title)
    expect(titles(mine)).to_have_text(["Milk", "Bread", "Tea"])
    todo(mine, "Milk").focus()
    with mine.expect_response("**/api/v1/todos/*"):
        mine.keyboard.press("Alt+ArrowDown")
    expect(titles(mine)).to_have_text(["Bread", "Milk", "Tea"])
    expect(todo(mine, "Milk")).to_be_focused()
    with mine.expect_response("**/api/v1/todos/*"):
        drag(mine, "Tea", todo(mine, "Bread"))
    expect(titles(mine)).to_have_text(["Tea", "Bread", "Milk"])
    mine.reload()
    expect(titles(mine)).to_have_text(["Tea", "Bread", "Milk"])

    make_list(mine, "Journey", "blue")
    mine.get_by_role("link", name="Shopping").click()
    with mine.expect_response("**/api/v1/todos/*"):
        drag(mine, "Bread", mine.get_by_role("link", name="Journey"))
    mine.get_by_role("link", name="Journey").click()
    expect(titles(mine)).to_have_text(["Bread"])
    mine.get_by_role("button", name="Details: Bread").click()
    mine.get_by_label("List", exact=True).select_option(label="Inbox")
    mine.get_by_role("link", name="Inbox").click()
    expect(titles(mine)).to_have_text(["Bread", "Of no list"])

    mine.get_by_role("button", name="Change the list Shopping").click()
    with mine.expect_response("**/api/v1/lists/*"):
        mine.get_by_role("button", name="Move down").click()
    mine.get_by_label("Name", exact=True).fill("Food")
    mine.get_by_role("button", name="Save", exact=True).click()
    expect(mine.get_by_role("region", name="Lists").get_by_role("listitem")).to_contain_text(
        ["Inbox", "Journey", "Food"]
    )
    mine.get_by_role("link", name="Food").click()
    mine.get_by_role("button", name="Change the list Food").click()
    expect(mine.get_by_text("Its 2 todos are deleted with it. You can undo this.")).to_be_visible()
    with mine.expect_response("**/api/v1/lists/*"):
        mine.get_by_role("button", name="Delete the list").click()
    expect(mine.get_by_role("link", name="Food")).to_have_count(0)
    expect(titles(mine)).to_have_text(["Bread", "Of no list"])
    mine.get_by_role("button", name="Undo").click()
    mine.get_by_role("link", name="Food").click()
    expect(titles(mine)).to_have_text(["Tea", "Milk"])

    paste(mine, "- Eggs\n\n- [ ] Flour\n")
    expect(titles(mine)).to_have_text(["Eggs", "Flour", "Tea", "Milk"])
    paste(mine, "\n".join(f"* Egg {number}" for number in range(1, 7)))
    asked = mine.get_by_role("group").filter(has_text="6 lines were pasted, from “Egg 1” to “Egg 6”.")
    expect(asked.get_by_role("button", name="Add 6 todos")).to_be_focused()
    expect(titles(mine)).to_have_count(4)
    mine.keyboard.press("Enter")
    expect(mine.get_by_role("status").filter(has_text="Added 6 todos").first).to_be_attached()
    expect(titles(mine)).to_have_text([*(f"Egg {number}" for number in range(1, 7)), "Eggs", "Flour", "Tea", "Milk"])
    mine.get_by_role("button", name="Undo").click()
    expect(titles(mine)).to_have_text(["Eggs", "Flour", "Tea", "Milk"])
    new_todo(mine).fill("Buy ")
    paste(mine, "butter\nhoney")
    mine.get_by_role("button", name="Paste as one line").click()
    expect(new_todo(mine)).to_have_value("Buy butter honey")
    mine.reload()
    expect(titles(mine)).to_have_text(["Eggs", "Flour", "Tea", "Milk"])


def test_on_a_phone_the_lists_are_in_a_drawer(chromium: Browser, stack: Stack, person: Person) -> None:
    """axe-core finds nothing serious in the drawer, the form and the list."""
    with examined(chromium, "dark", 390) as page:
        sign_in(page, stack, person.email)
        page.get_by_role("button", name="Lists").click()
        drawer = page.get_by_role("dialog", name="Lists")
        drawer.get_by_role("button", name="New list").click()
        page.get_by_label("Name", exact=True).fill("Shopping")
        assert serious(page) == []
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Shopping", level=1)).to_be_visible()
        add(page, "Milk")
        assert serious(page) == []
        page.get_by_role("button", name="Lists").click()
        assert serious(page) == []
        drawer.get_by_role("link", name="Inbox").click()
        expect(drawer).to_be_hidden()
        expect(page.get_by_role("heading", name="An empty list")).to_be_visible()


def test_a_typed_date_is_understood_and_what_was_deleted_is_in_the_trash(mine: Page) -> None:
    mine.set_viewport_size({"width": 1280, "height": 800})
    new_todo(mine).fill("Call mother tomorrow 9am")
    expect(mine.get_by_text("Due: Tomorrow 09:00")).to_be_visible()
    new_todo(mine).press("Enter")
    expect(
        mine.get_by_role("listitem").filter(has=mine.get_by_role("button", name="Call mother", exact=True))
    ).to_contain_text("Tomorrow 09:00")
    new_todo(mine).fill("Film tonight")
    mine.get_by_role("button", name="Keep “tonight” as text").click()
    new_todo(mine).press("Enter")
    expect(todo(mine, "Film tonight")).to_be_visible()

    make_list(mine, "Shopping", "green")
    add(mine, "Milk")
    mine.get_by_role("button", name="Change the list Shopping").click()
    with mine.expect_response("**/api/v1/lists/*"):
        mine.get_by_role("button", name="Delete the list").click()
    with mine.expect_response("**/api/v1/todos/*"):
        mine.get_by_role("button", name="Delete: Film tonight").click()
    mine.get_by_role("link", name="Trash").click()
    trash = mine.get_by_role("region", name="Trash").get_by_role("listitem")
    expect(trash).to_contain_text(["Shopping", "Film tonight", "Milk"])
    mine.get_by_role("button", name="Restore: Shopping").click()
    expect(trash).to_contain_text(["Film tonight"])
    mine.get_by_role("button", name="Restore: Film tonight").click()
    expect(mine.get_by_role("heading", name="Nothing in the trash")).to_be_visible()
    mine.get_by_role("link", name="Shopping").click()
    expect(titles(mine)).to_have_text(["Milk"])
