"""Mails about second factors and new browsers: to a confirmed address, in the transaction that they are about."""

from collections.abc import Iterator

import pytest

from .browser import Browser, signed_in
from .conftest import PASSWORD, Running, Service, emptied
from .factor_scene import App, protect
from .mail_scene import serving_mail
from .test_password_reset import ANN, link_in, mails


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


def told(service: Service, *words: str) -> bool:
    texts = [" ".join(text.split()) for text in mails(service)]
    return len(texts) == len(words) and all(any(word in text for text in texts) for word in words)


def test_each_change_of_the_second_factor_is_told(ann: Browser) -> None:
    service = ann.service
    begun = ann.open("/second-factor-setup").press("factor-form", "begin", password=PASSWORD)
    assert told(service), "nothing has changed yet"
    app = App(service, begun.fields("confirm-form")[1]["secret"], [])
    ann.press("confirm-form", "confirm", code=app.code())
    assert told(service, "now needs a code")
    ann.open("/second-factor-setup").press("factor-form", "new-codes", password=PASSWORD, code=app.wait())
    assert told(service, "has new recovery codes")
    ann.open("/second-factor-setup").press("factor-form", "turn-off", password=PASSWORD, code=app.wait())
    assert told(service, "no longer asks for a code")


def test_a_used_recovery_code_is_told_and_so_is_a_new_browser_after_a_code(ann: Browser) -> None:
    app = protect(ann.service)
    elsewhere = Browser(ann.service).open("/signin").sign_in()
    assert told(ann.service), "a password alone did not sign in"
    elsewhere.open(elsewhere.page.elements["use-recovery-code"]["href"])
    elsewhere.press("second-factor-form", "verify", recovery_code=app.recovery_codes[0])
    assert told(ann.service, "You have 9 left", "that had not been used for it before")
    elsewhere.press("signout-form", "sign-out").open("/signin").sign_in()
    elsewhere.press("second-factor-form", "verify", code=app.wait())
    assert told(ann.service), "the browser is known"


def test_a_new_browser_is_told_after_a_link_and_known_afterwards(ann: Browser) -> None:
    phone = Browser(ann.service)
    for expected in (["that had not been used"], []):
        ann.service.client().post("/sign-in/magic-link", json={"email": ANN})
        [text] = mails(ann.service)
        phone.open(link_in(text)).press("link-form", "sign-in")
        assert told(ann.service, *expected)
        phone.open("/signout").press("signout-form", "sign-out")


def test_an_address_that_is_not_confirmed_is_told_nothing(ann: Browser) -> None:
    ann.service.execute("UPDATE accounts SET email_verified = false")
    app = protect(ann.service)
    ann.open("/second-factor-setup").press("factor-form", "turn-off", password=PASSWORD, code=app.wait())
    assert "factor-off" in ann.page.elements
    assert told(ann.service)


def test_words_of_the_browser_are_in_no_mail(ann: Browser) -> None:
    """A User-Agent, a name or an address may hold a line break or an advertisement."""
    elsewhere = Browser(ann.service, {"Origin": "http://localhost:8080", "User-Agent": "Buy now at evil.example"})
    ann.service.execute("UPDATE accounts SET name = 'Win a prize at evil.example'")
    elsewhere.open("/signin").sign_in()
    [text] = mails(ann.service)
    assert "evil" not in text


def test_what_an_operator_removes_is_told_and_so_is_a_token_for_scripts(ann: Browser) -> None:
    service = ann.service
    ann.open("/personal-tokens")
    chosen = {"name": "Nightly", "scope.todos:read": "yes", "days": "30", "password": PASSWORD}
    assert "token-made" in ann.press("token-form", "make-token", **chosen).page.elements
    assert told(service, "personal access token was made")
    protect(service)
    settings = service.settings
    sent = {"AUTH_MAIL_URL": settings.mail_url.get_secret_value(), "AUTH_MAIL_FROM": settings.mail_from or ""}
    done = service.command("users", "disable-second-factor", ANN, "--yes", **sent)
    assert done.returncode == 0, done.stderr
    assert told(service, "has removed the second factor")
