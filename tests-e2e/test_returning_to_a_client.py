"""From a form of ours back to the client, in a real browser: redirects of the client's own, forms sent twice, Back."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from e2e_fixtures.callbacks import Client, running_client
from e2e_fixtures.people import PASSWORD
from e2e_fixtures.providers import Account, Ours
from e2e_fixtures.stack import Stack


@pytest.fixture(scope="module")
def ours(stack: Stack) -> Ours:
    return Ours(stack)


@pytest.fixture(scope="module")
def clients(ours: Ours) -> Iterator[dict[str, Client]]:
    """One client that needs consent, and one of the operator's own, with a secret: nobody is asked about it."""
    secret = {"token_endpoint_auth_method": "client_secret_post"}
    with running_client(ours) as asking, running_client(ours, first_party=True, **secret) as own:
        yield {"asking": asking, "own": own}


@pytest.fixture(params=["asking", "own"])
def client(request: pytest.FixtureRequest, clients: dict[str, Client]) -> Client:
    """The client, as if nothing had happened yet."""
    return _anew(clients[request.param])


@pytest.fixture
def asking(clients: dict[str, Client]) -> Client:
    return _anew(clients["asking"])


@pytest.fixture
def own(clients: dict[str, Client]) -> Client:
    return _anew(clients["own"])


def _anew(client: Client) -> Client:
    client.responses.clear()
    client.visits.clear()
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


def test_a_client_that_registered_itself_is_shown_as_a_stranger(ours: Ours, account: Account, page: Page) -> None:
    """Nobody is sent back to it before they have allowed it, and the page says where they will be sent."""
    with running_client(ours) as stranger:
        with closing(sqlite3.connect(ours.stack.checkout.folder / ".run/auth.db", 60)) as database:
            database.execute("UPDATE clients SET registered_by = 'open' WHERE client_id = ?", (stranger.client_id,))
            database.commit()
        page.goto(stranger.url())
        sign_in(page, account)
        expect(page.locator("#stranger-warning")).to_contain_text("Nobody here knows this application.")
        expect(page.locator("#loopback-warning")).to_be_visible()
        expect(page.locator("#redirect-host")).to_have_text(urlsplit(stranger.redirect_uri).netloc)
        page.click("#deny")
        page.wait_for_url(f"{stranger.redirect_uri}?*")
        assert stranger.responses[0]["error"] == "access_denied"


TWICE = pytest.mark.parametrize("pause", [False, True], ids=["at once", "with a pause"])


def click_twice(page: Page, client: Client, button: str, *, pause: bool) -> None:
    """Click a button twice. With a pause, the second click drops the answer when the client already has it."""
    if not pause:
        return page.dblclick(button)
    box = page.locator(button).bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    count = len(client.visits)
    with client.waiting():
        page.mouse.click(*middle)
        client.wait_for_visits(count + 1)
        page.mouse.click(*middle)
        client.wait_for_visits(count + 2)
    return None


def go_to_consent(page: Page, client: Client, account: Account, **asked: str) -> None:
    page.goto(client.url(**asked))
    sign_in(page, account)
    page.wait_for_selector("#allow")


@TWICE
def test_allow_by_a_double_click_arrives(asking: Client, account: Account, page: Page, pause: bool) -> None:
    """The second click sends the form again and drops the first response, with the client's redirect in it."""
    go_to_consent(page, asking, account)
    click_twice(page, asking, "#allow", pause=pause)
    page.wait_for_selector("#arrived")
    assert len({response["code"] for response in asking.responses}) == 1
    assert asking.redeem(asking.responses[-1]).status_code == 200


def test_allow_after_a_lost_redirect_arrives(asking: Client, account: Account, page: Page) -> None:
    """The client is slow, and the person presses the button once more, or goes back to the page."""
    go_to_consent(page, asking, account)
    patient = page.context.new_page()
    patient.goto(page.url)
    with asking.waiting():
        page.click("#allow", no_wait_after=True)
        asking.wait_for_visits(1)
    patient.click("#allow")
    patient.wait_for_selector("#arrived")
    assert len({response["code"] for response in asking.responses}) == 1


@TWICE
def test_deny_by_a_double_click_arrives(asking: Client, account: Account, page: Page, pause: bool) -> None:
    go_to_consent(page, asking, account)
    click_twice(page, asking, "#deny", pause=pause)
    page.wait_for_selector("#arrived")
    assert {response["error"] for response in asking.responses} == {"access_denied"}


@TWICE
def test_sign_in_by_a_double_click_arrives(own: Client, account: Account, page: Page, pause: bool) -> None:
    page.goto(own.url())
    page.fill("#email", account.email)
    page.fill("#password", account.password)
    click_twice(page, own, "#sign-in", pause=pause)
    page.wait_for_selector("#arrived")
    assert "code" in own.responses[-1]


@TWICE
def test_sign_up_by_a_double_click_arrives(own: Client, page: Page, pause: bool) -> None:
    page.goto(own.url())
    page.click("#signup-link")
    page.fill("#name", "Ann")
    page.fill("#email", f"{secrets.token_hex(8)}@example.com")
    page.fill("#password", PASSWORD)
    click_twice(page, own, "#sign-up", pause=pause)
    page.wait_for_selector("#arrived")
    assert "code" in own.responses[-1]


def _agree_and_arrive(page: Page) -> None:
    """Press what is left to press, until the client's page is there."""
    page.wait_for_selector("#allow, #arrived")
    if page.locator("#allow").count():
        page.dblclick("#allow")
    page.wait_for_selector("#arrived")


@TWICE
def test_select_account_by_a_double_click_arrives(own: Client, account: Account, page: Page, pause: bool) -> None:
    page.goto(own.url())
    sign_in(page, account)
    page.wait_for_selector("#arrived")
    page.goto(own.url(prompt="select_account"))
    click_twice(page, own, "#continue", pause=pause)
    page.wait_for_selector("#arrived")
    assert "code" in own.responses[-1]


@TWICE
def test_sign_out_by_a_double_click_arrives(asking: Client, account: Account, page: Page, pause: bool) -> None:
    go_to_consent(page, asking, account)
    page.click("#allow")
    page.wait_for_selector("#arrived")
    hint = asking.redeem(asking.responses[0]).json()["id_token"]
    page.goto(asking.sign_out_url(id_token_hint=hint))
    click_twice(page, asking, "#sign-out", pause=pause)
    page.wait_for_selector("#arrived")  # wait_for_url would fail with the navigation that the second click ended
    assert page.url == f"{asking.origin}/bye"


def test_going_back_after_the_code_was_redeemed_leads_on(asking: Client, account: Account, page: Page) -> None:
    """The page says that the request was answered, and its link leads to the client."""
    go_to_consent(page, asking, account)
    asking.on_response = lambda response: None if asking.redeem(response).status_code == 200 else "/failed"
    page.click("#allow")
    page.wait_for_selector("#arrived")
    page.go_back()
    if page.locator("#allow").count():  # kept by the browser as it was
        page.click("#allow")
    expect(page.locator("#error-title")).to_have_text("You have answered this already")
    page.click("#client-link")
    page.wait_for_url(f"{asking.origin}/")
    assert len(asking.responses) == 1


def test_going_back_to_an_earlier_form_works(asking: Client, account: Account, page: Page) -> None:
    """From the consent to the sign-in form, which is sent again, and on."""
    go_to_consent(page, asking, account)
    page.go_back()
    sign_in(page, account)
    page.wait_for_selector("#allow")
    page.click("#allow")
    page.wait_for_selector("#arrived")


def test_forms_that_were_open_for_two_hours_arrive(
    stack: Stack, client: Client, account: Account, page: Page, another_browser: Page
) -> None:
    """The clock is moved by what is stored: every instant is set back by two hours."""
    page.goto(client.url())
    another_browser.goto(client.url())
    sign_in(another_browser, account)
    another_browser.wait_for_selector("#allow, #arrived")
    two_hours_later(stack)
    sign_in(page, account)
    for each in (page, another_browser):
        _agree_and_arrive(each)


def two_hours_later(stack: Stack) -> None:
    columns = {
        "authorization_requests": ("created_at", "expires_at"),
        "browser_sessions": ("created_at", "authenticated_at", "updated_at", "expires_at"),
    }
    with closing(sqlite3.connect(stack.checkout.folder / ".run/auth.db", 60)) as database:
        for table, names in columns.items():
            back = ", ".join(f"{name} = strftime('%Y-%m-%d %H:%M:%f000', {name}, '-2 hours')" for name in names)
            database.execute(f"UPDATE {table} SET {back}")
        database.commit()


def test_a_form_of_another_site_finds_the_session(client: Client, account: Account, page: Page) -> None:
    """A POST from another site comes without cookies (SameSite=Lax): it is stored, and a GET has the cookies."""
    page.goto(client.url())
    sign_in(page, account)
    _agree_and_arrive(page)
    post_from_another_site(page, client, "/oauth/authorize", client.asked(state="posted"))
    _agree_and_arrive(page)
    assert client.responses[-1]["state"] == "posted"
    hint = client.redeem(client.responses[-1]).json()["id_token"]
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": f"{client.origin}/bye", "state": "out"}
    post_from_another_site(page, client, "/oauth/logout", asked)
    page.wait_for_selector("#sign-out, #arrived")
    if page.locator("#sign-out").count():
        page.click("#sign-out")
    page.wait_for_url(f"{client.origin}/bye?state=out")
    page.goto(f"{client.ours.issuer}/signin")
    expect(page.locator("#email")).to_be_visible()


def post_from_another_site(page: Page, client: Client, path: str, fields: dict[str, str]) -> None:
    """Send a form from a page at 127.0.0.1, which is another site than localhost."""
    page.goto(client.origin.replace("localhost", "127.0.0.1"))
    send = """([action, fields]) => {
        const form = Object.assign(document.createElement('form'), {method: 'post', action});
        for (const [name, value] of Object.entries(fields)) {
            form.append(Object.assign(document.createElement('input'), {name, value}));
        }
        document.body.append(form);
        form.submit();
    }"""
    with page.expect_request(f"{client.ours.issuer}{path}") as sent:
        page.evaluate(send, [f"{client.ours.issuer}{path}", fields])
    assert (sent.value.method, "cookie" in sent.value.all_headers()) == ("POST", False)


@pytest.mark.parametrize("state", ["x" * 7500, "!" * 7500], ids=["plain", "escaped"])
def test_a_state_of_eight_kibibytes_comes_back(own: Client, account: Account, page: Page, state: str) -> None:
    """Through the gateway, as a code and as an error."""
    page.goto(own.url().replace("af0ifjsldkj", state))  # not escaped: our answer escapes it
    sign_in(page, account)
    page.wait_for_selector("#arrived")
    page.goto(own.url(scope="").replace("af0ifjsldkj", state))
    page.wait_for_selector("#arrived")
    assert [response["state"] for response in own.responses] == [state] * 2
    assert own.responses[1]["error"] == "invalid_scope"


@pytest.mark.parametrize("button", ["#sign-in", "#stay"])
def test_a_client_that_asks_for_another_account_is_answered(
    ours: Ours, asking: Client, account: Account, page: Page, button: str
) -> None:
    """The page offers the account that the ID token names, without its address being typed, and the one signed in."""
    go_to_consent(page, asking, account)
    page.click("#allow")
    page.wait_for_selector("#arrived")
    hint = asking.redeem(asking.responses[0]).json()["id_token"]
    page.goto(f"{ours.issuer}/signout")
    page.click("#sign-out")
    page.wait_for_selector("#signed-out")
    page.goto(f"{ours.issuer}/signin")
    sign_in(page, ours.sign_up())
    page.wait_for_selector("#signed-in")
    page.goto(asking.url(id_token_hint=hint, state="hinted"))
    expect(page.locator("#email")).to_have_value(account.email)
    page.fill("#password", account.password)
    page.dblclick(button)
    _agree_and_arrive(page)
    answer = asking.responses[-1]
    assert (answer["state"], answer.get("error")) == ("hinted", "login_required" if button == "#stay" else None)
