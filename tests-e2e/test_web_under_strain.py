"""The todo web application under strain: tokens that expire all the time, sessions that end, limits, an outage.

The stack is separate and has its limits on. No step has a deadline: the page's clock stands still until a test puts it
forward, and sessions are made older in the issuer's database.
"""

import os
import re
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import APIResponse, Browser, Page, Route, expect

from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.people import PASSWORD, Person, sign_up
from e2e_fixtures.stack import Stack, running_stack
from e2e_fixtures.waiting import wait_until
from e2e_fixtures.web_application import (
    Traffic,
    add,
    done,
    fill_in,
    finish,
    new_todo,
    require_application,
    sign_in,
    todo,
    unfold,
)

LIFETIME = timedelta(minutes=5)  # of access tokens
TOKEN, TODOS = "/api/auth/token", "/api/v1/todos"
AGED = """UPDATE browser_sessions
    SET authenticated_at = strftime('%Y-%m-%d %H:%M:%f000', authenticated_at, '-3 days') WHERE account_id = ?"""
SETTINGS = {
    "GATEWAY_SIGN_IN_RATE": "10r/s",  # so that the service's own lockout refuses before the gateway's limit does
    "GATEWAY_API_RATE": "1r/s",
    "GATEWAY_API_BURST": "100",  # more than all tests of this file need
}


@pytest.fixture(scope="module")
def strained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("strained") / "checkout", **SETTINGS) as running:
        require_application(running)
        yield running


@pytest.fixture
def ann(strained: Stack) -> Person:
    return sign_up(strained)


@pytest.fixture
def page(page: Page) -> Page:
    stop_the_clock(page, datetime.now(UTC))
    return page


@pytest.fixture
def mine(page: Page, strained: Stack, ann: Person) -> Page:
    sign_in(page, strained, ann.email)
    expect(page.get_by_role("heading", name="A clear page")).to_be_visible()
    return page


def stop_the_clock(page: Page, at: datetime) -> None:
    """Stop the clock for all pages of this browser. Timers and the network go on."""
    page.clock.set_fixed_time(at)


def put_forward(page: Page, by: timedelta) -> None:
    shown = datetime.fromtimestamp(page.evaluate("() => Date.now()") / 1000, UTC)
    stop_the_clock(page, shown + by)


def outlive_a_token(page: Page) -> None:
    put_forward(page, LIFETIME + timedelta(seconds=1))


def test_token_that_expires_in_the_middle_of_work_is_not_noticed(mine: Page) -> None:
    traffic = Traffic.of(mine)
    add(mine, "Before")
    outlive_a_token(mine)
    add(mine, "After")
    finish(mine, "Before")
    expect(done(mine, "Before")).to_be_checked()
    expect(mine.get_by_role("alert")).to_have_count(0)
    assert traffic.count(TOKEN) == 1, "expected one renewal in one lifetime"
    assert traffic.count("/sign-in") == 0


def test_two_tabs_renew_once(mine: Page, strained: Stack) -> None:
    second = mine.context.new_page()
    second.goto(strained.url)
    expect(second.get_by_role("heading", name="A clear page")).to_be_visible()
    traffic = Traffic.of(mine, second)
    outlive_a_token(mine)
    titles = {mine: "From one tab", second: "From the other"}
    for tab, title in titles.items():
        new_todo(tab).fill(title)
    for tab in titles:
        new_todo(tab).press("Enter")
    for tab in titles:
        for title in titles.values():
            expect(todo(tab, title)).to_be_visible()
    assert traffic.count(TOKEN) == 1


def test_who_is_faster_than_the_api_is_in_nobodys_way(mine: Page) -> None:
    """A todo is completed and renamed before the first answer. Both changes are made, and no conflict is shown."""
    add(mine, "Buy milk")
    held: list[tuple[Route, APIResponse]] = []
    mine.route("**/complete", lambda route: held.append((route, route.fetch())))
    done(mine, "Buy milk").check()
    todo(mine, "Buy milk").click()
    mine.keyboard.type("Buy oat milk")
    mine.keyboard.press("Enter")
    wait_until(lambda: is_held(mine, held))
    mine.wait_for_timeout(500)  # long enough for the second change, if it did not wait for the first
    for route, response in held:
        route.fulfill(response=response)
    expect(todo(mine, "Buy oat milk")).to_be_focused()
    expect(done(mine, "Buy oat milk")).to_be_checked()
    expect(mine.get_by_role("alert")).to_have_count(0)
    mine.reload()
    unfold(mine)
    expect(done(mine, "Buy oat milk")).to_be_checked()


def test_answer_to_an_earlier_change_does_not_undo_a_later_one(mine: Page) -> None:
    """A todo is completed and reopened before the first answer. It is not shown as done again."""
    add(mine, "Buy milk")
    completing, reopening = list[Route](), list[Route]()
    mine.route("**/complete", lambda route: completing.append(route))
    mine.route("**/reopen", lambda route: reopening.append(route))
    done(mine, "Buy milk").check()
    done(mine, "Buy milk").uncheck()
    wait_until(lambda: is_held(mine, completing))
    completing[0].continue_()
    wait_until(lambda: is_held(mine, reopening))  # it is sent after the first answer
    mine.wait_for_timeout(200)  # long enough for the first answer to be shown
    assert not done(mine, "Buy milk").is_checked()
    with mine.expect_response("**/reopen"):
        reopening[0].continue_()
    mine.reload()
    expect(done(mine, "Buy milk")).not_to_be_checked()


def is_held(page: Page, held: Sequence[object]) -> bool:
    page.wait_for_timeout(50)  # Playwright calls route handlers only while the test waits
    return bool(held)


def test_session_that_is_revoked_elsewhere_loses_nothing_that_was_typed(
    mine: Page, chromium: Browser, strained: Stack, ann: Person
) -> None:
    add(mine, "Saved")
    with somebodys_browser(chromium) as context:
        elsewhere = context.new_page()
        sign_in(elsewhere, strained, ann.email, path="/settings")
        elsewhere.get_by_role("button", name="Sign out everywhere else").click()
        expect(elsewhere.get_by_role("button", name=re.compile("^Sign out Chrome"))).to_have_count(0)
    outlive_a_token(mine)
    new_todo(mine).fill("Half a thought")
    new_todo(mine).press("Enter")
    expect(mine.get_by_text("Your session has ended.")).to_be_visible()
    expect(mine.get_by_text("Saved")).to_have_count(0)
    fill_in(mine, ann.email)
    expect(todo(mine, "Half a thought")).to_be_visible()
    expect(todo(mine, "Saved")).to_be_visible()


def test_what_was_typed_is_not_there_for_somebody_else(mine: Page, strained: Stack) -> None:
    new_todo(mine).fill("Half a thought")
    mine.context.clear_cookies()
    outlive_a_token(mine)
    new_todo(mine).press("Enter")
    expect(mine.get_by_text("Your session has ended.")).to_be_visible()
    fill_in(mine, sign_up(strained, "Ben").email)
    expect(mine.get_by_role("heading", name="A clear page")).to_be_visible()
    expect(new_todo(mine)).to_have_value("")
    expect(mine.get_by_text("Half a thought")).to_have_count(0)


def test_todos_go_on_while_auth_service_is_away_until_the_token_ends(mine: Page, strained: Stack) -> None:
    add(mine, "Before the outage")
    auth_service = strained.pid("auth_service")
    outlive_a_token(mine)
    finish(mine, "Before the outage")  # fetches a new token just before the outage
    os.kill(auth_service, signal.SIGSTOP)
    try:
        add(mine, "During the outage")
        outlive_a_token(mine)
        mine.route(f"**{TOKEN}", lambda route: route.abort())  # a hanging service ends in the same error, but later
        new_todo(mine).fill("Too late")
        new_todo(mine).press("Enter")
        expect(mine.get_by_role("alert")).to_contain_text("cannot be reached right now. What you added is kept here")
    finally:
        os.kill(auth_service, signal.SIGCONT)
        mine.unroute(f"**{TOKEN}")
    expect(todo(mine, "Too late")).to_be_visible()  # the page tries again by itself


def let_sessions_age(stack: Stack, account_id: str) -> None:
    """Make the account's sessions look days old."""
    with closing(sqlite3.connect(stack.checkout.folder / ".run/auth.db", timeout=60)) as database, database:
        database.execute(AGED, (account_id,))


def test_sign_in_of_long_ago_is_confirmed_before_devices_are_shown(mine: Page, strained: Stack, ann: Person) -> None:
    """The list does not show the replaced session, however late the answer to its revocation comes."""
    held: list[Route] = []
    mine.route("**/revoke-session", lambda route: held.append(route))
    let_sessions_age(strained, ann.id)
    mine.get_by_role("link", name="Ann").click()
    devices = mine.get_by_role("region", name="Where you are signed in")
    password = devices.get_by_label("Password", exact=True)
    password.fill("not the password")
    password.press("Enter")
    expect(password).to_have_accessible_description(re.compile("is wrong"))
    password.fill(PASSWORD)
    password.press("Enter")
    wait_until(lambda: is_held(mine, held))
    mine.wait_for_timeout(500)  # long enough to fetch a list that still has both sessions
    for route in held:
        route.continue_()
    expect(devices.get_by_text("This device")).to_be_visible()
    expect(devices.get_by_role("listitem")).to_have_count(2)  # the new session and the sign-up's; not the replaced one


def test_guessing_is_told_to_wait_and_the_button_waits_too(page: Page, strained: Stack, ann: Person) -> None:
    page.goto(f"{strained.url}/sign-in")
    limited = page.get_by_role("alert").filter(has_text="Too many attempts. Try again in")
    for _ in range(12):
        fill_in(page, ann.email, "not the password")
        expect(page.get_by_label("Password", exact=True).or_(limited)).not_to_have_count(0)
        expect(page.get_by_role("button", name="Sign in")).to_have_attribute("aria-busy", "false")
        if limited.count():
            break
    expect(limited).to_be_visible()
    expect(page.get_by_role("button", name="Sign in")).to_be_disabled()
    put_forward(page, timedelta(hours=1))
    expect(page.get_by_role("button", name="Sign in")).to_be_enabled()


def test_limit_of_the_api_is_obeyed_and_nothing_is_lost(mine: Page, strained: Stack, ann: Person) -> None:
    """The last test, because it uses up the limit of its address. The page gets the gateway's real 429."""
    api = ann.api()
    refused = next(answer for _ in range(1_000) if (answer := api.get(TODOS)).status_code == 429)
    told = {name: refused.headers[name] for name in ("Content-Type", "Retry-After")}
    mine.route(f"**{TODOS}", lambda route: route.fulfill(status=429, headers=told, body=refused.content), times=1)
    traffic = Traffic.of(mine)
    new_todo(mine).fill("In a hurry")
    new_todo(mine).press("Enter")
    expect(mine.get_by_role("alert")).to_contain_text("Too many requests. What you added is kept here")
    sent = traffic.count(TODOS)
    again = mine.get_by_role("button", name="Try again")
    expect(again).to_be_disabled()
    assert traffic.count(TODOS) == sent == 1, "a request was sent before Retry-After had passed"
    mine.wait_for_timeout(1000 * int(told["Retry-After"]))  # the gateway's clock is not stopped
    put_forward(mine, timedelta(seconds=int(told["Retry-After"])))
    expect(todo(mine, "In a hurry")).to_be_visible()
