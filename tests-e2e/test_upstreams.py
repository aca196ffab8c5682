"""Signing in at another provider in Chromium: npm's `oidc-provider`, which is certified, is the other site."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.elsewhere import registered_elsewhere, sign_in_elsewhere
from e2e_fixtures.people import PASSWORD
from e2e_fixtures.providers import Account, Control, running_control
from e2e_fixtures.stack import Stack


@pytest.fixture(scope="module")
def control() -> Iterator[Control]:
    with running_control() as running:
        yield running


@pytest.fixture(scope="module")
def connected(stack: Stack, control: Control, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, at which the provider is registered by the operator's command."""
    with registered_elsewhere(stack, control, tmp_path_factory.mktemp("secret")):
        yield stack


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with somebodys_browser(chromium) as context:
        yield context.new_page()


def sign_in_there(page: Page, control: Control, account: Account) -> None:
    page.get_by_role("button", name="Continue with Certified").click()
    sign_in_elsewhere(page, control, account)


def test_a_person_of_a_certified_provider_signs_up_comes_again_and_connects(
    connected: Stack, control: Control, page: Page
) -> None:
    account = control.sign_up()
    page.goto(f"{connected.url}/signup")
    sign_in_there(page, control, account)
    page.locator("#allow").click()
    expect(page.locator("#signed-in")).to_be_visible()
    page.goto(f"{connected.url}/account")
    expect(page.locator("#account-email")).to_have_text(account.email)
    page.locator("#sign-ins-link").click()
    expect(page.locator("#connected")).to_contain_text(account.email)
    expect(page.locator("#last-way-in")).to_be_visible()
    page.goto(f"{connected.url}/signout")
    page.locator("#sign-out").click()
    page.goto(f"{connected.url}/signin")
    page.get_by_role("button", name="Continue with Certified").click()
    expect(page.locator("#signed-in")).to_be_visible()  # the other site still knows the person


def test_who_says_no_there_is_told_here_and_signs_in_another_way(
    connected: Stack, control: Control, page: Page
) -> None:
    page.goto(f"{connected.url}/signin")
    account = control.sign_up()
    sign_in_there(page, control, account)
    page.locator("#deny").click()
    expect(page.locator("#error")).to_contain_text("You did not continue with Certified")
    page.locator("#signup-link").click()
    page.locator("#name").fill("Ann")
    page.locator("#email").fill(account.email)
    page.locator("#password").fill(PASSWORD)
    page.locator("#sign-up").click()
    expect(page.locator("#signed-in")).to_be_visible()
