"""AUTH_REQUIRE_VERIFIED_EMAIL: nobody signs in before the address is confirmed, and a sign-up tells of no account."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from auth_service.settings.settings import InvalidSettings, load_settings

from .browser import Browser
from .code_flow import register_frontend
from .conftest import PASSWORD, Running, Service, emptied, environment
from .mail_scene import serving_mail
from .test_password_reset import ANN, link_in, mails


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory, AUTH_REQUIRE_VERIFIED_EMAIL="on")


@pytest.fixture
def strict(running: Running) -> Iterator[Service]:
    yield from emptied(running.service)


def sign_up(service: Service, email: str = ANN, password: str = PASSWORD) -> httpx2.Response:
    return service.client().post("/sign-up/email", json={"name": "Ann", "email": email, "password": password})


def sign_in(service: Service, password: str = PASSWORD) -> httpx2.Response:
    return service.client().post("/sign-in/email", json={"email": ANN, "password": password})


def confirm(service: Service, text: str) -> None:
    browser = Browser(service).open(link_in(text))
    assert browser.press("verify-form", "verify", password=PASSWORD).last.status_code == 200


def test_who_signs_up_confirms_the_address_and_then_signs_in(strict: Service) -> None:
    signed_up = sign_up(strict)
    assert (signed_up.status_code, signed_up.json()["token"]) == (200, None)
    assert "set-auth-token" not in signed_up.headers
    assert [each.partition("=")[0] for each in signed_up.headers.get_list("set-cookie")] == ["better-auth.known_device"]
    refused = sign_in(strict)
    assert (refused.status_code, refused.json()["code"]) == (403, "EMAIL_NOT_VERIFIED")
    first, second = mails(strict)  # the refusal has sent another one
    confirm(strict, second)
    assert sign_in(strict).status_code == 200
    assert Browser(strict).open(link_in(first)).last.status_code == 400


def test_wrong_password_does_not_tell_that_the_address_is_not_confirmed(strict: Service) -> None:
    sign_up(strict)
    mails(strict)
    refused = sign_in(strict, "another-password-1")
    assert (refused.status_code, refused.json()["code"]) == (401, "INVALID_EMAIL_OR_PASSWORD")
    assert mails(strict) == []


def test_right_passwords_before_the_confirmation_use_up_no_attempts_and_few_mails(strict: Service) -> None:
    sign_up(strict)
    assert {sign_in(strict).status_code for _ in range(8)} == {403}
    assert len(mails(strict)) == 5


def test_taken_address_gets_the_answer_of_a_new_one_and_its_owner_a_mail(strict: Service) -> None:
    first, [text] = sign_up(strict), mails(strict)
    confirm(strict, text)
    again, [told] = sign_up(strict, password="somebody-elses-1"), mails(strict)
    other = sign_up(strict, "bob@example.com")
    shapes = [shape(answer) for answer in (first, again, other)]
    assert shapes[0] == shapes[1] == shapes[2]
    ids = [answer.json()["user"]["id"] for answer in (first, again, other)]
    assert len(set(ids)) == 3
    assert told.startswith(f"To: {ANN}")
    assert link_in(told) == "/signin"
    assert sorted(strict.rows("SELECT id FROM accounts")) == sorted([(ids[0],), (ids[2],)])
    assert sorted(strict.rows("SELECT account_id FROM identities")) == sorted([(ids[0],), (ids[2],)])
    assert [sign_in(strict).status_code, sign_in(strict, "somebody-elses-1").status_code] == [200, 401]


def shape(answer: httpx2.Response) -> Any:
    """What a caller can compare: everything except what differs between two new accounts."""
    user = answer.json()["user"]
    same = {name: value for name, value in user.items() if name not in ("id", "email", "createdAt", "updatedAt")}
    headers = {name for name in answer.headers if name not in ("date", "content-length")}
    return answer.status_code, answer.json()["token"], same, headers


def test_of_parallel_sign_ups_with_one_address_one_makes_the_account(strict: Service) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: sign_up(strict), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    [(account,)] = strict.rows("SELECT id FROM accounts")
    assert strict.rows("SELECT account_id FROM identities") == [(account,)]
    assert sorted(link_in(text).partition("?")[0] for text in mails(strict)) == ["/signin"] * 3 + ["/verify-email"]


def test_sign_ups_are_limited_alike_for_new_and_taken_addresses(strict: Service) -> None:
    assert [sign_up(strict).status_code for _ in range(6)] == [200] * 5 + [429]
    page = Browser(strict).open("/signup").press("signup-form", "sign-up", name="Ann", email=ANN, password=PASSWORD)
    assert (page.last.status_code, "Several mails" in page.page.text) == (429, True)


def test_pages_say_that_a_mail_is_on_its_way_and_send_it_again(strict: Service) -> None:
    """The authorization request that the sign-up belongs to goes on at the sign-in page."""
    frontend = register_frontend(strict)
    browser = Browser(strict).authorize(frontend).sign_up()
    assert (browser.path, "confirm-first" in browser.page.elements) == ("/verify-email", True)
    signin = browser.page.elements["signin-link"]["href"]
    refused = browser.open(signin).sign_in()
    assert (refused.last.status_code, "confirm your email address" in refused.page.text) == (403, True)
    assert "mail-sent" in refused.press("verify-request-form", "send-link").page.elements
    texts = mails(strict)
    assert [link_in(text).partition("?")[0] for text in texts] == ["/verify-email"] * 3
    confirm(strict, texts[-1])
    assert browser.open(signin).sign_in().path == "/consent"


@pytest.mark.parametrize("by", ["sign-up", "sign-in"])
def test_the_browser_that_has_shown_the_password_is_not_asked_for_it_again(strict: Service, by: str) -> None:
    browser = Browser(strict)
    if by == "sign-up":
        browser.open("/signup").sign_up(ANN)
    else:
        sign_up(strict)
        assert browser.open("/signin").sign_in(ANN).last.status_code == 403
    browser.open(link_in(mails(strict)[-1]))
    assert "password" not in browser.page.elements
    assert browser.press("verify-form", "verify").last.status_code == 200
    assert sign_in(strict).status_code == 200


def test_a_browser_that_signs_up_with_a_taken_address_is_not_the_owner_s(strict: Service) -> None:
    """Its cookie looks like that of a new account. It opens the owner's link like any other browser."""
    sign_up(strict)
    [text] = mails(strict)
    browser = Browser(strict).open("/signup").press("signup-form", "sign-up", name="B", email=ANN, password=PASSWORD)
    assert "password" in browser.open(link_in(text)).page.elements


def test_a_reset_confirms_the_address(strict: Service) -> None:
    sign_up(strict)
    strict.client().post("/request-password-reset", json={"email": ANN})
    token = next(link_in(text).partition("token=")[2] for text in mails(strict) if "/reset-password" in text)
    strict.client().post("/reset-password", json={"newPassword": "a-quite-new-password-7", "token": token})
    assert sign_in(strict, "a-quite-new-password-7").status_code == 200


def test_without_mail_it_cannot_be_required() -> None:
    with pytest.raises(InvalidSettings, match="AUTH_REQUIRE_VERIFIED_EMAIL needs AUTH_MAIL_URL"):
        load_settings(environment("sqlite+aiosqlite:///auth.db") | {"AUTH_REQUIRE_VERIFIED_EMAIL": "on"})
