"""The authorization endpoint with its pages: how a person gets from a client to a code, and what is asked."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from .browser import Browser, asked, signed_in
from .code_flow import API, REDIRECT_URI, register_backend, register_frontend
from .conftest import ISSUER, Service, wait_until
from .oauth_client import claims_of


def test_a_person_signs_up_agrees_and_the_client_gets_tokens(service: Service) -> None:
    """RFC 6749 §4.1, OpenID Connect Core §3.1."""
    frontend = register_frontend(service, client_name="Nightly report")
    browser = Browser(service).authorize(frontend, scope="openid email", resource=API)
    assert browser.path == "/signin"
    assert "Nightly report" in browser.page.text
    browser.sign_up()
    assert browser.path == "/consent"
    browser.allow()
    assert browser.last.headers["location"].startswith(f"{REDIRECT_URI}?code=")
    assert browser.answer == {"code": browser.answer["code"], "state": "af0ifjsldkj", "iss": ISSUER}
    tokens = frontend.redeem(browser.answer["code"]).json()
    claims = claims_of(tokens["id_token"])
    assert (claims["nonce"], claims["aud"], tokens["scope"]) == ("n-0S6_WzA2Mj", frontend.client_id, "openid email")
    assert claims_of(tokens["access_token"])["aud"] == API


def test_whoever_is_signed_in_and_has_agreed_is_asked_nothing(service: Service) -> None:
    frontend = register_frontend(service)
    browser = signed_in(service).authorize(frontend).allow()
    first = browser.answer["code"]
    assert browser.authorize(frontend).answer["code"] != first
    assert browser.authorize(frontend, prompt="none").answer.keys() == {"code", "state", "iss"}
    assert service.rows("SELECT * FROM authorization_requests") == [], "each is taken out when it is answered"


def test_two_frontends_share_one_sign_in(service: Service) -> None:
    first, second = register_frontend(service), register_frontend(service)
    browser = signed_in(service)
    codes = [(each, browser.authorize(each).allow().answer["code"]) for each in (first, second)]
    sids = {claims_of(each.redeem(code).json()["id_token"])["sid"] for each, code in codes}
    assert len(sids) == 1


def test_a_session_of_the_better_auth_protocol_is_the_same_session(service: Service) -> None:
    frontend = register_frontend(service, first_party=True)
    client = service.signed_up("ann@example.com")
    browser = Browser(service)
    browser.client.cookies = client.cookies
    code = browser.authorize(frontend).answer["code"]
    session_id = client.get("/get-session").json()["session"]["id"]
    assert claims_of(frontend.redeem(code).json()["id_token"])["sid"] == session_id


@pytest.mark.parametrize("changes", [{}, {"prompt": "consent"}], ids=["usual", "prompt=consent"])
def test_a_first_party_client_is_never_asked_about(sqlite_service: Service, changes: dict[str, str]) -> None:
    """DESIGN section 8."""
    frontend = register_frontend(sqlite_service, first_party=True)
    assert "code" in signed_in(sqlite_service).authorize(frontend, **changes).answer


def test_form_post_sends_the_answer_as_a_form(service: Service) -> None:
    """OAuth 2.0 Form Post Response Mode §2: without a script, by its button."""
    frontend = register_frontend(service, first_party=True)
    browser = signed_in(service).authorize(frontend, response_mode="form_post")
    action, fields = browser.fields("form-post")
    assert (browser.last.status_code, action) == (200, REDIRECT_URI)
    assert browser.last.headers["cache-control"] == "no-store", "§2: an answer is used once"
    assert fields.keys() == {"code", "state", "iss"}
    assert browser.page.elements["continue"]["tag"] == "button"
    policy = browser.last.headers["content-security-policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert f'<script nonce="{nonce}">' in browser.last.text
    assert "form-action https://app.example.com;" in policy
    assert frontend.redeem(fields["code"]).status_code == 200
    again = browser.authorize(frontend, response_mode="form_post").last.headers["content-security-policy"]
    assert again != policy, "a nonce is used once"


def test_form_post_carries_refusals_too(sqlite_service: Service) -> None:
    frontend = register_frontend(sqlite_service)
    browser = Browser(sqlite_service).authorize(frontend, response_mode="form_post", prompt="none", state='"><b>')
    assert browser.answer["error"] == "login_required"
    assert browser.answer["state"] == '"><b>'
    assert "<b>" not in browser.last.text


def test_registered_redirect_uri_keeps_its_query(sqlite_service: Service) -> None:
    """RFC 6749 §3.1.2."""
    uri = "https://app.example.com/callback?tenant=a%20b&x="
    frontend = register_frontend(sqlite_service, redirect_uris=[uri], first_party=True)
    location = signed_in(sqlite_service).authorize(frontend, redirect_uri=uri).last.headers["location"]
    assert location.startswith(f"{uri}&code=")
    assert parse_qs(urlsplit(location).query)["tenant"] == ["a b"]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_a_native_application_may_listen_on_any_port(sqlite_service: Service, host: str) -> None:
    """RFC 8252 §7.3, RFC 9700 §4.1.3."""
    frontend = register_frontend(sqlite_service, redirect_uris=[f"http://{host}/cb?a=b"])
    uri = f"http://{host}:51004/cb?a=b"
    browser = signed_in(sqlite_service).authorize(frontend, redirect_uri=uri)
    assert "loopback-warning" in browser.page.elements
    assert f"{host}:51004" in browser.page.text
    browser.allow()
    assert browser.last.headers["location"].startswith(f"{uri}&code=")
    assert frontend.redeem(browser.answer["code"], redirect_uri=uri).status_code == 200


def test_a_program_of_this_computer_is_asked_for_every_time(sqlite_service: Service) -> None:
    """RFC 8252 §8.6: whoever listens there may have taken a public client's name; what was agreed to was for another.

    A yes counts again at an address that is registered to the letter, and for who proves itself by a secret.
    """
    uris = ["http://127.0.0.1/cb", "http://127.0.0.1:5000/cb"]
    public, secret = (
        register_frontend(sqlite_service, redirect_uris=uris),
        register_backend(sqlite_service, redirect_uris=uris),
    )
    browser = signed_in(sqlite_service)
    for uri in ("http://127.0.0.1:51004/cb", "http://127.0.0.1:51005/cb"):
        assert browser.authorize(public, redirect_uri=uri).path == "/consent"
        assert "code" in browser.allow().answer
        assert browser.authorize(public, redirect_uri=uri, prompt="none").answer["error"] == "consent_required"
    assert "code" in browser.authorize(public, redirect_uri=uris[1]).answer
    assert "code" in browser.authorize(secret, redirect_uri=uris[1]).allow().answer
    assert "code" in browser.authorize(secret, redirect_uri="http://127.0.0.1:51004/cb").answer


def test_confidential_client_that_need_not_may_leave_pkce_out(sqlite_service: Service) -> None:
    backend = register_backend(sqlite_service, require_pkce=False, first_party=True)
    browser = signed_in(sqlite_service).authorize(backend, code_challenge=None, code_challenge_method=None)
    code = browser.answer["code"]
    assert backend.redeem(code, code_verifier=None).status_code == 200


def test_scope_that_does_not_exist_is_passed_over(sqlite_service: Service) -> None:
    """OpenID Connect Core §3.1.2.1; RFC 6749 §3.3: the token response says what was given."""
    frontend = register_frontend(sqlite_service, first_party=True)
    code = signed_in(sqlite_service).authorize(frontend, scope="openid address phone email").answer["code"]
    assert frontend.redeem(code).json()["scope"] == "openid email"


def test_without_openid_it_is_plain_oauth(sqlite_service: Service) -> None:
    frontend = register_frontend(sqlite_service, first_party=True)
    code = signed_in(sqlite_service).authorize(frontend, scope="todos:read", resource=API).answer["code"]
    assert "id_token" not in frontend.redeem(code).json()


IGNORED = [
    {"display": "popup", "ui_locales": "se", "claims_locales": "se", "extra": "foobar"},
    {"display": "neither", "login_hint": "nobody knows"},
    {"acr_values": "1 2"},
    {"authorization_request": "of-no-effect"},
    {"claims": '{"userinfo":{"nickname":{"essential":true},"name":null},"later":[1]}'},
    {"response_mode": "query"},
]


@pytest.mark.parametrize("changes", IGNORED, ids=lambda changes: " ".join(changes))
def test_what_is_voluntary_or_unknown_is_no_error(sqlite_service: Service, changes: dict[str, str]) -> None:
    """OpenID Connect Core §3.1.2.1, §5.5 and §15.1."""
    frontend = register_frontend(sqlite_service, first_party=True)
    assert "code" in signed_in(sqlite_service).authorize(frontend, **changes).answer


def test_login_hint_is_filled_in_and_only_text(sqlite_service: Service) -> None:
    frontend = register_frontend(sqlite_service)
    page = Browser(sqlite_service).authorize(frontend, login_hint='"><script>alert(1)</script>').page
    assert page.elements["email"]["value"] == '"><script>alert(1)</script>'
    assert "<script>" not in page.html


def test_prompt_login_asks_again_and_keeps_the_session(service: Service) -> None:
    """OpenID Connect Core §3.1.2.1: `auth_time` is new; `sid` and other clients' tokens stay."""
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
    browser.authorize(frontend, max_age=max_age)
    if asks:
        assert browser.path == "/signin"
        browser.sign_in()
    now = int(sqlite_service.clock().timestamp())
    claims = claims_of(frontend.redeem(browser.answer["code"]).json()["id_token"])
    assert now - claims["auth_time"] <= max(int(max_age), 5)


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
    assert service.rows("SELECT account_id FROM browser_sessions") == [(eve,)], "the other one's session ended"


NONE_REFUSED = [
    ("login_required", {"max_age": "0"}),
    ("consent_required", {"scope": "openid todos:write"}),
    ("consent_required", {"resource": API}),
    ("consent_required", {"claims": '{"userinfo":{"email":null}}'}),
]


@pytest.mark.parametrize(("error", "changes"), NONE_REFUSED, ids=lambda value: str(value))
def test_prompt_none_says_what_it_would_have_asked(
    sqlite_service: Service, error: str, changes: dict[str, str]
) -> None:
    """OpenID Connect Core §3.1.2.6. What was agreed to is for one scope and resource."""
    frontend = register_frontend(sqlite_service)
    browser = signed_in(sqlite_service).authorize(frontend).allow()
    assert "code" in browser.authorize(frontend, prompt="none").answer
    answer = browser.authorize(frontend, prompt="none", **changes).answer
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "af0ifjsldkj", ISSUER)


def test_prompt_none_of_nobody(sqlite_service: Service) -> None:
    answer = Browser(sqlite_service).authorize(register_frontend(sqlite_service), prompt="none").answer
    assert (answer["error"], answer["state"], answer["iss"]) == ("login_required", "af0ifjsldkj", ISSUER)


def test_id_token_hint_names_the_person(service: Service) -> None:
    """OpenID Connect Core §3.1.2.1: an old one does as well; another person's leads to no code."""
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
    """OpenID Connect Core §11: the page says it; after that prompt=consent is not needed."""
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
    {"acr_values": "aal2"},
]


@pytest.mark.parametrize(("changes", "is_met"), [(c, False) for c in UNMET] + [(c, True) for c in MET], ids=str)
def test_strength_that_is_needed_is_met_or_refused(
    sqlite_service: Service, changes: dict[str, str], is_met: bool
) -> None:
    """RFC 9470 §5, OpenID Connect Core §5.5.1.1 and §15.1."""
    frontend = register_frontend(sqlite_service, first_party=True)
    answer = signed_in(sqlite_service).authorize(frontend, **changes).answer
    assert answer.get("error") == (None if is_met else "unmet_authentication_requirements")


def test_a_form_of_another_site_comes_back_for_its_cookies(service: Service) -> None:
    """OpenID Connect Core §3.1.2.1; SameSite=Lax keeps cookies from a POST of another site."""
    frontend = register_frontend(service, first_party=True)
    browser = signed_in(service)
    elsewhere = Browser(service, {"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"})
    posted = elsewhere.client.post("/oauth/authorize", data=asked(frontend))
    assert posted.status_code == 303
    assert "set-cookie" not in posted.headers
    assert "code" in browser.open(posted.headers["location"]).answer
    assert browser.open(posted.headers["location"]).last.status_code == 400, "it was answered"


def test_a_posted_request_belongs_to_the_browser_that_comes_back_first(service: Service) -> None:
    frontend = register_frontend(service)
    posted = Browser(service).client.post("/oauth/authorize", data=asked(frontend)).headers["location"]
    first, second = Browser(service), Browser(service)
    assert first.open(posted).path == "/signin"
    assert second.open(posted).last.status_code == 400
    assert first.open(posted).path == "/signin"


def test_two_tabs_do_each_other_no_harm(service: Service) -> None:
    first, second = register_frontend(service), register_frontend(service)
    browser = Browser(service)
    tabs = [browser.authorize(frontend).last for frontend in (first, second)]
    browser.last = tabs[0]
    assert browser.sign_up().path == "/consent"
    consent = browser.last
    browser.last = tabs[1]
    assert browser.sign_in().path == "/consent"
    assert "code" in browser.allow().answer
    browser.last = consent
    assert first.redeem(browser.allow().answer["code"]).status_code == 200
    assert len(service.rows("SELECT * FROM browser_sessions")) == 1


def test_two_tabs_with_one_request_get_one_code(service: Service) -> None:
    frontend = register_frontend(service)
    browser = signed_in(service).authorize(frontend)
    page = browser.last
    assert "code" in browser.allow().answer
    browser.last = page
    assert browser.allow().last.status_code == 400
    assert "expired" in browser.page.text


def test_the_back_button_leads_to_pages_that_still_work_or_say_so(service: Service) -> None:
    frontend = register_frontend(service)
    browser = Browser(service).authorize(frontend)
    signin = browser.last
    signin_address = str(signin.request.url)
    browser.sign_up()
    assert browser.path == "/consent"
    assert browser.open(signin_address).path == "/signin"
    assert "Confirm that it is you" in browser.page.text
    browser.last = signin
    assert browser.sign_in().path == "/consent", "the form of before still signs in"
    assert "code" in browser.allow().answer
    assert browser.open(signin_address).last.status_code == 400


def test_a_request_waits_half_an_hour(service: Service) -> None:
    frontend = register_frontend(service)
    browser = Browser(service).authorize(frontend)
    service.clock.advance(minutes=29)
    assert browser.open(str(browser.last.request.url)).path == "/signin"
    service.clock.advance(minutes=2)
    assert browser.open(str(browser.last.request.url)).last.status_code == 400


def test_a_page_of_another_browser_is_worth_nothing(service: Service) -> None:
    """Login CSRF: the attacker's request, or page, does not go on in the victim's browser."""
    frontend = register_frontend(service)
    attacker, victim = Browser(service).authorize(frontend), signed_in(service, "victim@example.com")
    handle = attacker.last.request.url.params["authorization_request"]
    for page in ("/signin", "/signup", "/consent", "/select-account", "/oauth/authorize"):
        assert victim.open(page, authorization_request=handle).last.status_code == 400, page


def test_signing_in_replaces_another_persons_session(service: Service) -> None:
    """Session fixation: what was in the browser before is not what the person signs in to."""
    browser = signed_in(service, "eve@example.com")
    planted = browser.client.cookies["better-auth.session_token"]
    signed_in(service, "ann@example.com")
    browser.open("/signin", use_another="yes")
    frontend = register_frontend(service, first_party=True)
    browser.authorize(frontend, prompt="login").sign_in("ann@example.com")
    assert browser.client.cookies["better-auth.session_token"] != planted
    bearer = {"Authorization": f"Bearer {planted}"}
    assert browser.client.get("/api/auth/get-session", headers=bearer).json() is None


def test_who_is_signed_out_meanwhile_gets_no_code(service: Service) -> None:
    frontend = register_frontend(service)
    browser = signed_in(service).authorize(frontend)
    page = browser.last
    browser.open("/signout").press("signout-form", "sign-out")
    browser.last = page
    assert browser.allow().path == "/signin"


def test_codes_are_not_another_clients(service: Service) -> None:
    """RFC 9700 §4.5: a code that is injected elsewhere is refused there, for its client and its challenge."""
    first, second = register_frontend(service, first_party=True), register_frontend(service, first_party=True)
    code = signed_in(service).authorize(first).answer["code"]
    assert second.redeem(code).json()["error"] == "invalid_grant"
    code = signed_in(service, "eve@example.com").authorize(first).answer["code"]
    assert first.redeem(code, code_verifier="x" * 43).json()["error"] == "invalid_grant"


def test_a_client_that_is_gone_ends_the_request(service: Service) -> None:
    frontend = register_frontend(service)
    browser = Browser(service).authorize(frontend)
    service.execute(f"DELETE FROM clients WHERE client_id = '{frontend.client_id}'")
    service.clock.advance(seconds=6)
    assert browser.sign_in("nobody@example.com").last.status_code == 403
    assert browser.open("/oauth/authorize", **asked(frontend)).last.status_code == 400


def test_a_client_that_was_deleted_a_moment_ago_breaks_nothing(service: Service) -> None:
    """It is still believed for some seconds (client_cache.py), while no row can refer to it any more."""
    frontend = register_frontend(service)
    person, nobody = signed_in(service).client, Browser(service).client
    service.clock.stop()
    assert nobody.get("/oauth/authorize", params=asked(frontend)).status_code == 303
    service.execute("DELETE FROM client_origins")
    service.execute("DELETE FROM authorization_requests")
    service.execute(f"DELETE FROM clients WHERE client_id = '{frontend.client_id}'")
    gone = [each.get("/oauth/authorize", params=asked(frontend)) for each in (person, nobody)]
    gone.append(nobody.post("/oauth/authorize", data=asked(frontend)))
    assert [(each.status_code, each.headers["retry-after"]) for each in gone] == [(503, "1")] * 3
    service.clock.advance(seconds=5)
    assert nobody.get("/oauth/authorize", params=asked(frontend)).status_code == 400


def test_a_client_that_may_ask_for_less_meanwhile_gets_no_more(service: Service) -> None:
    frontend = register_frontend(service, scope="openid todos:read")
    browser = signed_in(service).authorize(frontend)
    service.execute("UPDATE clients SET registered = replace(registered, 'openid todos:read', 'openid')")
    service.clock.advance(seconds=6)
    assert browser.allow().last.status_code == 400


def test_a_consent_that_is_being_taken_back_gives_no_code(postgres_running: Service) -> None:
    """Otherwise the grant would be made just after all grants were ended, and live on."""
    service = postgres_running
    frontend = register_frontend(service)
    browser = signed_in(service, f"{frontend.client_id}@example.com".lower()).authorize(frontend).allow()
    assert "code" in browser.answer
    with (
        psycopg.connect(service.database_url.replace("+psycopg", "")) as withdrawing,
        ThreadPoolExecutor(1) as meanwhile,
    ):
        withdrawing.execute("DELETE FROM consents")
        answered = meanwhile.submit(browser.authorize, frontend, prompt="none")
        waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        wait_until(lambda: answered.done() or service.rows(waiting) != [])
        withdrawing.commit()
        assert answered.result().answer["error"] == "consent_required"
