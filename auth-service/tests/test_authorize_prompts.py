"""Parameters that change the pages: prompt, max_age, the hints of a person, acr_values, scope."""

import pytest

from .browser import Browser, signed_in
from .code_flow import API, register_frontend
from .conftest import ISSUER, Service
from .oauth_client import claims_of


def test_prompt_login_asks_again_and_keeps_the_session(service: Service) -> None:
    """OpenID Connect Core §3.1.2.1: `auth_time` is new; `sid` and other clients' tokens stay valid."""
    frontend = register_frontend(service, first_party=True)
    browser = signed_in(service)
    before = claims_of(frontend.redeem(browser.authorize(frontend).answer["code"]).json()["id_token"])
    service.clock.advance(seconds=30)
    assert browser.authorize(frontend, prompt="login").path == "/signin"
    service.clock.advance(seconds=30)
    after = claims_of(frontend.redeem(browser.sign_in().answer["code"]).json()["id_token"])
    assert after["sid"] == before["sid"]
    assert after["auth_time"] >= before["auth_time"] + 60
    assert len(service.rows("SELECT * FROM browser_sessions")) == 1


@pytest.mark.parametrize(
    ("max_age", "passed", "asks"), [("60", 61, True), ("60", 30, False), ("0", 0, True), ("10000", 600, False)]
)
def test_max_age_is_honoured(sqlite_service: Service, max_age: str, passed: int, asks: bool) -> None:
    """OpenID Connect Core §3.1.2.1, RFC 9470 §4."""
    frontend = register_frontend(sqlite_service, first_party=True)
    browser = signed_in(sqlite_service)
    sqlite_service.clock.advance(seconds=passed)
    silent = browser.authorize(frontend, max_age=max_age, prompt="none").answer
    assert silent.get("error") == ("login_required" if asks else None)
    begun = int(sqlite_service.clock().timestamp())
    browser.authorize(frontend, max_age=max_age)
    if asks:
        assert browser.path == "/signin"
        browser.sign_in()
    claims = claims_of(frontend.redeem(browser.answer["code"]).json()["id_token"])
    assert (claims["auth_time"] >= begun) is asks


def test_select_account_goes_on_or_changes_the_person(service: Service) -> None:
    frontend = register_frontend(service, first_party=True)
    browser = signed_in(service, "ann@example.com")
    assert browser.authorize(frontend, prompt="select_account").path == "/select-account"
    assert "ann@example.com" in browser.page.text
    assert "code" in browser.press("select-account-form", "continue").answer
    browser.authorize(frontend, prompt="select_account")
    browser.open(browser.page.elements["use-another"]["href"])
    assert browser.page.elements["email"]["value"] == ""
    browser.sign_up("eve@example.com", "Eve")
    ann, eve = (service.rows(f"SELECT id FROM accounts WHERE name = '{name}'")[0][0] for name in ("Ann", "Eve"))
    assert claims_of(frontend.redeem(browser.answer["code"]).json()["id_token"])["sub"] == eve != ann
    assert service.rows("SELECT account_id FROM browser_sessions") == [(eve,)], "the first person's session did not end"


NONE_REFUSED = [
    ("login_required", {"max_age": "0"}),
    ("consent_required", {"scope": "openid todos:write"}),
    ("consent_required", {"claims": '{"userinfo":{"email":null}}'}),
]


@pytest.mark.parametrize(("error", "changes"), NONE_REFUSED, ids=lambda value: str(value))
def test_prompt_none_says_what_it_would_have_asked(
    sqlite_service: Service, error: str, changes: dict[str, str]
) -> None:
    """OpenID Connect Core §3.1.2.6. A consent is for named scopes only."""
    frontend = register_frontend(sqlite_service)
    browser = signed_in(sqlite_service).authorize(frontend).allow()
    assert "code" in browser.authorize(frontend, prompt="none").answer
    answer = browser.authorize(frontend, prompt="none", **changes).answer
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "af0ifjsldkj", ISSUER)


def test_prompt_none_of_nobody(sqlite_service: Service) -> None:
    answer = Browser(sqlite_service).authorize(register_frontend(sqlite_service), prompt="none").answer
    assert (answer["error"], answer["state"], answer["iss"]) == ("login_required", "af0ifjsldkj", ISSUER)


def test_id_token_hint_names_the_person(service: Service) -> None:
    """OpenID Connect Core §3.1.2.1: an expired hint is accepted; a hint for another person gives no code."""
    frontend = register_frontend(service, first_party=True)
    ann = signed_in(service, "ann@example.com")
    hint = frontend.redeem(ann.authorize(frontend).answer["code"]).json()["id_token"]
    service.clock.advance(hours=2)
    assert "code" in ann.authorize(frontend, id_token_hint=hint, prompt="none").answer
    eve = signed_in(service, "eve@example.com")
    assert eve.authorize(frontend, id_token_hint=hint, prompt="none").answer["error"] == "login_required"
    assert eve.authorize(frontend, id_token_hint=hint).path == "/signin"
    assert eve.sign_in("eve@example.com").answer["error"] == "login_required"
    assert "code" in eve.authorize(frontend, id_token_hint=hint).sign_in("ann@example.com").answer


def test_claims_may_name_the_person_too(sqlite_service: Service) -> None:
    """OpenID Connect Core §5.5.1."""
    frontend = register_frontend(sqlite_service, first_party=True)
    browser = signed_in(sqlite_service)
    sub = sqlite_service.rows("SELECT id FROM accounts")[0][0]
    claims = '{"id_token":{"sub":{"value":"%s"}}}'
    assert "code" in browser.authorize(frontend, prompt="none", claims=claims % sub).answer
    assert browser.authorize(frontend, prompt="none", claims=claims % "x").answer["error"] == "login_required"


def test_consent_is_asked_for_what_is_new(service: Service) -> None:
    frontend = register_frontend(service)
    browser = signed_in(service).authorize(frontend, scope="openid todos:read").allow()
    browser.authorize(frontend, scope="openid todos:read todos:write")
    assert browser.path == "/consent"
    assert "Add, change and delete your todos" in browser.page.text
    browser.allow()
    for scope in ("openid todos:read todos:write", "todos:write", "openid"):
        assert "code" in browser.authorize(frontend, scope=scope, prompt="none").answer, scope


def test_prompt_consent_asks_although_all_is_agreed(service: Service) -> None:
    frontend = register_frontend(service)
    browser = signed_in(service).authorize(frontend).allow()
    assert browser.authorize(frontend, prompt="consent").path == "/consent"
    assert "code" in browser.allow().answer


def test_no_is_the_answer(service: Service) -> None:
    frontend = register_frontend(service)
    browser = signed_in(service).authorize(frontend).press("consent-form", "deny")
    assert browser.answer["error"] == "access_denied"
    assert (browser.answer["state"], browser.answer["iss"]) == ("af0ifjsldkj", ISSUER)
    assert service.rows("SELECT * FROM consents") == []


def test_offline_access_is_agreed_to_by_name(service: Service) -> None:
    """OpenID Connect Core §11: the page names offline access; after the consent prompt=consent is not needed."""
    frontend = register_frontend(service)
    browser = signed_in(service).authorize(frontend, scope="openid offline_access")
    assert "while you are away" in browser.page.text
    code = browser.allow().answer["code"]
    assert frontend.redeem(code).json()["scope"] == "openid offline_access"
    assert service.rows("SELECT count(*) FROM grants WHERE is_offline") == [(1,)]


UNMET = [
    {"claims": '{"id_token":{"acr":{"essential":true,"values":["aal3"]}}}'},
    {"acr_values": "aal2 aal3", "resource": API},
    {"acr_values": "aal2", "scope": "todos:read"},
]
MET = [
    {"claims": '{"id_token":{"acr":{"essential":true,"values":["aal3","aal1"]}}}'},
    {"claims": '{"id_token":{"acr":{"values":["aal3"]}}}'},
    {"acr_values": "aal2 aal1", "resource": API},
    {"acr_values": "aal2", "scope": "openid"},
]


@pytest.mark.parametrize(("changes", "is_met"), [(c, False) for c in UNMET] + [(c, True) for c in MET], ids=str)
def test_strength_that_is_needed_is_met_or_refused(
    sqlite_service: Service, changes: dict[str, str], is_met: bool
) -> None:
    """RFC 9470 §5, OpenID Connect Core §5.5.1.1 and §15.1."""
    frontend = register_frontend(sqlite_service, first_party=True)
    answer = signed_in(sqlite_service).authorize(frontend, **changes).answer
    assert answer.get("error") == (None if is_met else "unmet_authentication_requirements")
