"""The language of an account: who says it, and the pages and mails that are in it."""

import json
from collections.abc import Iterator

import pytest

from .browser import Browser, signed_in
from .code_flow import register_frontend
from .conftest import ISSUER, PASSWORD, Running, Service, emptied
from .lying_provider import lying_provider
from .mail_scene import serving_mail
from .oauth_client import claims_of
from .test_account_profile import save
from .test_password_reset import ANN, ask, link_in, mails
from .upstream_scene import Traveller, register

GERMAN, ENGLISH = {"Origin": ISSUER, "Accept-Language": "de-AT"}, {"Origin": ISSUER, "Accept-Language": "en-GB"}
BODY = {"name": "Ann", "email": ANN, "password": PASSWORD}


@pytest.fixture(scope="module", params=["off", "on"], ids=["confirmed later", "confirmed first"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    required = request.param
    request.param = "sqlite"
    yield from serving_mail(request, tmp_path_factory, AUTH_REQUIRE_VERIFIED_EMAIL=required)


@pytest.fixture
def mailing(running: Running) -> Iterator[Service]:
    yield from emptied(running.service)


def language(service: Service) -> str | None:
    [(found,)] = service.rows("SELECT language FROM accounts")
    return None if found is None else str(found)


def is_german(browser: Browser) -> bool:
    return browser.last.headers["content-language"] == "de"


@pytest.fixture
def ann(sqlite_service: Service) -> Browser:
    """Ann reads German, and is signed in with a browser that says nothing of it."""
    browser = signed_in(sqlite_service, ANN)
    sqlite_service.execute("UPDATE accounts SET language = 'de'")
    return browser


@pytest.mark.parametrize("way", ["page", "protocol", "provider"])
def test_a_new_account_has_the_language_of_the_page(mailing: Service, way: str) -> None:
    if way == "page":
        Browser(mailing, GERMAN).open("/signup").press("signup-form", "sign-up", **BODY)
    elif way == "protocol":
        assert mailing.client(headers=GERMAN).post("/sign-up/email", json=BODY).status_code == 200
    else:
        with lying_provider() as provider:
            register(mailing, provider)
            Traveller(Browser(mailing, GERMAN), provider).sign_in()
    assert language(mailing) == "de"


def test_who_names_no_language_of_ours_has_chosen_none(mailing: Service) -> None:
    mailing.client(headers={"Origin": ISSUER, "Accept-Language": "fr"}).post("/sign-up/email", json=BODY)
    assert language(mailing) is None


def test_mails_are_in_the_language_of_whom_they_go_to(mailing: Service) -> None:
    """Whoever asks for a mail, or does what it tells, may read another one."""
    mailing.client(headers=ENGLISH).post("/sign-up/email", json=BODY)
    mailing.execute("UPDATE accounts SET language = 'de', email_verified = true")
    mails(mailing)
    mailing.client(headers=ENGLISH).post("/request-password-reset", json={"email": ANN})
    [asked] = mails(mailing)
    assert ("Der Link gilt" in asked, "The link" in asked) == (True, False)
    Browser(mailing, ENGLISH).open(link_in(asked)).press("reset-form", "set-password", password="another-horse-2")
    [notice] = mails(mailing)
    assert 0 < notice.index("Das Passwort deines Kontos") < notice.index("The password of your account")
    mailing.execute("UPDATE accounts SET language = NULL")
    assert ask(mailing).status_code == 200
    assert "The link works once" in mails(mailing)[0]


def test_the_former_address_is_told_in_the_language_of_the_account(mailing: Service) -> None:
    mailing.client(headers=ENGLISH).post("/sign-up/email", json=BODY)
    mailing.execute("UPDATE accounts SET language = 'de', email_verified = true")
    browser = Browser(mailing, ENGLISH).open("/signin", language="en").sign_in(ANN)
    mails(mailing)
    browser.open("/account", change="email")
    browser.press("email-form", "send-link", email="new@example.com", current_password=PASSWORD)
    [asked] = mails(mailing)
    assert ("To: new@example.com" in asked, "Der Link gilt" in asked) == (True, True)
    browser.open(link_in(asked)).press("confirm-form", "confirm")
    [told] = mails(mailing)
    assert told.startswith(f"To: {ANN}")
    assert 0 < told.index("Dein Konto bei") < told.index("Your account at")


def test_pages_are_in_it_after_the_sign_in_unless_something_else_was_chosen(ann: Browser) -> None:
    assert is_german(ann.open("/account"))
    assert is_german(ann.open("/signin")), "although the browser prefers nothing"
    assert not is_german(Browser(ann.service).open("/signin"))
    frontend = register_frontend(ann.service)
    assert is_german(ann.authorize(frontend))
    assert not is_german(ann.authorize(frontend, ui_locales="en"))
    ann.authorize(frontend)
    assert not is_german(ann.open("/account", language="en"))
    assert not is_german(ann.open("/account")), "the link at the foot of a page is remembered in this browser"


def test_a_person_chooses_and_leaves_it_to_the_browser_again(ann: Browser) -> None:
    ann.open("/signin", language="de")
    assert not is_german(save(ann, name="Ann", language="en"))
    assert language(ann.service) == "en"
    save(ann, name="Anna")
    assert language(ann.service) == "en", "a form without the field changes nothing"
    for unknown in ("fr", "<b>", "browser"):
        ann.service.execute("UPDATE accounts SET language = 'de'")
        save(ann, name="Ann", language=unknown)
        assert language(ann.service) is None
    assert "language" not in ann.client.cookies
    assert not is_german(ann.open("/account"))


def test_the_export_has_it(ann: Browser) -> None:
    ann.open("/account").press("export-form", "export")
    assert json.loads(ann.last.text)["account"]["language"] == "de"


def test_applications_that_get_the_profile_are_told_unless_the_operator_says_otherwise(ann: Browser) -> None:
    """OpenID Connect Core §5.4: `locale` is a claim of the scope `profile`."""
    frontend = register_frontend(ann.service, scope="openid profile todos:read")

    def locale(scope: str) -> object:
        answer = ann.authorize(frontend, scope=scope, prompt="consent").allow().answer
        return claims_of(frontend.redeem(answer["code"]).json()["id_token"]).get("locale")

    assert locale("openid todos:read") is None
    assert locale("openid profile") == "de"
    ann.service.execute("""UPDATE accounts SET profile = '{"locale": "de-CH"}'""")
    assert locale("openid profile") == "de-CH"
