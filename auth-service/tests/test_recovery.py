"""A lost second factor is replaced by a mailed link, after a delay in which its owner can stop it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from . import upstream_scene
from .browser import Browser, signed_in
from .conftest import PASSWORD, Running, Service, emptied
from .factor_scene import App, protect
from .lying_provider import lying_provider
from .mail_scene import serving_mail
from .passkey_scene import register
from .test_password_reset import ANN, NEW, link_in, mails, token_of
from .upstream_scene import Traveller


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory)


@pytest.fixture
def ann(running: Running) -> Iterator[Browser]:
    """Ann's browser, signed in; her address is confirmed."""
    for service in emptied(running.service):
        browser = signed_in(service, ANN)
        service.execute("DELETE FROM outgoing_mails")
        service.execute("UPDATE accounts SET email_verified = true")
        yield browser


def lose(service: Service) -> Browser:
    """A browser that has shown the password, and opens the page for a lost second factor."""
    browser = Browser(service).open("/signin").sign_in()
    return browser.open(browser.page.elements["lost-link"]["href"])


def start(service: Service) -> str:
    """Start a recovery, and return the mailed link."""
    browser = lose(service).press("recovery-start-form", "start-recovery")
    assert "recovery-started" in browser.page.elements
    [text] = mails(service)
    return link_in(text)


def recover(service: Service, link: str, **fields: str) -> Browser:
    """Send the form that sets a new password, whether the page shows it or not."""
    browser = Browser(service).open(link)
    if "stop-form" not in browser.page.forms:
        return browser
    kept = browser.fields("stop-form")[1]
    return browser.post("/recovery", **kept, decision="recover", **{"password": NEW, **fields})


def is_protected(service: Service) -> bool:
    return service.rows("SELECT 1 FROM accounts WHERE second_factor_at IS NOT NULL") == [(1,)]


def test_the_link_gets_in_after_the_delay_and_ends_everything_else(ann: Browser) -> None:
    service = ann.service
    register(service.client(cookies=ann.client.cookies))
    protect(service)
    mails(service)
    lose(service).press("recovery-start-form", "start-recovery")
    service.clock.advance(hours=10)  # the mail server was away: the delay begins when the owner is told
    [text] = mails(service)
    link = link_in(text)
    service.clock.advance(days=2, hours=20)
    assert "recovery-waits" in Browser(service).open(link).page.elements
    assert "recovery-waits" in recover(service, link).page.elements
    assert is_protected(service)
    service.clock.advance(hours=5)
    [reminder] = mails(service)
    assert link_in(reminder) == link
    assert recover(service, link, password="password1").last.status_code == 422
    assert "recovery-recovered" in recover(service, link).page.elements
    assert not is_protected(service)
    for table in ("passkeys", "recovery_codes", "totp_factors", "browser_sessions"):
        assert service.rows(f"SELECT 1 FROM {table}") == [], table
    assert ann.open("/account").path == "/signin"
    [text] = mails(service)
    assert "the second factor, all passkeys and all other sign-ins were removed" in " ".join(text.split()).lower()
    assert Browser(service).open("/signin").sign_in(password=PASSWORD).last.status_code == 403
    assert "signed-in" in Browser(service).open("/signin").sign_in(password=NEW).page.elements
    assert recover(service, link).last.status_code == 400, "a link works once"


def by_link(ann: Browser, app: App, link: str) -> None:
    opened = Browser(ann.service).open(link)
    assert "recovery-stopped" in opened.press("stop-form", "stop").page.elements


def on_any_page(ann: Browser, app: App, link: str) -> None:
    for path in ("/signin", "/account", "/passkeys", "/second-factor-setup", "/personal-tokens", "/consent"):
        assert "stop-recovery" in ann.open(path).page.elements, path
    assert "changed" in ann.press("stop-recovery-form", "stop-recovery").page.elements
    assert "stop-recovery" not in ann.open("/account").page.elements


def by_a_code(ann: Browser, app: App, link: str) -> None:
    found = Browser(ann.service).open("/signin").sign_in()
    assert "signed-in" in found.press("second-factor-form", "verify", code=app.wait()).page.elements


@pytest.mark.parametrize("stop", [by_link, on_any_page, by_a_code])
def test_its_owner_stops_it(ann: Browser, stop: Callable[[Browser, App, str], None]) -> None:
    service = ann.service
    app = protect(service)
    link = start(service)
    stop(ann, app, link)
    service.clock.advance(days=4)
    assert recover(service, link).last.status_code == 400
    assert is_protected(service)
    assert not [text for text in mails(service) if "you can set a new password" in text]
    assert "stop-form" not in Browser(service).open(link).page.forms


def test_an_old_session_stops_it_only_after_a_new_sign_in(ann: Browser) -> None:
    """Otherwise a thief's session stops all three of a month."""
    service = ann.service
    app = protect(service)
    service.clock.advance(minutes=11)
    link = start(service)
    ann.open("/account").press("stop-recovery-form", "stop-recovery")
    assert ann.path == "/signin"
    assert "stop-form" in Browser(service).open(link).page.forms, "it goes on"
    ann.sign_in().press("second-factor-form", "verify", code=app.wait())
    assert (ann.path, "stop-recovery" in ann.page.elements) == ("/account", False)
    assert "stop-form" not in Browser(service).open(link).page.forms
    again = start(service)
    service.execute("UPDATE browser_sessions SET authenticated_at = (SELECT recovery_started_at FROM accounts)")
    service.clock.advance(minutes=9)
    assert "changed" in ann.open("/account").press("stop-recovery-form", "stop-recovery").page.elements
    assert "stop-form" not in Browser(service).open(again).page.forms


def test_one_at_a_time_and_three_in_a_month(ann: Browser) -> None:
    service = ann.service
    protect(service)
    for _ in range(3):
        first, second = lose(service), lose(service)
        first.press("recovery-start-form", "start-recovery")
        assert "recovery-running" in second.press("recovery-start-form", "start-recovery").page.elements
        [text] = [each for each in mails(service) if "/recovery?" in each]
        by_link(ann, App(service, "", []), link_in(text))
    assert lose(service).press("recovery-start-form", "start-recovery").last.status_code == 429


def test_of_two_at_once_one_gets_in(ann: Browser) -> None:
    service = ann.service
    protect(service)
    link = start(service)
    service.clock.advance(days=3, minutes=1)
    browsers = [Browser(service).open(link) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        passwords = [NEW, f"{NEW}-too"]
        pressed = list(pool.map(lambda b, p: b.press("recovery-form", "recover", password=p), browsers, passwords))
    assert sorted("recovery-recovered" in each.page.elements for each in pressed) == [False, True]


def test_who_was_linked_at_another_provider_does_not_stay(ann: Browser) -> None:
    """The identity there passed the first step of a sign-in, as the old password did: a thief may hold it."""
    service = ann.service
    with lying_provider() as provider:
        upstream_scene.register(service, provider, trusted=False)
        thief = Traveller(ann, provider)
        ann.open("/account", change="sign-ins").press("link-form-elsewhere", "link-elsewhere")
        provider.claims = {"sub": "thief", "email": "thief@example.com"}
        thief.come_back(provider.answer(thief.left()))
        protect(service)
        mails(service)
        link = start(service)
        service.clock.advance(days=3, minutes=1)
        assert "recovery-recovered" in recover(service, link).page.elements
        assert upstream_scene.linked(service) == []
        away = Traveller.of(service, provider)
        away.sign_in(sub="thief", email="thief@example.com")
        assert ANN not in away.browser.open("/account").page.text


def test_a_suspension_ends_it_as_its_owner_cannot_stop_it_meanwhile(ann: Browser) -> None:
    service = ann.service
    protect(service)
    link = start(service)
    assert service.command("users", "suspend", ANN, "--yes").returncode == 0
    service.clock.advance(days=4)
    assert service.command("users", "activate", ANN).returncode == 0
    assert recover(service, link).last.status_code == 400
    assert is_protected(service)


def test_who_cannot_be_told_or_has_to_have_one_asks_an_operator(ann: Browser) -> None:
    """Mail gets nobody past a second factor that the operator requires."""
    service = ann.service
    protect(service)
    assert Browser(service).open("/recovery").path == "/signin"
    asked = lose(service)
    service.execute("UPDATE accounts SET email_verified = false")
    assert "confirm-first" in lose(service).page.elements
    service.execute("UPDATE accounts SET email_verified = true, second_factor_required_at = created_at")
    assert "ask-operator" in asked.press("recovery-start-form", "start-recovery").page.elements
    assert mails(service) == []


def test_a_link_of_another_kind_or_shape_does_nothing(ann: Browser) -> None:
    service = ann.service
    protect(service)
    link = start(service)
    service.clock.advance(days=3, minutes=1)
    service.client().post("/request-password-reset", json={"email": ANN})
    reset = token_of(link_in(next(text for text in mails(service) if "/reset-password" in text)))
    right = token_of(link)
    for token in (reset, right[:-1], right + "A", "", "ä" * 43):
        assert Browser(service).open("/recovery", token=token).last.status_code == 400 or token == ""
    service.clock.advance(days=8)
    assert recover(service, link).last.status_code == 400
    newer = start(service)
    service.clock.advance(days=3, minutes=1)
    assert recover(service, link).last.status_code == 400, "a link is for one recovery"
    assert is_protected(service)
    assert "recovery-recovered" in recover(service, newer).page.elements
