"""The hosted pages of passkeys. The tests do what the script does; tests-e2e has it in Chromium."""

import json
import re
from typing import Any

import jwt
import pytest

from .authenticator import Credential, make_credential
from .browser import Browser, signed_in
from .code_flow import API, register_frontend
from .conftest import ISSUER, PASSWORD, Service, Start
from .factor_scene import protect
from .passkey_scene import ANN, BOB, events

REGISTER = "/api/auth/passkey/generate-register-options"
AUTHENTICATE = "/api/auth/passkey/generate-authenticate-options"


def options(browser: Browser, path: str) -> dict[str, Any]:
    asked: dict[str, Any] = browser.client.get(path).json()
    return asked


def add(browser: Browser, **changes: Any) -> Credential:
    """Add a passkey at /passkeys."""
    asked = options(browser.open("/passkeys"), REGISTER)
    credential = make_credential(asked, **changes)
    browser.press("add-form", "add-passkey", passkey=json.dumps(credential.attest(asked)))
    assert "changed" in browser.page.elements, browser.page.text
    return credential


def use(browser: Browser, credential: Credential, form: str = "passkey-form", button: str = "use-passkey") -> Browser:
    """Send a form by a passkey."""
    answer = credential.sign_in(options(browser, AUTHENTICATE))
    return browser.press(form, button, passkey=json.dumps(answer))


class TestSigningIn:
    def test_a_passkey_leads_back_to_the_application(self, service: Service) -> None:
        credential = add(signed_in(service, ANN))
        frontend = register_frontend(service, first_party=True)
        browser = Browser(service).authorize(frontend)
        assert "webauthn" in browser.page.elements["email"]["autocomplete"]
        code = use(browser, credential).answer["code"]
        claims = jwt.decode(frontend.redeem(code).json()["access_token"], options={"verify_signature": False})
        assert (claims["acr"], claims["amr"]) == ("aal2", ["swk", "user", "mfa"])

    def test_remember_me_is_a_choice_here_too(self, sqlite_service: Service) -> None:
        credential = add(signed_in(sqlite_service, ANN))
        browser = Browser(sqlite_service).open("/signin")
        answer = credential.sign_in(options(browser, AUTHENTICATE))
        browser.press("passkey-form", "use-passkey", passkey=json.dumps(answer), remember=None)
        assert "signed-in" in browser.page.elements
        [(lasting,)] = sqlite_service.rows(
            "SELECT is_remembered FROM browser_sessions ORDER BY created_at DESC LIMIT 1"
        )
        assert not lasting

    def test_a_refusal_is_a_sentence_and_tells_the_password_manager(self, sqlite_service: Service) -> None:
        owner = signed_in(sqlite_service, ANN)
        credential = add(owner)
        browser = Browser(sqlite_service).open("/signin")
        wrong = credential.clone()
        wrong.origin = "https://evil.example.com"
        assert use(browser, wrong).last.status_code == 403
        assert "could not be checked" in browser.page.text
        asked = options(browser, AUTHENTICATE)
        sqlite_service.clock.advance(minutes=6)
        browser.press("passkey-form", "use-passkey", passkey=json.dumps(credential.sign_in(asked)))
        assert "too long" in browser.page.text
        sqlite_service.execute("DELETE FROM passkeys")
        assert "signalUnknownCredential" in use(browser, credential).last.text
        browser.press("passkey-form", "use-passkey", passkey="no answer")
        assert browser.last.status_code == 403

    def test_a_form_of_another_browser_is_refused(self, sqlite_service: Service) -> None:
        credential = add(signed_in(sqlite_service, ANN))
        mine, other = Browser(sqlite_service).open("/signin"), Browser(sqlite_service).open("/signin")
        answer = credential.sign_in(options(other, AUTHENTICATE))
        action, fields = mine.fields("passkey-form")
        assert other.post(action, **{**fields, "passkey": json.dumps(answer)}).last.status_code == 403

    def test_it_takes_the_place_of_a_code_that_is_waited_for(self, sqlite_service: Service) -> None:
        credential = add(signed_in(sqlite_service, ANN))
        protect(sqlite_service)
        browser = Browser(sqlite_service).open("/signin").sign_in()
        assert browser.path == "/second-factor"
        assert "signed-in" in use(browser, credential).page.elements

    def test_an_application_that_asks_for_more_gets_a_passkey(self, sqlite_service: Service) -> None:
        """RFC 9470 §5, for an account without an authenticator app."""
        frontend = register_frontend(sqlite_service, first_party=True)
        browser = signed_in(sqlite_service, ANN)
        asked = {"scope": "openid", "acr_values": "aal2", "resource": API}
        assert "error" in browser.authorize(frontend, **asked).answer
        credential = add(browser)
        assert browser.authorize(frontend, **asked).path == "/second-factor"
        assert "second-factor-form" not in browser.page.elements
        assert "code" in use(browser, credential).answer


class TestChanging:
    def test_from_the_account_page_to_a_renamed_and_a_removed_passkey(self, service: Service) -> None:
        browser = signed_in(service, ANN)
        browser.open(browser.open("/account").page.elements["passkeys-link"]["href"])
        assert "no-passkeys" in browser.page.elements
        credential = add(browser)
        browser.press("rename-form-1", "rename-1", name="My phone")
        assert "My phone" in browser.page.text
        assert browser.press("rename-form-1", "rename-1", name="\u200b").last.status_code == 422
        assert "My phone" in browser.page.text
        browser.press("rename-form-1", "remove-1")
        assert ("no-passkeys" in browser.page.elements, events(service, "passkey_removed")) == (True, 1)
        assert '"allAcceptedCredentialIds": []' in browser.last.text.replace("&#34;", '"')
        assert use(Browser(service).open("/signin"), credential).last.status_code == 403

    def test_after_a_while_the_password_and_the_code_are_asked_for(self, service: Service) -> None:
        browser = signed_in(service, ANN)
        add(browser)
        app = protect(service)
        browser.open("/passkeys")
        assert {"add-form", "rename-form-1"} & browser.page.elements.keys() == set()
        browser.press("confirm-form", "confirm", password="not-the-password", code=app.wait())
        assert browser.page.elements["password"]["aria-invalid"] == "true"
        browser.press("confirm-form", "confirm", password=PASSWORD, code=app.wrong())
        assert browser.page.elements["code"]["aria-invalid"] == "true"
        browser.press("confirm-form", "confirm", password=PASSWORD, code=app.code())
        assert "add-form" in browser.page.elements, browser.page.text

    def test_or_a_passkey_of_the_same_account(self, sqlite_service: Service) -> None:
        browser = signed_in(sqlite_service, ANN)
        credential, foreign = add(browser), add(signed_in(sqlite_service, BOB))
        sqlite_service.clock.advance(minutes=11)
        browser.open("/passkeys")
        use(browser, foreign, "confirm-passkey-form", "confirm-passkey")
        assert "does not belong" in browser.page.text
        assert "signalUnknownCredential" not in browser.last.text, "it is another account's, and works there"
        assert "add-form" in use(browser, credential, "confirm-passkey-form", "confirm-passkey").page.elements

    def test_a_form_of_another_session_changes_nothing(self, sqlite_service: Service) -> None:
        browser = signed_in(sqlite_service, ANN)
        add(browser)
        action, fields = browser.fields("rename-form-1")
        other = signed_in(sqlite_service, BOB)
        assert other.post(action, **fields, decision="remove").last.status_code == 403
        assert browser.post(action, id=fields["id"], decision="remove").last.status_code == 403
        assert sqlite_service.rows("SELECT count(*) FROM passkeys") == [(1,)]


def test_scripts_run_only_where_passkeys_or_passwords_are_used(sqlite_service: Service) -> None:
    """By their addresses. The one of passkeys may ask for options only, and the one of passwords for a verdict."""
    browser = Browser(sqlite_service).open("/signin")
    policy = dict(
        each.strip().partition(" ")[::2] for each in browser.last.headers["content-security-policy"].split(";")
    )
    sources = re.findall('<script src="([^"]*)"', browser.last.text)
    assert policy["script-src"].split() == [f"{ISSUER}{source}" for source in sources]
    assert policy["connect-src"] == f"{ISSUER}/api/auth/passkey/"
    for source in sources:
        served = browser.client.get(source)
        assert (served.headers["content-type"], served.status_code) == ("text/javascript; charset=utf-8", 200)
        assert "immutable" in served.headers["cache-control"]
    policy_of_signup = browser.open("/signup").last.headers["content-security-policy"]
    assert f"connect-src {ISSUER}/api/auth/password-verdict;" in policy_of_signup
    browser.open("/device")
    assert "script-src 'none'" in browser.last.headers["content-security-policy"]
    assert "<script" not in browser.last.text


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:8080", "http://[::1]:8080"])
def test_no_page_offers_them_at_an_ip_address(start: Start, sqlite_url: str, issuer: str) -> None:
    """Browsers know no passkeys for one."""
    browser = Browser(start(sqlite_url, AUTH_ISSUER=issuer)).open("/signin")
    assert "/pages/passkeys-" not in browser.last.text
