"""Passwords that are the person's own name or address are refused, wherever a new one is set."""

import pytest

from auth_service.accounts.weak_passwords import is_personal

from .browser import Browser, signed_in
from .conftest import PASSWORD, Service

ABOUT = ("Annabel Lee-Müller", "annabel.poe@example.com")


@pytest.mark.parametrize(
    "password",
    [
        "annabel.poe@example.com",
        "AnnabelPoe",
        "annabel1984",
        "Annabel-01.02.1984",
        "müllermüller",
        "leeleelee!!!",
        "".join(chr(ord(letter) + 0xFEE0) for letter in "ANNABEL1"),  # in full width: compared after NFKC
    ],
)
def test_hardly_more_than_name_and_address_is_personal(password: str) -> None:
    assert is_personal(password, *ABOUT)


@pytest.mark.parametrize(
    "password", ["correct-horse-1", "annabel-horse", "annabel-8273645192", "lemon-tree-7", "12345678", "x" * 128]
)
def test_other_words_or_many_digits_are_not(password: str) -> None:
    assert not is_personal(password, *ABOUT)


def test_it_is_refused_at_each_place(sqlite_service: Service) -> None:
    client, own = sqlite_service.client(), "annabel-1984"
    body = {"name": "Annabel", "email": "annabel@example.com", "password": own}
    refused = client.post("/sign-up/email", json=body)
    assert (refused.status_code, refused.json()["code"]) == (400, "PASSWORD_PERSONAL")
    verdict = client.post("/password-verdict", json={"password": own, "name": "Annabel"})
    assert verdict.json()["code"] == "PASSWORD_PERSONAL"
    browser = Browser(sqlite_service).open("/signup")
    browser.press("signup-form", "sign-up", name="Annabel", email="annabel@example.com", password=own)
    assert (browser.last.status_code, "little more than your name" in browser.page.text) == (422, True)
    browser = signed_in(sqlite_service, "annabel@example.com")
    change = {"currentPassword": PASSWORD, "newPassword": own}
    assert browser.client.post("/api/auth/change-password", json=change).json()["code"] == "PASSWORD_PERSONAL"
    browser.open("/account", change="password")
    browser.press("password-form", "set-password", current_password=PASSWORD, password=own)
    assert browser.page.elements["password"]["aria-describedby"] == "error password-hint"
    done = sqlite_service.command("users", "set-password", "annabel@example.com", stdin=f"{own}\n")
    assert "little more than the person's name" in done.stderr


@pytest.mark.parametrize(
    ("password", "code"),
    [
        (PASSWORD, None),
        ("password1", "PASSWORD_COMPROMISED"),
        ("short", "PASSWORD_TOO_SHORT"),
        ("x" * 129, "PASSWORD_TOO_LONG"),
    ],
)
def test_the_verdict_is_that_of_the_sign_up(sqlite_service: Service, password: str, code: str | None) -> None:
    client = sqlite_service.client()
    verdict = client.post("/password-verdict", json={"password": password}).json()
    body = {"name": "Ann", "email": "ann@example.com", "password": password}
    answer = client.post("/sign-up/email", json=body)
    assert (verdict["accepted"], verdict["code"]) == (answer.status_code == 200, code)
    assert answer.json().get("code") == code
