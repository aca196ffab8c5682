"""The hosted page of the second factor: after the password, and when an application asks for more."""

import jwt
import pytest

from .browser import Browser, signed_in
from .code_flow import API, register_frontend
from .conftest import PASSWORD, Service
from .factor_scene import App, protect

WRONG = "not-the-password"
ANN = "ann@example.com"
ESSENTIAL = {"claims": '{"id_token":{"acr":{"essential":true,"value":"aal2"}}}'}


class TestAfterThePassword:
    def test_the_code_leads_back_to_the_application(self, service: Service) -> None:
        service.signed_up(ANN)
        app = protect(service)
        frontend = register_frontend(service, first_party=True)
        browser = Browser(service).authorize(frontend).sign_in()
        assert browser.path == "/second-factor"
        code = browser.page.elements["code"]
        assert (code["autocomplete"], code["inputmode"]) == ("one-time-code", "numeric")
        browser.press("second-factor-form", "verify", code=app.wrong())
        assert (browser.last.status_code, browser.page.elements["code"]["aria-describedby"]) == (403, "error")
        right = app.wait()
        assert "code" in browser.press("second-factor-form", "verify", code=f"{right[:3]} {right[3:]}").answer

    def test_a_recovery_code_is_asked_for_by_a_link_and_the_browser_may_be_trusted(
        self, sqlite_service: Service
    ) -> None:
        sqlite_service.signed_up(ANN)
        app = protect(sqlite_service)
        browser = Browser(sqlite_service).open("/signin").sign_in()
        browser.open(browser.page.elements["use-recovery-code"]["href"])
        pressed = browser.press("second-factor-form", "verify", recovery_code=app.recovery_codes[3], trust="yes")
        assert (pressed.path, "signed-in" in pressed.page.elements) == ("/signin", True)
        browser.press("signout-form", "sign-out")
        assert "signed-in" in browser.open("/signin").sign_in().page.elements

    def test_a_recovery_code_leads_back_to_the_application_too(self, sqlite_service: Service) -> None:
        sqlite_service.signed_up(ANN)
        app = protect(sqlite_service)
        browser = Browser(sqlite_service).authorize(register_frontend(sqlite_service, first_party=True)).sign_in()
        browser.open(browser.page.elements["use-recovery-code"]["href"])
        pressed = browser.press("second-factor-form", "verify", recovery_code=app.recovery_codes[3])
        assert "code" in pressed.answer

    def test_a_form_of_another_browser_is_refused(self, sqlite_service: Service) -> None:
        sqlite_service.signed_up(ANN)
        app = protect(sqlite_service)
        mine, other = (Browser(sqlite_service).open("/signin").sign_in() for _ in range(2))
        assert other.path == "/second-factor"
        _, fields = mine.fields("second-factor-form")
        assert other.post("/second-factor", **{**fields, "code": app.wait()}).last.status_code == 403
        stranger = Browser(sqlite_service).open("/signin")
        _, fields = stranger.fields("signin-form")
        assert stranger.post("/second-factor", form_token=fields["form_token"], code=app.code()).path == "/signin"

    def test_too_many_codes_lead_back_to_the_password(self, sqlite_service: Service) -> None:
        sqlite_service.signed_up(ANN)
        app = protect(sqlite_service)
        browser = Browser(sqlite_service).open("/signin").sign_in()
        for _ in range(6):
            browser.press("second-factor-form", "verify", code=app.wrong())
        assert browser.path == "/signin"
        assert "enter your password again" in browser.page.text

    def test_a_form_of_a_sign_up_that_signs_in_asks_as_well(self, sqlite_service: Service) -> None:
        sqlite_service.signed_up(ANN)
        protect(sqlite_service)
        browser = Browser(sqlite_service).open("/signup")
        browser.press("signup-form", "sign-up", name="Ann", email=ANN, password=PASSWORD)
        assert browser.path == "/second-factor"


class TestStepUp:
    """RFC 9470 §5: an application asks for a second factor by `acr_values`, or by the claim `acr`."""

    @pytest.mark.parametrize("asks", [{"acr_values": "aal2", "resource": API}, {"acr_values": "aal2"}, ESSENTIAL])
    def test_a_session_without_a_second_factor_is_asked_for_it(
        self, sqlite_service: Service, asks: dict[str, str]
    ) -> None:
        frontend = register_frontend(sqlite_service, first_party=True)
        browser = signed_in(sqlite_service, ANN)
        app = protect(sqlite_service)
        browser.authorize(frontend, **{"scope": "openid", **asks})
        assert browser.path == "/second-factor"
        assert browser.press("second-factor-form", "verify", code=app.wrong()).last.status_code == 403
        code = browser.press("second-factor-form", "verify", code=app.wait()).answer["code"]
        claims = jwt.decode(frontend.redeem(code).json()["access_token"], options={"verify_signature": False})
        assert (claims["acr"], claims["amr"]) == ("aal2", ["pwd", "otp", "mfa"])
        assert "code" in browser.authorize(frontend, **{"scope": "openid", **asks}).answer, "once for a session"

    def test_without_a_page_it_is_refused_or_not_reached(self, sqlite_service: Service) -> None:
        frontend = register_frontend(sqlite_service, first_party=True)
        browser = signed_in(sqlite_service, ANN)
        protect(sqlite_service)
        asked = {"prompt": "none", "scope": "openid"}
        assert browser.authorize(frontend, **asked, acr_values="aal2", resource=API).answer["error"] == "login_required"
        assert "code" in browser.authorize(frontend, **asked, acr_values="aal2").answer

    def test_a_client_that_accepts_less_is_told_what_it_accepts(self, sqlite_service: Service) -> None:
        """Clients compare `acr` for equality (OpenID Connect Core §5.5.1.1)."""
        frontend = register_frontend(sqlite_service, first_party=True)
        browser = signed_in(sqlite_service, ANN)
        app = protect(sqlite_service)
        browser.open("/second-factor").press("second-factor-form", "verify", code=app.wait())
        code = browser.authorize(frontend, acr_values="aal1").answer["code"]
        claims = jwt.decode(frontend.redeem(code).json()["access_token"], options={"verify_signature": False})
        assert (claims["acr"], claims["amr"]) == ("aal1", ["pwd", "otp", "mfa"])


class TestSettingItUp:
    def test_from_the_password_to_the_recovery_codes(self, service: Service) -> None:
        browser = signed_in(service, ANN).open("/second-factor-setup")
        assert browser.press("factor-form", "begin", password=WRONG).last.status_code == 403
        assert service.rows("SELECT count(*) FROM totp_factors") == [(0,)]
        shown = browser.press("factor-form", "begin", password=PASSWORD)
        secret = shown.fields("confirm-form")[1]["secret"]
        assert ("<svg" in shown.last.text, "<script" in shown.last.text) == (True, False)
        app = App(service, secret, [])
        wrong = shown.press("confirm-form", "confirm", code=app.wrong())
        assert (wrong.last.status_code, wrong.fields("confirm-form")[1]["secret"]) == (403, secret)
        codes = wrong.press("confirm-form", "confirm", code=app.code())
        assert codes.last.text.count("<li>") == 10
        assert "<li>" not in browser.open("/second-factor-setup").last.text, "they are shown once"
        assert Browser(service).open("/signin").sign_in().path == "/second-factor"

    def test_it_ends_with_the_password_and_a_code(self, sqlite_service: Service) -> None:
        browser = signed_in(sqlite_service, ANN)
        app = protect(sqlite_service)
        browser.open("/second-factor-setup")
        browser.press("factor-form", "turn-off", password=WRONG, code=app.wait())
        assert browser.page.elements["password"]["aria-invalid"] == "true"
        browser.press("factor-form", "turn-off", password=PASSWORD, code=app.wrong())
        assert browser.page.elements["code"]["aria-invalid"] == "true"
        made = browser.press("factor-form", "new-codes", password=PASSWORD, code=app.code())
        assert app.recovery_codes[0] not in made.last.text
        assert "factor-on" in browser.open("/second-factor-setup").page.elements
        browser.press("factor-form", "turn-off", password=PASSWORD, code=app.wait())
        assert "factor-off" in browser.page.elements

    def test_a_session_alone_does_not_see_the_secret(self, sqlite_service: Service) -> None:
        """Another browser with the session has not been shown it, and is not shown it by a wrong code."""
        browser = signed_in(sqlite_service, ANN).open("/second-factor-setup")
        begun = browser.press("factor-form", "begin", password=PASSWORD)
        action, fields = begun.fields("confirm-form")
        secret = fields.pop("secret")
        assert secret not in begun.post(action, **{**fields, "decision": "confirm", "code": "000000"}).last.text
