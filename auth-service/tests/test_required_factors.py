"""A second factor that is required of everybody, of an account, of a role or by a client, before there is a session."""

import json
from collections.abc import Iterator

import jwt
import pytest

from .browser import Browser, signed_in
from .code_flow import API, Frontend, register_frontend
from .conftest import PASSWORD, Running, Service, emptied
from .factor_scene import App, protect
from .mail_scene import serving_mail
from .test_passkey_pages import add, use
from .test_password_reset import link_in, mails

ANN = "ann@example.com"
SET_UP = "/second-factor-setup"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory, AUTH_REQUIRE_SECOND_FACTOR="on")


@pytest.fixture
def strict(running: Running) -> Iterator[Service]:
    """Everybody needs a second factor. Ann has an account with a confirmed address, and none."""
    for service in emptied(running.service):
        client = service.client()
        body = {"name": "Ann", "email": ANN, "password": PASSWORD}
        made = client.post("/sign-up/email", json=body)
        assert made.json() == {"twoFactorRedirect": True, "twoFactorMethods": []}
        assert client.get("/get-session").json() is None
        service.execute("UPDATE accounts SET email_verified = true")
        mails(service)
        yield service


def set_up(browser: Browser) -> App:
    """Set up an app at the page that the browser shows, without the password, and read the recovery codes."""
    assert (browser.path, "password" in browser.page.elements) == (SET_UP, False)
    shown = browser.press("factor-form", "begin")
    app = App(browser.service, shown.fields("confirm-form")[1]["secret"], [])
    assert browser.press("confirm-form", "confirm", code=app.wrong()).last.status_code == 403
    assert "session_token" not in str(browser.client.cookies)
    browser.press("confirm-form", "confirm", code=app.code())
    assert browser.last.text.count("<li>") == 10
    return app


def claims(frontend: Frontend, browser: Browser) -> dict[str, object]:
    token = frontend.redeem(browser.answer["code"]).json()["access_token"]
    made: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return made


class TestOfEverybody:
    def test_a_person_sets_it_up_at_the_sign_in_and_goes_on_to_the_application(self, strict: Service) -> None:
        frontend = register_frontend(strict, first_party=True)
        browser = Browser(strict).authorize(frontend).sign_in()
        assert "factor-needed" in browser.page.elements
        assert browser.client.get("/api/auth/get-session").json() is None
        app = set_up(browser)
        assert strict.rows("SELECT count(*) FROM browser_sessions") == [(1,)]
        browser.open(browser.page.elements["kept"]["href"])
        told = claims(frontend, browser)
        assert (told["acr"], told["amr"]) == ("aal2", ["pwd", "otp", "mfa"])
        assert ["second factor" in text or "authenticator" in text for text in mails(strict)] == [True]
        again = Browser(strict).open("/signin").sign_in()
        assert again.press("second-factor-form", "verify", code=app.wait()).page.elements["signed-in"]

    def test_the_protocol_says_that_there_is_no_method_yet(self, strict: Service) -> None:
        client = strict.client()
        answer = client.post("/sign-in/email", json={"email": ANN, "password": PASSWORD})
        assert answer.json() == {"twoFactorRedirect": True, "twoFactorMethods": []}
        assert client.get("/get-session").json() is None
        assert client.post("/two-factor/verify-totp", json={"code": "000000"}).status_code == 401
        assert client.post("/two-factor/enable", json={"password": PASSWORD}).status_code == 401
        browser = Browser(strict)
        browser.client.cookies.update(dict(client.cookies))
        set_up(browser.open(SET_UP))
        assert browser.client.get("/api/auth/get-session").json()["user"]["twoFactorEnabled"] is True

    def test_a_sign_up_and_a_mailed_link_lead_there_too(self, strict: Service) -> None:
        browser = Browser(strict).open("/signup")
        browser.press("signup-form", "sign-up", name="Bob", email="bob@example.com", password=PASSWORD)
        set_up(browser)
        strict.client().post("/sign-in/magic-link", json={"email": ANN})
        [link] = [text for text in mails(strict) if "/confirm?" in text]
        opened = Browser(strict).open("/confirm" + link.split("/confirm", 1)[1].split()[0])
        assert opened.press("link-form", "sign-in").path == SET_UP

    def test_the_page_belongs_to_the_browser_that_knew_the_password(self, strict: Service) -> None:
        mine = Browser(strict).open("/signin").sign_in()
        fields = mine.fields("factor-form")[1]
        assert Browser(strict).open(SET_UP).path == "/signin"
        assert Browser(strict).post(SET_UP, **fields, decision="begin").path == "/signin"
        other = Browser(strict).open("/signin").sign_in()
        assert other.post(SET_UP, **fields, decision="begin").last.status_code == 403
        assert strict.rows("SELECT count(*) FROM totp_factors") == [(0,)]
        strict.clock.advance(minutes=11)
        assert mine.open(SET_UP).path == "/signin"

    def test_codes_are_counted_and_a_second_set_up_does_not_take_the_account(self, strict: Service) -> None:
        first, second = (Browser(strict).open("/signin").sign_in() for _ in range(2))
        begun = second.press("factor-form", "begin")
        stale = App(strict, begun.fields("confirm-form")[1]["secret"], [])
        set_up(first)
        assert second.press("confirm-form", "confirm", code=stale.code()).path in ("/signin", "/second-factor")
        assert second.client.get("/api/auth/get-session").json() is None
        third = Browser(strict).open("/signup")
        third.press("signup-form", "sign-up", name="Cy", email="cy@example.com", password=PASSWORD)
        third.press("factor-form", "begin")
        for _ in range(6):
            if "confirm-form" in third.page.forms:
                third.press("confirm-form", "confirm", code="000000")
        assert third.path == "/signin"

    def test_a_passkey_is_asked_for_instead_of_setting_up_an_app(self, strict: Service) -> None:
        """Otherwise the password alone, or the mailbox alone, would do without the passkey."""
        owner = Browser(strict).open("/signin").sign_in()
        set_up(owner)
        credential = add(owner)
        strict.execute("DELETE FROM totp_factors")
        strict.execute("UPDATE accounts SET second_factor_at = NULL")
        mails(strict)
        strict.client().post("/sign-in/magic-link", json={"email": ANN})
        by_mail = Browser(strict).open(link_in(mails(strict)[0])).press("link-form", "sign-in")
        by_password = Browser(strict).open("/signin").sign_in()
        for browser in (by_mail, by_password):
            assert (browser.path, "second-factor-form" in browser.page.forms) == ("/second-factor", False)
            assert browser.open(SET_UP).path == "/second-factor"
            assert browser.post(SET_UP, decision="begin").path == "/second-factor"
            assert "ask-operator" in browser.open(browser.page.elements["lost-link"]["href"]).page.elements
        assert strict.rows("SELECT * FROM totp_factors") == []
        assert "signed-in" in use(by_password.open("/second-factor"), credential).page.elements


class TestOfSome:
    def test_of_an_account(self, service: Service) -> None:
        service.signed_up(ANN)
        service.signed_up("bob@example.com")
        assert service.command("users", "require-second-factor", ANN).returncode == 0
        assert json.loads(service.command("users", "show", ANN, "--json").stdout)["second_factor"] == "required"
        assert Browser(service).open("/signin").sign_in().path == SET_UP
        assert Browser(service).open("/signin").sign_in("bob@example.com").path == "/signin"
        service.command("users", "require-second-factor", ANN, "--off")
        assert Browser(service).open("/signin").sign_in().path == "/signin"

    def test_of_a_session_of_before_at_the_next_authorization(self, sqlite_service: Service) -> None:
        frontend = register_frontend(sqlite_service, first_party=True)
        browser = signed_in(sqlite_service, ANN)
        assert "code" in browser.authorize(frontend).answer
        sqlite_service.command("users", "require-second-factor", ANN)
        assert browser.authorize(frontend, prompt="none").answer["error"] == "login_required"
        assert browser.authorize(frontend).path == SET_UP
        assert "factor-needed" in browser.page.elements
        shown = browser.press("factor-form", "begin", password=PASSWORD)
        app = App(sqlite_service, shown.fields("confirm-form")[1]["secret"], [])
        browser.press("confirm-form", "confirm", code=app.code())
        browser.open(browser.page.elements["kept"]["href"])
        assert claims(frontend, browser)["acr"] == "aal2"

    def test_of_a_role(self, service: Service) -> None:
        resource = "https://api.example.com/billing"
        api = {
            "resource": resource,
            "name": "Billing",
            "scopes": {"billing:read": "See your invoices"},
            "roles": {"accountant": "Sees all", "clerk": "Sees some"},
            "second_factor_roles": ["accountant"],
        }
        unknown = service.command("resources", "create", stdin=json.dumps({**api, "second_factor_roles": ["nobody"]}))
        assert "second_factor_roles: a list of names out of `roles`" in unknown.stderr
        made = json.loads(service.command("resources", "create", stdin=json.dumps(api)).stdout)
        assert made["second_factor_roles"] == ["accountant"]
        service.signed_up(ANN)
        for role, path in (("clerk", "/signin"), ("accountant", SET_UP)):
            service.command("roles", "grant", ANN, role, "--resource", resource)
            assert Browser(service).open("/signin").sign_in().path == path

    def test_of_a_role_at_the_next_authorization(self, service: Service) -> None:
        """The APIs, and which roles of theirs need one, are cached for some seconds."""
        resource, frontend = "https://api.example.com/billing", register_frontend(service, first_party=True)
        browser = signed_in(service, ANN)
        assert "code" in browser.authorize(frontend).answer
        api = {"resource": resource, "name": "Billing", "scopes": {"billing:read": "See your invoices"}}
        roles = {"roles": {"accountant": "Sees all", "clerk": "Sees some"}, "second_factor_roles": ["accountant"]}
        service.command("resources", "create", stdin=json.dumps(api | roles))
        service.command("roles", "grant", ANN, "clerk", "--resource", resource)
        service.clock.advance(seconds=5)
        assert "code" in browser.authorize(frontend).answer
        service.command("roles", "grant", ANN, "accountant", "--resource", resource)
        assert browser.authorize(frontend).path == SET_UP

    def test_by_a_client(self, sqlite_service: Service) -> None:
        easy = register_frontend(sqlite_service, first_party=True)
        strict = register_frontend(sqlite_service, first_party=True, require_second_factor=True)
        browser = signed_in(sqlite_service, ANN)
        assert "code" in browser.authorize(easy).answer
        assert browser.authorize(strict).path == SET_UP, "there is none yet"
        app = protect(sqlite_service)
        assert browser.authorize(strict).path == "/second-factor"
        browser.press("second-factor-form", "verify", code=app.wait(), trust="yes")
        assert claims(strict, browser)["acr"] == "aal2"
        browser.open("/signout").press("signout-form", "sign-out")
        browser.authorize(strict).sign_in()
        assert browser.path == "/second-factor", "a trusted browser has shown a cookie, not a code"
        browser.press("second-factor-form", "verify", code=app.wait())
        assert claims(strict, browser)["acr"] == "aal2"

    def test_web_cannot_require_it(self, sqlite_service: Service) -> None:
        members = json.loads(sqlite_service.command("clients", "show", "web").stdout)
        asked = json.dumps({**members, "require_second_factor": True, "default_resource": API})
        refused = sqlite_service.command("clients", "update", "web", stdin=asked)
        assert "require_second_factor: is for clients" in refused.stderr
