"""Deleting an account by a mailed link: by a form, once, in the account's own browser."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from .browser import Browser, signed_in
from .conftest import Running, emptied
from .mail_scene import serving_mail
from .test_password_reset import ANN, link_in, mails, token_of


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory)


@pytest.fixture
def ann(running: Running) -> Iterator[Browser]:
    """Ann's browser; her address is confirmed."""
    for service in emptied(running.service):
        browser = signed_in(service, ANN)
        service.execute("DELETE FROM outgoing_mails")
        service.execute("UPDATE accounts SET email_verified = true")
        yield browser


def link(browser: Browser, **members: str) -> str:
    answer = browser.client.post("/api/auth/delete-user", json={"callbackURL": "/bye", **members})
    assert answer.json() == {"success": True, "message": "Verification email sent"}
    [text] = mails(browser.service)
    return link_in(text)


def accounts(browser: Browser) -> int:
    [(number,)] = browser.service.rows("SELECT count(*) FROM accounts")
    return int(number)


def test_the_page_deletes_and_the_person_is_told(ann: Browser) -> None:
    ann.open("/account", change="delete").press("deletion-mail-form", "send-link")
    assert "changed" in ann.page.elements
    [text] = mails(ann.service)
    assert "delete" in ann.open(link_in(text)).page.elements
    assert accounts(ann) == 1, "opening it deletes nothing"
    assert "deleted" in ann.press("confirm-form", "delete").page.elements
    assert accounts(ann) == 0
    [told] = mails(ann.service)
    assert "was just deleted" in told


def test_get_of_the_protocols_address_leads_to_the_page(ann: Browser) -> None:
    token = token_of(link(ann))
    answer = ann.client.get("/api/auth/delete-user/callback", params={"token": token, "callbackURL": "/bye"})
    assert (answer.status_code, accounts(ann)) == (303, 1)
    ann.open(answer.headers["location"])
    assert ann.press("confirm-form", "delete").last.url.path == "/bye"


def test_only_the_accounts_own_browser_deletes(ann: Browser) -> None:
    found = link(ann)
    bob = signed_in(ann.service, "bob@example.com")
    for stranger in (Browser(ann.service), bob):
        assert stranger.open(found).last.status_code == 403
    fields = ann.open(found).fields("confirm-form")[1]
    assert bob.post("/confirm", **fields).last.status_code == 403
    own = bob.open("/account").fields("export-form")[1]["form_token"]
    assert bob.post("/confirm", token=token_of(found), form_token=own).last.status_code == 403
    assert bob.client.post("/api/auth/delete-user", json={"token": token_of(found)}).status_code == 404
    assert ann.post("/confirm", **{**fields, "form_token": own}).last.status_code == 403
    assert accounts(ann) == 2


def test_of_parallel_uses_one_deletes_and_the_link_ends_after_an_hour(ann: Browser) -> None:
    late = token_of(link(ann))
    ann.service.clock.advance(minutes=61)
    assert ann.client.post("/api/auth/delete-user", json={"token": late}).status_code == 404
    token = token_of(link(ann))

    def use(_: int) -> httpx2.Response:
        cookies = dict(ann.client.cookies)
        url = f"{ann.service.url}/api/auth/delete-user"
        return httpx2.post(url, json={"token": token}, cookies=cookies, headers=ann.headers)

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(answer.status_code for answer in pool.map(use, range(4)))
    assert (answers[0], set(answers[1:]) <= {401, 404}) == (200, True)


def test_after_a_long_ago_sign_in_the_link_is_mailed_and_after_a_recent_one_nothing_is_asked(ann: Browser) -> None:
    ann.service.clock.advance(hours=25)
    answer = ann.client.post("/api/auth/delete-user", json={})
    assert answer.json()["message"] == "Verification email sent"
    assert len(mails(ann.service)) == 1
    foreign = ann.client.post("/api/auth/delete-user", json={"callbackURL": "https://evil.example.net/"})
    assert foreign.json()["code"] == "INVALID_CALLBACK_URL"
    ann.service.clock.offset -= ann.service.clock.offset
    assert ann.client.post("/api/auth/delete-user", json={}).json()["message"] == "User deleted"
