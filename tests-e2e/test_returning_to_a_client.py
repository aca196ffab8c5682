"""From a form of ours back to the client, in a real browser: redirects of the client's own, forms sent twice, Back."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from e2e_fixtures.callbacks import Client, running_client
from e2e_fixtures.providers import Account, Ours
from e2e_fixtures.stack import Stack


@pytest.fixture(scope="module")
def ours(stack: Stack) -> Ours:
    return Ours(stack)


@pytest.fixture(scope="module")
def clients(ours: Ours) -> Iterator[dict[str, Client]]:
    """One client that needs consent, and one of the operator's own."""
    with running_client(ours) as asking, running_client(ours, first_party=True) as own:
        yield {"asking": asking, "own": own}


@pytest.fixture(params=["asking", "own"])
def client(request: pytest.FixtureRequest, clients: dict[str, Client]) -> Client:
    """The client, as if nothing had happened yet."""
    return _anew(clients[request.param])


@pytest.fixture
def asking(clients: dict[str, Client]) -> Client:
    return _anew(clients["asking"])


def _anew(client: Client) -> Client:
    client.responses.clear()
    client.on_response, client.on_sign_out = lambda _: None, None
    return client


@pytest.fixture
def account(ours: Ours) -> Account:
    return ours.sign_up()


def sign_in(page: Page, account: Account, **options: Any) -> None:
    page.fill("#email", account.email)
    page.fill("#password", account.password)
    page.click("#sign-in", **options)


def test_the_clients_callback_may_redirect_to_another_origin(
    client: Client, clients: dict[str, Client], account: Account, page: Page
) -> None:
    """Chromium stops such a redirect if the form's page restricts form-action: the person stays, the client goes on."""
    other = next(each for each in clients.values() if each is not client)
    client.on_response = lambda _: f"{other.origin}/welcome"
    page.goto(client.url())
    sign_in(page, account)
    if client is clients["asking"]:
        page.click("#allow")
    page.wait_for_url(f"{other.origin}/welcome")
    assert [response["state"] for response in client.responses] == ["af0ifjsldkj"]


def test_a_form_post_may_be_redirected_to_another_origin(
    client: Client, clients: dict[str, Client], account: Account, page: Page
) -> None:
    other = next(each for each in clients.values() if each is not client)
    client.on_response = lambda _: f"{other.origin}/welcome"
    page.goto(client.url(response_mode="form_post"))
    sign_in(page, account)
    if client is clients["asking"]:
        page.click("#allow")
    page.wait_for_url(f"{other.origin}/welcome")
    assert len(client.responses) == 1


def test_the_way_back_from_signing_out_may_be_redirected_to_another_origin(
    asking: Client, clients: dict[str, Client], account: Account, page: Page
) -> None:
    asking.on_sign_out = f"{clients['own'].origin}/bye"
    page.goto(asking.url())
    sign_in(page, account)
    page.click("#allow")
    page.wait_for_url(f"{asking.redirect_uri}?*")
    hint = asking.redeem(asking.responses[0]).json()["id_token"]
    page.goto(asking.sign_out_url(id_token_hint=hint))
    page.click("#sign-out")
    page.wait_for_url(f"{clients['own'].origin}/bye")
