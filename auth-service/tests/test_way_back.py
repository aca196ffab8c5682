"""The way back to the application, whatever a person does between its sign-in and theirs.

A request that waits goes along by its handle, in its own browser. Any other application names its page, which has to be
on a trusted origin, and mailed links lead there from every browser.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest

from . import upstream_scene
from .browser import Browser
from .code_flow import register_frontend
from .conftest import PASSWORD, Running, Service, emptied
from .factor_scene import App, protect
from .lying_provider import lying_provider
from .mail_scene import serving_mail
from .test_passkey_pages import add, use
from .test_password_reset import ANN, NEW, link_in, mails, registered
from .upstream_scene import Traveller

APPLICATION = "https://app.example.com/todos?show=open"
OWN = "/settings"  # an application at this origin, as the todo application is
NOT_TRUSTED = ["https://evil.example.net/", "//evil.example.net", "/\\evil.example.net", "javascript:alert(1)"]


@pytest.fixture(scope="module", params=["sqlite"])  # the pages do what they do on any database
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory)


@pytest.fixture
def mailing(running: Running) -> Iterator[Service]:
    """Ann has an account with a confirmed address."""
    for service in emptied(running.service):
        registered(service)
        service.execute("UPDATE accounts SET email_verified = true")
        yield service


def arrived(browser: Browser) -> str:
    """Where the browser was sent outside of the service, or to a page that the service does not have."""
    if browser.last.status_code == 303:
        return browser.last.headers["location"]
    url = browser.last.request.url
    return url.raw_path.decode()


def follow(browser: Browser, link: str) -> Browser:
    return browser.open(browser.page.elements[link]["href"])


def forget(browser: Browser) -> str:
    """From the sign-in page to the mailed link for a new password."""
    follow(browser, "forgot-link").press("reset-request-form", "send-link", email=ANN)
    [text] = [text for text in mails(browser.service) if "/reset-password?" in text]
    return link_in(text)


def reset(browser: Browser, link: str) -> Browser:
    """Set a new password, and go on to the sign-in."""
    browser.open(link).press("reset-form", "set-password", password="short")  # the form is shown again
    browser.press("reset-form", "set-password", password=NEW)
    assert "password-changed" in browser.page.elements
    return follow(browser, "signin-link")


class TestForgotPassword:
    def test_leads_back_to_the_request_that_waits(self, mailing: Service) -> None:
        browser = Browser(mailing).authorize(register_frontend(mailing, first_party=True))
        link = forget(browser)
        assert "code" in reset(browser, link).sign_in(password=NEW).answer

    def test_leads_to_the_account_in_another_browser(self, mailing: Service) -> None:
        """The request belongs to the browser that made it, and nobody knows the application's page."""
        link = forget(Browser(mailing).authorize(register_frontend(mailing, first_party=True)))
        elsewhere = reset(Browser(mailing), link)
        assert "client-name" not in elsewhere.page.elements
        assert elsewhere.sign_in(password=NEW).path == "/account"

    @pytest.mark.parametrize("application", [APPLICATION, OWN])
    @pytest.mark.parametrize("is_elsewhere", [False, True])
    def test_leads_back_to_an_application_on_a_trusted_origin(
        self, mailing: Service, application: str, is_elsewhere: bool
    ) -> None:
        browser = Browser(mailing).open("/signin", callbackURL=application)
        link = forget(browser)
        browser = Browser(mailing) if is_elsewhere else browser
        assert arrived(reset(browser, link).sign_in(password=NEW)) == application

    def test_remembered_or_mistyped_the_way_stays(self, mailing: Service) -> None:
        browser = follow(Browser(mailing).open("/signin", callbackURL=APPLICATION), "forgot-link")
        browser.press("reset-request-form", "send-link", email="nonsense")
        browser.press("reset-request-form", "send-link", email=ANN)
        follow(follow(browser, "reset-link"), "signin-link")
        assert arrived(browser.sign_in()) == APPLICATION

    @pytest.mark.parametrize("url", NOT_TRUSTED)
    def test_leads_nowhere_else(self, mailing: Service, url: str) -> None:
        """Anybody may write the address of a page, and have a mail sent to an address."""
        browser = Browser(mailing).open("/reset-password", callbackURL=url)
        browser.press("reset-request-form", "send-link", email=ANN)
        [text] = mails(mailing)
        link = link_in(text)
        assert "evil" not in link
        assert "javascript" not in link
        forged = f"{link}&{urlencode({'goes_on_to': url})}"
        assert reset(Browser(mailing), forged).sign_in(password=NEW).path == "/account"

    @pytest.mark.parametrize("application", [APPLICATION, OWN])
    def test_a_link_that_came_too_late_leads_to_another_one(self, mailing: Service, application: str) -> None:
        link = forget(Browser(mailing).open("/signin", callbackURL=application))
        mailing.clock.advance(hours=2)
        late = follow(Browser(mailing).open(link), "reset-link")
        late.press("reset-request-form", "send-link", email=ANN)
        assert arrived(reset(late, link_in(mails(mailing)[-1])).sign_in(password=NEW)) == application

    def test_a_link_that_came_too_late_keeps_the_request_that_waits(self, mailing: Service) -> None:
        browser = Browser(mailing).authorize(register_frontend(mailing, first_party=True))
        link = forget(browser)
        mailing.clock.advance(hours=2)
        follow(browser.open(link), "reset-link").press("reset-request-form", "send-link", email=ANN)
        assert "code" in reset(browser, link_in(mails(mailing)[-1])).sign_in(password=NEW).answer

    def test_a_request_that_nobody_has_looked_at_yet_is_in_no_mail(self, mailing: Service) -> None:
        """Such a request belongs to the first browser that shows its handle: it would be the mail's reader's."""
        browser = Browser(mailing).authorize(register_frontend(mailing, first_party=True))
        mailing.execute("UPDATE authorization_requests SET browser_hash = NULL")
        assert "authorization_request" not in forget(browser)


def by_password(browser: Browser) -> None:
    browser.sign_in()


def by_password_at_the_form_for_new_people(browser: Browser) -> None:
    follow(browser, "signup-link").press("signup-form", "sign-up", name="Ann", email=ANN, password=PASSWORD)


def by_signing_up(browser: Browser) -> None:
    follow(browser, "signup-link").press("signup-form", "sign-up", name="Bob", email="b@example.com", password=PASSWORD)


def by_a_mailed_code(browser: Browser) -> None:
    follow(browser, "link-by-mail").press("signin-link-form", "send-link", email=ANN)
    follow(follow(browser, "signin-link"), "link-by-mail").press("signin-link-form", "send-link", email=ANN)
    found = re.search(r"\b(\d{8})\b", mails(browser.service)[-1])
    assert found is not None
    browser.press("mailed-code-form", "sign-in", code=found[1])


def by_a_mailed_link(browser: Browser) -> None:
    follow(browser, "link-by-mail").press("signin-link-form", "send-link", email=ANN)
    [text] = mails(browser.service)
    browser.open(link_in(text)).press("link-form", "sign-in")


def in_another_language(browser: Browser) -> None:
    browser.open(f"/signin{browser.page.elements['language-de']['href']}").sign_in()


FIRST_FACTORS = [
    by_password,
    by_password_at_the_form_for_new_people,
    by_signing_up,
    by_a_mailed_code,
    by_a_mailed_link,
    in_another_language,
]


def to_confirm(service: Service) -> str:
    """The link of the mail to Bob."""
    [text] = [text for text in mails(service) if "/verify-email?" in text]
    return link_in(text)


def confirm(browser: Browser, link: str) -> Browser:
    browser.open(link)
    asked = {"password": PASSWORD} if "password" in browser.page.elements else {}
    return browser.press("verify-form", "verify", **asked)


class TestSigningUp:
    @pytest.mark.parametrize("is_elsewhere", [False, True])
    def test_the_mail_leads_back(self, mailing: Service, is_elsewhere: bool) -> None:
        browser = Browser(mailing).open("/signin", callbackURL=APPLICATION)
        by_signing_up(browser)
        assert arrived(confirm(Browser(mailing) if is_elsewhere else browser, to_confirm(mailing))) == APPLICATION

    @pytest.mark.parametrize("url", NOT_TRUSTED)
    def test_the_mail_leads_nowhere_else(self, mailing: Service, url: str) -> None:
        by_signing_up(Browser(mailing).open("/signin", callbackURL=url))
        assert "email-verified" in confirm(Browser(mailing), to_confirm(mailing)).page.elements

    def test_the_mail_leads_back_to_the_request_that_waits(self, mailing: Service) -> None:
        browser = Browser(mailing).authorize(register_frontend(mailing))
        by_signing_up(browser)
        assert browser.path == "/consent"
        confirm(browser, to_confirm(mailing))
        assert "code" in follow(browser, "signin-link").press("consent-form", "allow").answer

    def test_the_mail_leads_to_no_request_of_another_browser_or_one_that_was_answered(self, mailing: Service) -> None:
        browser = Browser(mailing).authorize(register_frontend(mailing))
        by_signing_up(browser)
        link = to_confirm(mailing)
        assert confirm(Browser(mailing), link).page.elements["signin-link"]["href"] == "/signin"
        assert "code" in browser.press("consent-form", "allow").answer
        assert browser.open(link).page.elements["signin-link"]["href"] == "/signin"

    def test_a_link_that_was_used_still_leads_back(self, mailing: Service) -> None:
        by_signing_up(Browser(mailing).open("/signin", callbackURL=APPLICATION))
        link = to_confirm(mailing)
        confirm(Browser(mailing), link)
        again = follow(Browser(mailing).open(link), "signin-link")
        assert arrived(again.sign_in("b@example.com")) == APPLICATION


class TestSigningIn:
    @pytest.mark.parametrize("way", FIRST_FACTORS)
    def test_every_way_leads_back(self, mailing: Service, way: Callable[[Browser], None]) -> None:
        browser = Browser(mailing).open("/signin", callbackURL=APPLICATION)
        assert "form-action" not in browser.last.headers["content-security-policy"]
        way(browser)
        assert arrived(browser) == APPLICATION
        assert "return-link" not in browser.open("/signin").page.elements
        shown = browser.open("/signin", callbackURL=APPLICATION)  # nothing is redirected without a form
        assert shown.page.elements["return-link"]["href"] == APPLICATION

    @pytest.mark.parametrize("url", NOT_TRUSTED)
    def test_no_way_leads_elsewhere(self, mailing: Service, url: str) -> None:
        browser = Browser(mailing).open("/signin", callbackURL=url)
        _, fields = browser.fields("signin-form")
        browser.post(f"/signin?{urlencode({'callbackURL': url})}", **{**fields, "email": ANN, "password": PASSWORD})
        assert (browser.path, "signed-in" in browser.page.elements) == ("/signin", True)
        assert "return-link" not in browser.open("/signin", callbackURL=url).page.elements

    @pytest.mark.parametrize("way", [by_password, by_a_mailed_code, by_a_mailed_link])
    def test_the_code_after_it_leads_back(self, mailing: Service, way: Callable[[Browser], None]) -> None:
        app = protect(mailing)
        mails(mailing)
        browser = Browser(mailing).open("/signin", callbackURL=APPLICATION)
        way(browser)
        follow(follow(browser, "lost-link"), "use-code")
        follow(browser, "use-recovery-code").press("second-factor-form", "verify", recovery_code=app.recovery_codes[3])
        assert arrived(browser) == APPLICATION

    def test_too_many_codes_and_the_password_again_lead_back(self, mailing: Service) -> None:
        app = protect(mailing)
        browser = Browser(mailing).open("/signin", callbackURL=APPLICATION).sign_in()
        for _ in range(6):
            browser.press("second-factor-form", "verify", code=app.wrong())
        mailing.clock.advance(hours=1)
        assert browser.path == "/signin"
        assert arrived(browser.sign_in().press("second-factor-form", "verify", code=app.wait())) == APPLICATION

    @pytest.mark.parametrize("is_second", [False, True])
    def test_a_passkey_leads_back(self, mailing: Service, is_second: bool) -> None:
        credential = add(Browser(mailing).open("/signin").sign_in())
        protect(mailing)
        browser = Browser(mailing).open("/signin", callbackURL=APPLICATION)
        assert arrived(use(browser.sign_in() if is_second else browser, credential)) == APPLICATION

    def test_a_first_second_factor_leads_back(self, mailing: Service) -> None:
        mailing.execute("UPDATE accounts SET second_factor_required_at = created_at")
        browser = Browser(mailing).open("/signin", callbackURL=APPLICATION).sign_in()
        secret = browser.press("factor-form", "begin").fields("confirm-form")[1]["secret"]
        browser.press("confirm-form", "confirm", code=App(mailing, secret, []).code())
        assert browser.page.elements["kept"]["href"] == APPLICATION

    def test_another_provider_leads_back(self, mailing: Service) -> None:
        with lying_provider() as provider:
            upstream_scene.register(mailing, provider)
            away = Traveller.of(mailing, provider)
            refused = {"error": "access_denied", "state": upstream_scene.parameters(away.leave(AT))["state"]}
            assert away.come_back(refused).path == "/signin"
            assert arrived(away.sign_in("", email="new@example.com")) == APPLICATION


AT = f"/signin?{urlencode({'callbackURL': APPLICATION})}"


class TestRecovery:
    @pytest.fixture
    def protected(self, mailing: Service) -> Service:
        protect(mailing)
        mails(mailing)
        return mailing

    @pytest.mark.parametrize("callback", [APPLICATION, "", *NOT_TRUSTED])
    def test_leads_back_from_a_mail_of_days_ago(self, protected: Service, callback: str) -> None:
        browser = Browser(protected).open("/signin", callbackURL=callback).sign_in()
        follow(browser, "lost-link").press("recovery-start-form", "start-recovery")
        [text] = mails(protected)
        protected.clock.advance(days=3, minutes=1)
        [reminder] = mails(protected)
        assert link_in(text) == link_in(reminder)
        elsewhere = Browser(protected).open(link_in(reminder))
        elsewhere.press("recovery-form", "recover", password="password1").press(
            "recovery-form", "recover", password=NEW
        )
        assert "recovery-recovered" in elsewhere.page.elements
        follow(elsewhere, "signin-link").sign_in(password=NEW)
        assert arrived(elsewhere).partition("?change")[0] == (APPLICATION if callback == APPLICATION else "/account")

    def test_keeps_the_request_that_waits(self, protected: Service) -> None:
        browser = Browser(protected).authorize(register_frontend(protected, first_party=True)).sign_in()
        follow(browser, "lost-link").press("recovery-start-form", "start-recovery")
        assert "client-name" in follow(browser, "signin-link").page.elements
        [text] = mails(protected)
        browser.open(link_in(text)).press("stop-form", "stop")
        assert "client-name" in follow(browser, "signin-link").page.elements
        assert "client-name" not in Browser(protected).open(link_in(text)).page.elements
