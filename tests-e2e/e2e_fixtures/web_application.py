"""The todo web application in Chromium, found by its visible texts, as a person uses it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page, Request, expect

from e2e_fixtures.absent import absent
from e2e_fixtures.people import PASSWORD
from e2e_fixtures.stack import Stack

KEPT = """async () => {
    const kept = [{...localStorage}, {...sessionStorage}, document.cookie];
    for (const name of await caches.keys())
        for (const request of await (await caches.open(name)).keys()) kept.push(request.url);
    for (const { name } of await indexedDB.databases()) {
        const database = await new Promise((resolve, reject) => {
            const opening = indexedDB.open(name);
            opening.onsuccess = () => resolve(opening.result);
            opening.onerror = () => reject(opening.error);
        });
        for (const store of database.objectStoreNames)
            kept.push(await new Promise((resolve, reject) => {
                const reading = database.transaction(store).objectStore(store).getAll();
                reading.onsuccess = () => resolve(reading.result);
                reading.onerror = () => reject(reading.error);
            }));
        database.close();
    }
    return JSON.stringify(kept);
}"""


def kept_on_device(page: Page) -> str:
    """Everything that scripts of the page's origin can read on this device; of Cache Storage the addresses."""
    kept: str = page.evaluate(KEPT)
    return kept


def require_application(stack: Stack) -> None:
    if stack.client().get("/").status_code == 404:
        absent("the web application was not built: Node.js from 20.19 is missing")


def sign_in(page: Page, stack: Stack, email: str, *, path: str = "/", password: str = PASSWORD) -> None:
    """Open a page that requires a sign-in, and sign in."""
    page.goto(stack.url + path)
    fill_in(page, email, password)
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()


def fill_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def new_todo(page: Page) -> Locator:
    return page.get_by_label("New todo")


def add(page: Page, title: str) -> None:
    new_todo(page).fill(title)
    new_todo(page).press("Enter")
    expect(todo(page, title)).to_be_visible()
    expect(new_todo(page)).to_have_value("")


def todo(page: Page, title: str) -> Locator:
    """The row's title, which must match exactly."""
    return page.get_by_role("list", name="Todos").get_by_role("button", name=title, exact=True)


def done(page: Page, title: str) -> Locator:
    return page.get_by_role("checkbox", name=f"Done: {title}", exact=True)


def finish(page: Page, title: str) -> None:
    """Complete the todo and wait for the API's answer, because the page shows it as done before."""
    with page.expect_response("**/complete"):
        done(page, title).check()


def unfold(page: Page) -> None:
    """Show the completed todos."""
    page.locator("summary").filter(has_text="Completed").click()


@dataclass
class Traffic:
    """The requests of these pages since this object was made."""

    requests: list[Request] = field(default_factory=list)

    @classmethod
    def of(cls, *pages: Page) -> "Traffic":
        traffic = cls()
        for page in pages:
            page.on("request", lambda request: traffic.requests.append(request))
        return traffic

    def paths(self, is_counted: Callable[[str], bool] = lambda path: True) -> list[str]:
        """The requests' paths, without origin and query."""
        every = [request.url.split("/", 3)[3].partition("?")[0] for request in self.requests]
        return [f"/{path}" for path in every if is_counted(f"/{path}")]

    def count(self, path: str) -> int:
        return self.paths().count(path)
