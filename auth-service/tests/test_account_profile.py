"""People change their name, and their user name where they may choose it."""

import pytest

from .browser import Browser, signed_in
from .conftest import Service, Start


def save(browser: Browser, **fields: str) -> Browser:
    return browser.open("/account", change="profile").press("profile-form", "save", **fields)


def test_a_name_is_changed_and_a_bad_one_is_refused(sqlite_service: Service) -> None:
    browser = signed_in(sqlite_service)
    for bad in ("", "\u200b", "x" * 257, "a\u202eb"):
        refused = save(browser, name=bad)
        assert (refused.last.status_code, refused.page.elements["name"]["aria-invalid"]) == (422, "true")
    assert "Ann of Green" in save(browser, name=" Ann of Green ").page.text
    save(browser, name="Ann", username="ann")
    assert sqlite_service.rows("SELECT name, username FROM accounts") == [("Ann", None)], "operators give user names"


@pytest.fixture
def choosing(start: Start, sqlite_url: str) -> Service:
    return start(sqlite_url, AUTH_USERNAMES="person")


def test_a_user_name_is_chosen_once_for_all_times(choosing: Service) -> None:
    ann, bob = signed_in(choosing), signed_in(choosing, "bob@example.com")
    assert "changed" in save(ann, name="Ann", username="ann").page.elements
    for taken in ("ANN", "admin", "R\u2134ot", "a@b", "-"):
        assert save(bob, name="Bob", username=taken).last.status_code == 422, taken
    save(ann, name="Ann", username="")
    assert save(bob, name="Bob", username="ann").last.status_code == 422
    for number in range(9):
        assert "changed" in save(ann, name="Ann", username=f"ann{number}").page.elements
    assert save(ann, name="Ann", username="one-too-many").last.status_code == 422
    assert "changed" in save(ann, name="Ann", username="ann").page.elements
