"""The todo web application without a network, and what it leaves on a device, in Chromium with its service worker."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.people import Person, sign_up
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until
from e2e_fixtures.web_application import add, done, fill_in, kept_on_device, new_todo, sign_in, todo, unfold

pytestmark = pytest.mark.usefixtures("application")

TODOS = "/api/v1/todos"
IS_KEPT = "async () => Boolean(await caches.match('/', {ignoreVary: true}))"
FORBIDDEN = "Object.defineProperty(window, 'indexedDB', {get() { throw new DOMException('', 'SecurityError') }})"
# A quota that DevTools set is noticed late, so this makes each write fail as a full disk does.
FULL = """
const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (...values) {
    const request = put.apply(this, values);
    this.transaction.abort();
    return request;
};
Object.defineProperty(IDBTransaction.prototype, "error", {get: () => new DOMException("", "QuotaExceededError")});
"""


@pytest.fixture
def device(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser with service workers; in the other tests they are blocked (see `somebodys_browser`)."""
    with somebodys_browser(chromium, service_workers="allow") as context:
        yield context


@pytest.fixture
def tab(device: BrowserContext, stack: Stack, person: Person) -> Page:
    page = device.new_page()
    sign_in(page, stack, person.email)
    expect(page.get_by_role("heading", name="A clear page")).to_be_visible()
    return page


def wait_until_kept(page: Page, *titles: str) -> None:
    """Wait until the device keeps the page, and todos with these titles."""
    wait_until(lambda: page.evaluate(IS_KEPT))
    wait_until(lambda: all(title in kept_on_device(page) for title in titles))


def titles(person: Person) -> list[str]:
    return [each["title"] for each in person.api().get(TODOS).json()["items"]]


def in_trash(page: Page) -> Locator:
    return page.get_by_role("region", name="Trash").get_by_role("listitem")


def make_list(page: Page, name: str) -> None:
    page.get_by_role("button", name="New list").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Make the list").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def rename(page: Page, title: str, new: str) -> None:
    todo(page, title).click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(new)
    page.keyboard.press("Enter")


def test_work_in_a_tunnel_is_kept_sent_once_in_order_and_conflicts_are_shown(
    device: BrowserContext, tab: Page, another_browser: Page, stack: Stack, person: Person
) -> None:
    """Over a reload and in two tabs. The device's clock is a day ahead."""
    tab.clock.set_fixed_time(datetime.now(UTC) + timedelta(days=1))
    for title in ("Bread", "Milk"):
        add(tab, title)
    wait_until_kept(tab, "Bread", "Milk")
    device.set_offline(True)
    tab.reload()
    expect(tab.get_by_role("status").filter(has_text="You are offline.")).to_be_visible()
    for title in ("First", "Second"):
        new_todo(tab).fill(title)
        new_todo(tab).press("Enter")
    done(tab, "Milk").check()
    rename(tab, "Bread", "Rye bread")
    expect(todo(tab, "Rye bread")).to_be_visible()
    second = device.new_page()
    second.goto(stack.url)
    for page in (second, tab):
        expect(page.get_by_role("listitem").filter(has_text="Second")).to_contain_text("Not sent yet")
        expect(page.get_by_role("status").filter(has_text="What you added and changed is kept here")).to_be_visible()
        tab.reload()
    sign_in(another_browser, stack, person.email)
    rename(another_browser, "Bread", "Toast")
    expect(todo(another_browser, "Toast")).to_be_visible()
    device.set_offline(False)
    expect(todo(tab, "First")).to_be_visible()
    conflict = tab.get_by_role("alert").filter(has_text="“Rye bread”")
    expect(conflict).to_contain_text("its new name")
    expect(conflict).to_contain_text("It is now “Toast”.")
    expect(todo(tab, "Toast")).to_be_visible()
    conflict.get_by_role("button", name="Save mine").click()
    expect(todo(another_browser, "Rye bread")).to_be_visible()
    expect(tab.get_by_role("alert")).to_have_count(0)
    assert titles(person) == ["Second", "First", "Milk", "Rye bread"]
    unfold(another_browser)
    expect(done(another_browser, "Milk")).to_be_checked()


def test_device_keeps_no_token_and_nothing_of_a_person_after_the_session(
    device: BrowserContext, tab: Page, another_browser: Page, stack: Stack, person: Person
) -> None:
    """Signed out here, with something unsent, which is asked first; on another device, with an open tab and without;
    at the issuer's page."""
    second = device.new_page()
    second.goto(stack.url)
    add(second, "Ann's secret")
    wait_until_kept(second, "Ann's secret")
    kept = kept_on_device(second)
    assert person.email in kept
    assert "eyJ" not in kept
    assert "session_token" not in kept
    second.route(f"**{TODOS}", lambda route: route.abort())
    new_todo(second).fill("Ann's thought")
    new_todo(second).press("Enter")
    second.get_by_role("button", name="Sign out", exact=True).click()
    expect(second.get_by_role("alert").filter(has_text="One change is not sent yet")).to_be_visible()
    second.get_by_role("button", name="Sign out and lose it").click()
    for page in (second, tab):
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert "Ann" not in kept_on_device(page)
        assert person.email not in kept_on_device(page)

    for is_open in (True, False):
        fill_in(tab, person.email)
        expect(todo(tab, "Ann's secret")).to_be_visible()
        wait_until_kept(tab, "Ann's secret")
        if not is_open:
            tab.goto("about:blank")
        sign_in(another_browser, stack, person.email, path="/settings")
        another_browser.get_by_role("button", name="Sign out everywhere else").click()
        expect(another_browser.get_by_text("This device")).to_be_visible()
        if not is_open:
            tab.goto(stack.url)
        expect(tab.get_by_role("button", name="Sign in")).to_be_visible()
        wait_until(lambda: "Ann" not in kept_on_device(tab))
        another_browser.context.clear_cookies()
        tab.reload()
    fill_in(tab, person.email)
    expect(todo(tab, "Ann's secret")).to_be_visible()
    wait_until_kept(tab, "Ann's secret")
    second.close()
    tab.goto(f"{stack.url}/signout")
    tab.locator("#sign-out").click()  # at the issuer's page: only the worker is there to notice
    wait_until(lambda: "Ann" not in kept_on_device(tab))
    tab.goto(stack.url)
    fill_in(tab, sign_up(stack, "Ben").email)
    expect(tab.get_by_role("heading", name="A clear page")).to_be_visible()
    wait_until_kept(tab, "Ben")
    assert "Ann" not in kept_on_device(tab)


@pytest.mark.parametrize(
    ("storage", "said"),
    [(FORBIDDEN, "does not let anything be kept"), (FULL, "no room left")],
    ids=["forbidden", "full"],
)
def test_storage_that_takes_nothing_is_said_and_the_application_goes_on(
    device: BrowserContext, stack: Stack, person: Person, storage: str, said: str
) -> None:
    page = device.new_page()
    page.add_init_script(storage)
    sign_in(page, stack, person.email)
    expect(page.get_by_role("status").filter(has_text=said)).to_contain_text("only while you are online")
    add(page, "Buy milk")
    page.reload()
    expect(todo(page, "Buy milk")).to_be_visible()


def test_lists_and_the_trash_work_in_a_tunnel_and_are_sent_in_order(
    device: BrowserContext, tab: Page, stack: Stack, person: Person
) -> None:
    """A list is made, filled, renamed and opened anew; another one is deleted; something comes back from the trash."""
    api = person.api()
    old = api.post("/api/v1/lists", json={"name": "Old"}).json()["id"]
    api.post(TODOS, json={"title": "Of the old list", "list_id": old})
    tab.set_viewport_size({"width": 1280, "height": 800})
    add(tab, "Passport")
    add(tab, "Deleted before")
    tab.get_by_role("button", name="Delete: Deleted before").click()
    tab.get_by_role("link", name="Trash").click()
    expect(in_trash(tab)).to_contain_text(["Deleted before"])
    tab.get_by_role("link", name="All").click()
    wait_until_kept(tab, "Passport", "Of the old list")
    device.set_offline(True)

    make_list(tab, "Journey")
    new_todo(tab).fill("Tickets")
    new_todo(tab).press("Enter")
    tab.get_by_role("link", name="Inbox").click()
    tab.get_by_role("button", name="Details: Passport").click()
    tab.get_by_label("List", exact=True).select_option(label="Journey")
    tab.get_by_role("button", name="Change the list Journey").click()
    tab.get_by_label("Name", exact=True).fill("Long journey")
    tab.get_by_role("button", name="Save", exact=True).click()
    tab.get_by_role("link", name="Long journey").click()
    expect(todo(tab, "Passport")).to_be_visible()
    tab.get_by_role("button", name="Share", exact=True).click()
    expect(tab.get_by_role("status").filter(has_text="This list is not sent yet")).to_be_visible()
    tab.get_by_role("button", name="Close").click()
    tab.get_by_role("button", name="Change the list Old").click()
    tab.get_by_role("button", name="Delete the list").click()
    tab.get_by_role("link", name="Trash").click()
    expect(in_trash(tab)).to_contain_text(["Old", "Deleted before"])
    tab.get_by_role("button", name="Restore: Deleted before").click()
    expect(in_trash(tab)).to_have_count(1)
    tab.reload()
    expect(in_trash(tab)).to_contain_text(["Old"])
    tab.get_by_role("link", name="Long journey").click()
    made_up = tab.url
    expect(todo(tab, "Passport")).to_be_visible()
    expect(tab.get_by_role("listitem").filter(has_text="Tickets")).to_contain_text("Not sent yet")
    assert set(titles(person)) == {"Passport", "Of the old list"}

    device.set_offline(False)
    expect(todo(tab, "Tickets")).to_be_visible()
    expect(tab.get_by_text("Not sent yet")).to_have_count(0)
    wait_until(lambda: set(titles(person)) == {"Tickets", "Passport", "Deleted before"})  # it is the last one
    [journey] = api.get("/api/v1/lists").json()["items"]
    assert journey["name"] == "Long journey"
    wait_until(lambda: tab.url != made_up)
    assert tab.url.endswith(journey["id"])
    listed = api.get(TODOS, params={"list_id": journey["id"]}).json()["items"]
    assert {each["title"] for each in listed} == {"Tickets", "Passport"}
    tab.goto(made_up)  # the address of before leads there, too
    expect(todo(tab, "Tickets")).to_be_visible()


def test_who_was_removed_from_a_list_meanwhile_loses_nothing_of_what_was_typed(
    device: BrowserContext, tab: Page, stack: Stack, person: Person
) -> None:
    """What somebody else shares is read in the tunnel; sharing itself says that it needs the network."""
    hers = sign_up(stack, "Alice").api()
    list_id = hers.post("/api/v1/lists", json={"name": "Shopping"}).json()["id"]
    hers.post(TODOS, json={"title": "Milk", "list_id": list_id})
    invited = hers.post(f"/api/v1/lists/{list_id}/invitations", json={"role": "editor", "name": "Alice"}).json()
    accepted = person.api().post("/api/v1/invitations/accept", json={"token": invited["token"], "name": "Ann"})
    assert accepted.status_code == 200, accepted.text
    tab.set_viewport_size({"width": 1280, "height": 800})
    tab.get_by_role("link", name="Shopping").click()
    wait_until_kept(tab, "Milk")
    device.set_offline(True)
    tab.reload()
    rename(tab, "Milk", "Oat milk of a long poem")
    new_todo(tab).fill("Bread of a long poem")
    new_todo(tab).press("Enter")
    tab.get_by_role("button", name="Shared by Alice").click()
    expect(tab.get_by_role("status").filter(has_text="Sharing needs the network")).to_be_visible()
    tab.get_by_role("button", name="Close").click()
    [member] = hers.get(f"/api/v1/lists/{list_id}/members").json()["items"]
    hers.delete(f"/api/v1/lists/{list_id}/members/{member['id']}")
    device.set_offline(False)

    for text in ("Oat milk of a long poem", "Bread of a long poem"):
        refused = tab.get_by_role("alert").filter(has_text=f"“{text}”")
        expect(refused).to_contain_text("“Shopping” is no longer shared with you")
        expect(refused.locator("pre")).to_have_text(text)
        expect(refused.get_by_role("button", name="Copy the text")).to_be_visible()
    tab.get_by_role("button", name="Put it into the inbox").click()
    tab.get_by_role("alert").filter(has_text="Oat milk").get_by_role("button", name="Discard").click()
    expect(tab.get_by_role("alert")).to_have_count(0)
    wait_until(lambda: titles(person) == ["Bread of a long poem"])
    assert [each["title"] for each in hers.get(TODOS).json()["items"]] == ["Milk"]
