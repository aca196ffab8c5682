"""Several APIs: a token is for one of them, carries its scopes only, and a consent for one is none for another.

RFC 8707 and RFC 9068 §3. The APIs of these tests are billing and reports, beside the one of the set-up.
"""

import json
from typing import Any

import httpx2
import pytest

from auth_service.oauth.scope import IDENTITY

from .browser import signed_in
from .code_flow import live_grants, register_backend, sign_up
from .conftest import ISSUER, PASSWORD, Service, Start
from .oauth_client import claims_of, register
from .registry import API
from .several_apis import APIS, BILLING, REPORTS, SCOPE, apis, code_of, frontend_of, is_active, make_apis, told
from .statements import statements

__all__ = ["apis"]  # a fixture


def test_each_token_request_names_one_of_the_granted_apis(apis: Service) -> None:
    """RFC 8707 §2.2: the code, and then each refresh."""
    frontend = frontend_of(apis)
    scope = "openid email todos:read billing:read reports:read"
    code = code_of(apis, frontend, scope=scope, resource=[API, BILLING, REPORTS])
    response = frontend.redeem(code, resource=BILLING)
    assert told(response) == (BILLING, "billing:read")
    assert "id_token" in response.json()
    for resource, carried in ((REPORTS, "reports:read"), (API, "openid email todos:read"), (BILLING, "billing:read")):
        response = frontend.refresh(response.json()["refresh_token"], resource=resource)
        assert told(response) == (resource, carried)
    refresh_token = response.json()["refresh_token"]
    assert told(frontend.refresh(refresh_token, scope="reports:read")) == (REPORTS, "reports:read")


def test_the_lifetime_is_that_of_the_api(apis: Service) -> None:
    frontend = frontend_of(apis)
    answer = frontend.redeem(code_of(apis, frontend, scope="reports:read billing:read"), resource=REPORTS).json()
    claims = claims_of(answer["access_token"])
    assert (answer["expires_in"], claims["exp"] - claims["iat"]) == (60, 60)
    assert frontend.refresh(answer["refresh_token"], resource=BILLING).json()["expires_in"] == 300
    robot = register(apis, scope="reports:read")
    assert robot.token().json()["expires_in"] == 60


def test_an_error_about_the_api_spends_neither_code_nor_refresh_token(apis: Service) -> None:
    frontend = frontend_of(apis)
    code = code_of(apis, frontend, scope="billing:read reports:read", resource=[BILLING, REPORTS])
    assert told(frontend.redeem(code)) == ("invalid_scope", None)
    for resource in (API, ISSUER, "https://api.example.com/none", [BILLING, REPORTS], f"{BILLING}/"):
        assert told(frontend.redeem(code, resource=resource)) == ("invalid_target", None)
    answer = frontend.redeem(code, resource=BILLING)
    assert told(answer) == (BILLING, "billing:read")
    token = answer.json()["refresh_token"]
    assert told(frontend.refresh(token)) == ("invalid_scope", None)
    assert told(frontend.refresh(token, resource=API)) == ("invalid_target", None)
    assert told(frontend.refresh(token, resource=REPORTS, scope="billing:read")) == ("invalid_scope", None)
    assert told(frontend.refresh(token, scope="billing:read reports:read")) == ("invalid_scope", None)
    assert told(frontend.refresh(token, scope="todos:read")) == ("invalid_scope", None)
    assert told(frontend.refresh(token, resource=REPORTS)) == (REPORTS, "reports:read")


INFERRED: dict[str, tuple[dict[str, Any], str | None, tuple[str, str | None]]] = {
    "one API of the scopes": ({"scope": "openid billing:read"}, None, (BILLING, "billing:read")),
    "before the default": ({"scope": "billing:read"}, API, (BILLING, "billing:read")),
    "the default among several": ({"scope": "billing:read reports:read"}, REPORTS, (REPORTS, "reports:read")),
    "several without default": ({"scope": "billing:read reports:read"}, None, ("invalid_scope", None)),
    "a default that was not granted": ({"scope": "billing:read reports:read"}, API, ("invalid_scope", None)),
    "no API, but a default": ({"scope": "openid email"}, API, (API, "openid email")),
    "nothing of an API": ({"scope": "openid email"}, None, (ISSUER, "openid email")),
    "named alone": ({"scope": "openid billing:pay", "resource": BILLING}, API, (BILLING, "billing:pay")),
    "the issuer beside an API": ({"scope": "openid billing:pay", "resource": [BILLING, ISSUER]}, None,
                                 (BILLING, "billing:pay")),
    "the issuer as default": ({"scope": "openid billing:pay", "resource": [BILLING, ISSUER]}, ISSUER,
                              (ISSUER, "openid")),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "default", "expected"), INFERRED.values(), ids=INFERRED)
def test_the_api_of_a_token_is_inferred(
    apis: Service, asked: dict[str, Any], default: str | None, expected: tuple[str, str | None]
) -> None:
    frontend = frontend_of(apis, default_resource=default)
    assert told(frontend.redeem(code_of(apis, frontend, **asked))) == expected


AT_AUTHORIZE: dict[str, tuple[dict[str, Any], str]] = {
    "one of several unknown": ({"resource": [BILLING, "https://api.example.com/none"]}, "invalid_target"),
    "not registered for it": ({"resource": [REPORTS], "scope": "openid"}, "invalid_target"),
    "a scope of another": ({"resource": [API], "scope": "todos:read billing:read"}, "invalid_scope"),
    "a scope that is not registered": ({"scope": "todos:read reports:read"}, "invalid_scope"),
    "the issuer with a scope of an API": ({"resource": [ISSUER], "scope": "billing:read"}, "invalid_scope"),
}


@pytest.mark.parametrize(("asked", "error"), AT_AUTHORIZE.values(), ids=AT_AUTHORIZE)
def test_a_request_for_what_cannot_be_granted_is_refused(apis: Service, asked: dict[str, Any], error: str) -> None:
    frontend = frontend_of(apis, scope="openid todos:read billing:read")
    answer = signed_in(apis).authorize(frontend, **{"scope": "openid billing:read", **asked}).answer
    assert (answer["error"], "code" in answer) == (error, False)


SERVICE: dict[str, tuple[dict[str, Any], str | None, tuple[str, str | None]]] = {
    "named": ({"resource": BILLING}, None, (BILLING, "billing:read billing:pay")),
    "named, with less": ({"resource": BILLING, "scope": "billing:pay"}, None, (BILLING, "billing:pay")),
    "by scope": ({"scope": "reports:read"}, BILLING, (REPORTS, "reports:read")),
    "by default": ({}, REPORTS, (REPORTS, "reports:read")),
    "of several, none": ({}, None, ("invalid_scope", None)),
    "scopes of several": ({"scope": "billing:read reports:read"}, None, ("invalid_scope", None)),
    "one API, another's scope": ({"resource": BILLING, "scope": "reports:read"}, None, ("invalid_scope", None)),
    "one API, scopes of both": (
        {"resource": BILLING, "scope": "billing:read reports:read"}, None, ("invalid_scope", None),
    ),
    "not registered for it": ({"resource": API}, None, ("invalid_target", None)),
    "two": ({"resource": [BILLING, REPORTS]}, None, ("invalid_target", None)),
    "the issuer": ({"resource": ISSUER}, BILLING, (ISSUER, None)),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "default", "expected"), SERVICE.values(), ids=SERVICE)
def test_a_service_gets_a_token_for_one_api_out_of_what_is_registered(
    apis: Service, asked: dict[str, Any], default: str | None, expected: tuple[str, str | None]
) -> None:
    robot = register(apis, scope="billing:read billing:pay reports:read", default_resource=default)
    assert told(robot.token(**asked)) == expected


def test_only_an_api_with_identity_opens_userinfo(apis: Service) -> None:
    """Otherwise each API could read its callers' addresses with the tokens that it receives."""
    frontend = frontend_of(apis)
    code = code_of(apis, frontend, scope="openid email billing:read todos:read", resource=[BILLING, API, ISSUER])
    answer = frontend.redeem(code, resource=BILLING)
    seen = {}
    for resource in (BILLING, API, ISSUER):
        answer = frontend.refresh(answer.json()["refresh_token"], resource=resource)
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        seen[resource] = httpx2.get(f"{apis.url}/oauth/userinfo", headers=headers).status_code
    assert seen == {BILLING: 401, API: 200, ISSUER: 200}


def test_without_a_resource_userinfo_gets_a_token_of_its_own(apis: Service) -> None:
    frontend = frontend_of(apis)
    answer = frontend.redeem(code_of(apis, frontend, scope="openid email billing:read"))
    assert told(answer) == (BILLING, "billing:read")
    assert told(frontend.refresh(answer.json()["refresh_token"], resource=ISSUER)) == (ISSUER, "openid email")


def test_an_offline_grant_is_found_by_a_token_that_does_not_say_so(apis: Service) -> None:
    """A token for an API without identity scopes lacks `offline_access`, and still belongs to its offline grant."""
    frontend = register_backend(apis, scope=SCOPE, first_party=True)
    answer = frontend.redeem(code_of(apis, frontend, scope="offline_access billing:read")).json()
    assert claims_of(answer["access_token"])["scope"] == "billing:read"
    given_back = {"token": answer["access_token"], "client_id": frontend.client_id, "client_secret": frontend.secret}
    assert httpx2.post(f"{apis.url}/oauth/introspect", data=given_back).json()["active"] is True
    assert httpx2.post(f"{apis.url}/oauth/revoke", data=given_back).status_code == 200
    assert live_grants(apis) == 0
    assert frontend.refresh(answer["refresh_token"]).json()["error"] == "invalid_grant"


def test_an_api_learns_of_its_own_tokens_only(apis: Service) -> None:
    """RFC 7662, for each API's own clients: `protected_resource` is one API or a list."""
    frontend = frontend_of(apis)
    answer = frontend.redeem(code_of(apis, frontend, scope="billing:read reports:read"), resource=BILLING).json()
    billing = register(apis, protected_resource=BILLING, scope="")
    reports = register(apis, protected_resource=REPORTS, scope="")
    both = register(apis, protected_resource=[BILLING, REPORTS], scope="")
    assert [is_active(each, answer["access_token"]) for each in (billing, reports, both)] == [True, False, True]
    second = frontend.refresh(answer["refresh_token"], resource=REPORTS).json()["access_token"]
    assert [is_active(each, second) for each in (billing, reports, both)] == [False, True, True]


def test_the_consent_page_has_a_section_for_each_api_and_its_sentences(apis: Service) -> None:
    frontend = frontend_of(apis, first_party=False)
    scope = "openid billing:read reports:read"
    page = signed_in(apis).authorize(frontend, scope=scope).page
    for words in ("Know that it is you", "Billing", "See your invoices", "Reports", "Read reports"):
        assert words in page.text
    for words in ("Pay them", "Todos", "Read your todos"):
        assert words not in page.text


def test_a_consent_for_one_api_covers_no_other(apis: Service) -> None:
    frontend = frontend_of(apis, first_party=False)
    browser = signed_in(apis).authorize(frontend, scope="openid billing:read").allow()
    assert "code" in browser.authorize(frontend, scope="openid billing:read").answer
    asked = {"scope": "openid reports:read", "prompt": "none"}
    assert browser.authorize(frontend, **asked).answer["error"] == "consent_required"
    more = {"scope": "openid billing:read", "resource": [BILLING, REPORTS], "prompt": "none"}
    assert browser.authorize(frontend, **more).answer["error"] == "consent_required"
    browser.authorize(frontend, scope="reports:read").allow()
    both = {"scope": "openid billing:read reports:read", "prompt": "none"}
    assert "code" in browser.authorize(frontend, **both).answer
    assert browser.authorize(frontend, scope="billing:pay", prompt="none").answer["error"] == "consent_required"


def test_the_web_application_asks_for_each_of_its_apis(apis: Service) -> None:
    """`web` is a client like others: its registration says which APIs its sessions may ask for."""
    web = {"token_endpoint_auth_method": "none", "scope": "todos:read billing:read", "default_resource": API}
    assert apis.command("clients", "update", "web", stdin=json.dumps(web)).returncode == 0
    apis.forget()
    browser = sign_up(apis).browser

    def asked(resource: str, origin: str = ISSUER) -> tuple[int, str]:
        answer = browser.get("/token", params={"resource": resource} if resource else {}, headers={"Origin": origin})
        body = answer.json()
        if answer.status_code != 200:
            return answer.status_code, body["code"]
        claims = claims_of(body["token"])
        return 200, f"{claims['aud']} {claims['scope']}"

    assert asked("") == (200, f"{API} todos:read")
    assert asked(BILLING) == (200, f"{BILLING} billing:read")
    assert asked(API) == (200, f"{API} todos:read")
    assert asked(REPORTS) == asked("https://api.example.com/none") == (400, "INVALID_TARGET")
    assert browser.get("/token", params={"resource": [API, BILLING]}).status_code == 400
    other = "https://app.example.com"
    assert asked(BILLING, other) == (403, "RESOURCE_NOT_ALLOWED")
    assert asked("", other) == asked(API, other) == (200, f"{API} todos:read")


def test_each_trusted_origin_asks_for_the_apis_that_it_is_given(start: Start, sqlite_url: str) -> None:
    """AUTH_ORIGIN_RESOURCES. Another origin's pages, and other APIs, are refused as before, also with a fresh token."""
    shop, apps = "https://app.example.com", "https://*.apps.example.com"
    service = start(sqlite_url, AUTH_ORIGIN_RESOURCES=f"{shop}={BILLING},{shop}={REPORTS}, {apps}={REPORTS}")
    make_apis(service)
    scope = "todos:read billing:read reports:read"
    web = {"token_endpoint_auth_method": "none", "scope": scope, "default_resource": API}
    assert service.command("clients", "update", "web", stdin=json.dumps(web)).returncode == 0
    service.forget()
    browser = sign_up(service).browser

    def asked(resource: str, *origins: str) -> str:
        headers = [("Origin", each) for each in origins]
        answer = httpx2.get(
            f"{service.url}/api/auth/token",
            params={"resource": resource},
            headers=[*headers, ("Authorization", f"Bearer {credential}")],
        )
        body = answer.json()
        return body["code"] if answer.status_code == 403 else claims_of(body["token"])["aud"]

    signed_in = browser.post("/sign-in/email", json={"email": "ann@example.com", "password": PASSWORD})
    credential = signed_in.headers["set-auth-token"]
    refused, one = "RESOURCE_NOT_ALLOWED", "https://one.apps.example.com"
    told = {origin: [asked(each, origin) for each in (API, BILLING, REPORTS)] for origin in (ISSUER, shop, one)}
    assert told[ISSUER] == told[shop] == [API, BILLING, REPORTS]
    assert told[one] == [API, refused, REPORTS]
    for origin in (f"{shop}:8443", "http://app.example.com", "https://apps.example.com", "null", f"{shop}."):
        assert asked(BILLING, origin) == asked(REPORTS, origin) == refused, origin
    assert asked(BILLING, shop, one) == refused, "each of several Origin headers counts"


def test_a_services_token_for_a_registered_api_needs_no_statement_while_its_client_is_cached(apis: Service) -> None:
    """The registry costs such a token nothing, whichever of its APIs is named or inferred."""
    apis.clock.stop()
    robot = register(apis, scope="todos:read billing:read reports:read")
    assert robot.token(resource=BILLING).status_code == 200
    with statements() as seen:
        tokens = [robot.token(resource=BILLING), robot.token(scope="reports:read"), robot.token(resource=API)]
    assert [told(each) for each in tokens] == [
        (BILLING, "billing:read"),
        (REPORTS, "reports:read"),
        (API, "todos:read"),
    ]
    assert seen == []


def test_the_metadata_names_only_apis_that_are_listed(apis: Service) -> None:
    """RFC 9728 §4."""
    listed = {**APIS[0], "listed": True}
    open_to_all = {**APIS[1], "clients": "any"}
    for changes, resources, scopes in (
        ([], [API], ["todos:read", "todos:write"]),
        ([listed], [API, BILLING], ["todos:read", "todos:write", "billing:read", "billing:pay"]),
        ([open_to_all], [API, BILLING, REPORTS],
         ["todos:read", "todos:write", "billing:read", "billing:pay", "reports:read"]),
    ):  # fmt: skip
        for api in changes:
            assert apis.command("resources", "update", api["resource"], stdin=json.dumps(api)).returncode == 0
        apis.forget()
        metadata = httpx2.get(f"{apis.url}/.well-known/openid-configuration").json()
        assert metadata["protected_resources"] == resources
        assert metadata["scopes_supported"] == [*IDENTITY, *scopes]


def test_no_token_of_one_api_is_one_of_another(apis: Service) -> None:
    """Every pair: the audience is the asked one, and no scope of another API is in it."""
    frontend = frontend_of(apis)
    owners = {"todos": API, "billing": BILLING, "reports": REPORTS}
    answer = frontend.redeem(code_of(apis, frontend, scope=SCOPE), resource=API)
    for resource in (API, BILLING, REPORTS, API):
        answer = frontend.refresh(answer.json()["refresh_token"], resource=resource)
        claims = claims_of(answer.json()["access_token"])
        own = [scope for scope in claims["scope"].split() if ":" in scope]
        assert claims["aud"] == resource
        assert own
        assert {owners[scope.partition(":")[0]] for scope in own} == {resource}


def test_the_apis_of_a_refresh_token_are_told_to_its_client(apis: Service) -> None:
    frontend = register_backend(apis, scope=SCOPE, first_party=True)
    token = frontend.redeem(code_of(apis, frontend, scope="billing:read reports:read"), resource=BILLING)
    form = {"token": token.json()["refresh_token"], "client_id": frontend.client_id, "client_secret": frontend.secret}
    assert httpx2.post(f"{apis.url}/oauth/introspect", data=form).json()["aud"] == [BILLING, REPORTS]


def test_an_apis_own_client_reports_which_keys_it_holds(apis: Service) -> None:
    """Any API's, not only that of the set-up; a client that is no API's is refused."""
    url, form = f"{apis.url}/internal/verifiers", {"instance": "one", "kids": "a"}
    for client, status in ((register(apis, protected_resource=BILLING, scope=""), 204), (register(apis), 400)):
        assert httpx2.post(url, data=form, auth=(client.client_id, client.secret)).status_code == status
