"""The authorization endpoint and its pages: a person's way from a client's request to a code."""

from urllib.parse import parse_qs, urlsplit

import pytest

from .browser import Browser, signed_in
from .code_flow import API, REDIRECT_URI, register_backend, register_frontend
from .conftest import ISSUER, Service
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
    stored = service.rows("SELECT answered_at FROM authorization_requests")
    assert len(stored) == 1, "a request that needed no page was stored"
    assert stored[0][0] is not None


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
    """A first-party client is the operator's own (REGISTRATION.md, "Register a frontend"), so it needs no consent."""
    frontend = register_frontend(sqlite_service, first_party=True)
    assert "code" in signed_in(sqlite_service).authorize(frontend, **changes).answer


def test_form_post_sends_the_answer_as_a_form(service: Service) -> None:
    """OAuth 2.0 Form Post Response Mode §2: without scripts, the button submits the form."""
    frontend = register_frontend(service, first_party=True)
    browser = signed_in(service).authorize(frontend, response_mode="form_post")
    action, fields = browser.fields("form-post")
    assert (browser.last.status_code, action) == (200, REDIRECT_URI)
    assert browser.last.headers["cache-control"] == "no-store", "§2: a response must not be cached"
    assert fields.keys() == {"code", "state", "iss"}
    assert browser.page.elements["continue"]["tag"] == "button"
    policy = browser.last.headers["content-security-policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert f'<script nonce="{nonce}">' in browser.last.text
    assert "form-action" not in policy, "Chromium would stop a redirect of the client's callback"
    assert frontend.redeem(fields["code"]).status_code == 200
    again = browser.authorize(frontend, response_mode="form_post").last.headers["content-security-policy"]
    assert again != policy, "the nonce was used twice"


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


def test_the_consent_page_warns_of_a_scheme_that_another_application_may_have(sqlite_service: Service) -> None:
    """RFC 8252 §8.6: the system does not say which of two applications with one scheme gets the code."""
    own = "com.example.app:/cb"
    frontend = register_frontend(sqlite_service, redirect_uris=[own, "https://app.example.com/cb"], first_party=True)
    page = signed_in(sqlite_service).authorize(frontend, redirect_uri=own).page
    assert "scheme-warning" in page.elements
    assert "loopback-warning" not in page.elements
    assert "You will be sent to com.example.app" in " ".join(page.text.split())
    stranger = register_frontend(sqlite_service)
    page = signed_in(sqlite_service, "eve@example.com").authorize(stranger).page
    assert page.elements.keys().isdisjoint({"scheme-warning", "loopback-warning"})


def test_a_program_of_this_computer_is_asked_for_every_time(sqlite_service: Service) -> None:
    """RFC 8252 §8.6: any local program may listen at a loopback port and use a public client's id.

    So an earlier consent does not count there, nor with a scheme of the program's own, nor for our own clients. It
    counts for a client that authenticates with a secret.
    """
    uris = ["http://127.0.0.1/cb", "http://127.0.0.1:5000/cb"]
    own = "com.example.app:/cb"
    public, ours, secret = (
        register_frontend(sqlite_service, redirect_uris=[*uris, own]),
        register_frontend(sqlite_service, redirect_uris=[*uris, own], first_party=True),
        register_backend(sqlite_service, redirect_uris=uris),
    )
    browser = signed_in(sqlite_service)
    for frontend in (public, ours):
        for uri in ("http://127.0.0.1:51004/cb", "http://127.0.0.1:51005/cb", uris[1], own, own):
            assert browser.authorize(frontend, redirect_uri=uri, prompt="none").answer["error"] == "consent_required"
            assert browser.authorize(frontend, redirect_uri=uri).path == "/consent"
            assert browser.allow().last.headers["location"].startswith(f"{uri}?code=")
            assert frontend.redeem(browser.answer["code"], redirect_uri=uri).status_code == 200
    assert "code" in browser.authorize(secret, redirect_uri=uris[1]).allow().answer
    assert "code" in browser.authorize(secret, redirect_uri="http://127.0.0.1:51004/cb").answer


def test_confidential_client_that_need_not_may_leave_pkce_out(sqlite_service: Service) -> None:
    backend = register_backend(sqlite_service, require_pkce=False, first_party=True)
    browser = signed_in(sqlite_service).authorize(backend, code_challenge=None, code_challenge_method=None)
    code = browser.answer["code"]
    assert backend.redeem(code, code_verifier=None).status_code == 200


def test_scope_that_does_not_exist_is_passed_over(sqlite_service: Service) -> None:
    """OpenID Connect Core §3.1.2.1; RFC 6749 §3.3: the token response has the granted scope."""
    frontend = register_frontend(sqlite_service, first_party=True)
    code = signed_in(sqlite_service).authorize(frontend, scope="openid fax pager email").answer["code"]
    assert frontend.redeem(code).json()["scope"] == "openid email"


def test_without_openid_it_is_plain_oauth(sqlite_service: Service) -> None:
    frontend = register_frontend(sqlite_service, first_party=True)
    code = signed_in(sqlite_service).authorize(frontend, scope="todos:read", resource=API).answer["code"]
    assert "id_token" not in frontend.redeem(code).json()


IGNORED = [
    {"display": "popup", "ui_locales": "se", "claims_locales": "se", "extra": "foobar"},
    {"display": "neither", "login_hint": "nobody knows"},
    {"acr_values": "1 2", "scope": "openid"},
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
