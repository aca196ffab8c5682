"""`./run.py up --demo`: two frontends at two origins share one sign-in. The board uses oidc-client-ts."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from e2e_fixtures.accessibility import examined, serious
from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.people import PASSWORD, Person, sign_up
from e2e_fixtures.stack import Stack, running_stack
from e2e_fixtures.web_application import Traffic, add, finish, new_todo, require_application, sign_in, todo, unfold

LIFETIME = "PT63S"  # oidc-client-ts renews a minute before the end, so three seconds after the token was issued


@dataclass(frozen=True)
class Demo:
    stack: Stack
    board: str
    email: str
    password: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo") / "checkout"
    with running_stack(folder, "--no-limits", "--demo", AUTH_ACCESS_TOKEN_TTL=LIFETIME) as stack:
        require_application(stack)
        said = re.search(r"board +(\S+)\n +person +(\S+), password (\S+)\n", stack.log("run"))
        assert said is not None, stack.log("run")
        yield Demo(stack, *said.groups())


@pytest.fixture
def ann(demo: Demo) -> Person:
    return sign_up(demo.stack)


@pytest.fixture
def mine(page: Page, demo: Demo, ann: Person) -> Page:
    """The web application, signed in."""
    sign_in(page, demo.stack, ann.email)
    return page


@pytest.fixture
def board(mine: Page, demo: Demo) -> Page:
    """The board in the same browser, signed in without a password."""
    page = mine.context.new_page()
    open_board(page, demo)
    return page


def open_board(page: Page, demo: Demo) -> None:
    page.goto(demo.board)
    page.get_by_role("button", name="Sign in").click()
    allow(page)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def allow(page: Page) -> None:
    """Consent. On a loopback address even our own frontend has to be allowed each time (RFC 8252 §8.6)."""
    page.get_by_role("button", name="Allow").click()


def cards(page: Page, column: str) -> Locator:
    return page.locator(f"ul[aria-labelledby={column.lower()}] li")


def test_demo_has_somebody_with_todos_and_keeps_the_password_to_itself(page: Page, demo: Demo) -> None:
    sign_in(page, demo.stack, demo.email, password=demo.password)
    unfold(page)
    expect(page.get_by_role("checkbox", name="Done: Start the demo")).to_be_checked()
    kept = demo.stack.checkout.folder / ".run/demo.json"
    seeded = json.loads(kept.read_text(encoding="utf-8"))
    assert (seeded["board"]["origin"], seeded["password"]) == (demo.board, demo.password)
    assert kept.stat().st_mode & 0o077 == 0


def test_board_asks_for_no_password_and_shows_what_the_application_has(mine: Page, demo: Demo) -> None:
    add(mine, "Open in both")
    page = mine.context.new_page()
    traffic = Traffic.of(page)
    open_board(page, demo)
    expect(page.get_by_role("list", name="Open")).to_contain_text("Open in both")
    expect(page.get_by_text("of Ann")).to_be_visible()
    assert traffic.count("/signin") == 0
    finish(mine, "Open in both")
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("list", name="Done")).to_contain_text("Open in both")
    expect(cards(page, "Open")).to_have_count(0)


def test_who_signs_in_at_the_hosted_page_is_signed_in_here(page: Page, demo: Demo, ann: Person) -> None:
    page.goto(demo.board)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Email address").fill(ann.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    allow(page)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(page).to_have_url(f"{demo.board}/")  # the address keeps no code
    page.goto(demo.stack.url)
    expect(new_todo(page)).to_be_visible()


def test_board_that_may_only_read_says_what_it_lacks(board: Page, ann: Person) -> None:
    board.get_by_role("button", name="Try to add a todo").click()
    expect(board.get_by_role("alert")).to_have_text("403: this board lacks the permission todos:write.")
    assert ann.api().get("/api/v1/todos").json()["items"] == []


def test_board_renews_by_refresh_token_without_a_frame(board: Page) -> None:
    traffic = Traffic.of(board)
    board.wait_for_event("requestfinished", lambda request: request.url.endswith("/oauth/token"))
    assert traffic.count("/oauth/authorize") == 0
    assert len(board.frames) == 1
    board.get_by_role("button", name="Refresh").click()
    expect(board.get_by_role("alert")).to_be_hidden()
    expect(board.get_by_role("button", name="Sign out")).to_be_visible()


def test_board_keeps_no_token_and_sends_no_cookie(board: Page, demo: Demo) -> None:
    kept = board.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert "token" not in kept
    with board.expect_request(f"{demo.stack.url}/api/v1/todos*") as sent:
        board.get_by_role("button", name="Refresh").click()
    headers = sent.value.all_headers()
    assert "cookie" not in headers
    assert headers["authorization"].startswith("Bearer ")


def test_signing_out_at_the_board_signs_out_here(mine: Page, board: Page, demo: Demo) -> None:
    board.get_by_role("button", name="Sign out").click()
    expect(board.get_by_role("button", name="Sign in")).to_be_visible()
    expect(board).to_have_url(re.compile(f"^{re.escape(demo.board)}/"))
    mine.reload()
    expect(mine.get_by_role("heading", name="Sign in")).to_be_visible()


def test_signing_out_here_ends_the_board(mine: Page, board: Page) -> None:
    mine.get_by_role("button", name="Sign out", exact=True).click()
    expect(mine.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(board.get_by_role("alert")).to_have_text("You have been signed out.")  # at its next renewal
    expect(board.get_by_role("button", name="Sign in")).to_be_visible()
    expect(cards(board, "Open")).to_have_count(0)


def test_two_people_share_nothing(mine: Page, board: Page, chromium: Browser, demo: Demo) -> None:
    add(mine, "Ann's secret")
    with somebodys_browser(chromium) as context:
        other = context.new_page()
        sign_in(other, demo.stack, sign_up(demo.stack, "Ben").email)
        open_board(other, demo)
        expect(other.get_by_text("of Ben")).to_be_visible()
        expect(other.get_by_text("Ann's secret")).to_have_count(0)
    board.get_by_role("button", name="Refresh").click()
    expect(board.get_by_role("list", name="Open")).to_contain_text("Ann's secret")
    expect(todo(mine, "Ann's secret")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_axe_finds_nothing_serious_on_the_board(
    chromium: Browser, demo: Demo, ann: Person, scheme: Literal["light", "dark"], width: int
) -> None:
    with examined(chromium, scheme, width) as page:
        sign_in(page, demo.stack, ann.email)
        add(page, "Seen on the board")
        page.goto(demo.board)
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert serious(page) == []
        page.get_by_role("button", name="Sign in").click()
        allow(page)
        expect(page.get_by_text("Seen on the board")).to_be_visible()
        page.get_by_role("button", name="Try to add a todo").click()
        expect(page.get_by_text("todos:write")).to_be_visible()
        assert serious(page) == []
