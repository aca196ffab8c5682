"""Each metadata member is compared with the service's behaviour (RFC 8414 §2, OpenID Connect Discovery §3)."""

from collections.abc import Callable
from typing import Any

import pytest

from auth_service.endpoints.token.grants import GRANT_TYPES
from auth_service.oauth import profile
from auth_service.oauth.client_metadata import parse
from auth_service.oauth.errors import InvalidClientMetadata

from .browser import Browser, signed_in
from .code_flow import API, REDIRECT_URI, Frontend, register_backend, register_frontend
from .conftest import ISSUER, Service
from .dpop_client import Prover
from .oauth_client import GRANT, claims_of, encode, post, register, register_with_key
from .registry import RESOURCES
from .test_request_objects import signing_frontend

Said = Any
Check = Callable[[Service, Said], None]
CHECKS: dict[str, Check] = {}


def of(*members: str) -> Callable[[Check], Check]:
    def add(check: Check) -> Check:
        CHECKS.update(dict.fromkeys(members, check))
        return check

    return add


def read(service: Service) -> dict[str, Said]:
    document: dict[str, Said] = service.client().get(f"{service.url}/.well-known/openid-configuration").json()
    return document


def test_every_member_is_compared_with_something(sqlite_service: Service) -> None:
    assert read(sqlite_service).keys() == CHECKS.keys()


def authorized(service: Service, frontend: Frontend | None = None, **changes: Any) -> dict[str, str]:
    """The authorization response for a signed-in person when no page has to be shown."""
    frontend = frontend or register_frontend(service, first_party=True)
    service.execute("DELETE FROM accounts")
    return signed_in(service).authorize(frontend, **changes).answer


def tokens(service: Service, frontend: Frontend | None = None, **changes: Any) -> dict[str, Any]:
    frontend = frontend or register_frontend(service, first_party=True)
    body: dict[str, Any] = frontend.redeem(authorized(service, frontend, **changes)["code"]).json()
    return body


@of("issuer", "authorization_response_iss_parameter_supported")
def answers_and_tokens_name_the_issuer(service: Service, said: Said) -> None:
    assert said in (ISSUER, True)
    assert authorized(service)["iss"] == ISSUER
    assert claims_of(tokens(service)["id_token"])["iss"] == ISSUER


@of(
    "authorization_endpoint",
    "pushed_authorization_request_endpoint",
    "device_authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "end_session_endpoint",
    "status_list_aggregation_endpoint",
    "jwks_uri",
)
def the_address_answers(service: Service, said: Said) -> None:
    client = Browser(service).client
    path = said.removeprefix(ISSUER)
    assert said == f"{ISSUER}{path}"
    assert 404 not in (client.get(path).status_code, client.post(path).status_code)


@of("response_types_supported")
def response_types(service: Service, said: Said) -> None:
    for response_type in ("code", "token", "id_token", "code id_token", "none"):
        is_refused = authorized(service, response_type=response_type).get("error") == "unsupported_response_type"
        assert is_refused != (response_type in said), response_type


@of("response_modes_supported")
def response_modes(service: Service, said: Said) -> None:
    for mode in ("query", "form_post", "fragment", "jwt"):
        assert ("code" in authorized(service, response_mode=mode)) == (mode in said), mode


@of("grant_types_supported")
def grant_types(service: Service, said: Said) -> None:
    exchange: dict[str, Any] = {"protected_resource": API, "exchange": [{"resource": API, "scope": "todos:read"}]}
    client = register(service, grant_types=said, redirect_uris=[REDIRECT_URI], **exchange)
    for grant_type in (*said, "password", "implicit", "urn:openid:params:grant-type:ciba"):
        error = post(service, {"grant_type": grant_type}, auth=(client.client_id, client.secret)).json().get("error")
        assert (error == "unsupported_grant_type") != (grant_type in said), grant_type


@of("code_challenge_methods_supported")
def code_challenge_methods(service: Service, said: Said) -> None:
    for method in ("S256", "plain"):
        assert ("code" in authorized(service, code_challenge_method=method)) == (method in said), method


@of(
    "token_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_methods_supported",
)
def auth_methods(service: Service, said: Said) -> None:
    """test_client_authentication.py and test_introspect_and_revoke.py test the methods of each endpoint."""
    service_client = {"grant_types": ["client_credentials"], "jwks": {"keys": []}}
    person_client = {"grant_types": ["authorization_code"], "redirect_uris": [REDIRECT_URI]}
    for method in (*said, "client_secret_jwt", "tls_client_auth", "self_signed_tls_client_auth"):
        members = person_client if method == "none" else service_client
        try:
            parse(
                {**members, "token_endpoint_auth_method": method},
                resources=RESOURCES,
                supported_grant_types=GRANT_TYPES,
            )
        except InvalidClientMetadata:
            assert method not in said, method
        else:
            assert method in said, method


@of(
    "token_endpoint_auth_signing_alg_values_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
)
def assertion_algorithms(service: Service, said: Said) -> None:
    for alg in ("RS256", "PS256", "ES256", "RS512"):
        key = "ec" if alg == "ES256" else "rsa"
        client = register_with_key(service, key)
        response = client.token_by_assertion(client.assertion(key, alg=alg))
        assert (response.status_code == 200) == (alg in said), alg


@of("dpop_signing_alg_values_supported")
def proof_algorithms(service: Service, said: Said) -> None:
    client = register(service)
    for alg in ("RS256", "PS256", "ES256", "RS512"):
        headers = Prover(service, "ec" if alg == "ES256" else "rsa").header(alg=alg)
        response = post(service, GRANT, auth=(client.client_id, client.secret), headers=headers)
        assert (response.status_code == 200) == (alg in said), alg


@of("scopes_supported")
def scopes(service: Service, said: Said) -> None:
    frontend = register_frontend(service, first_party=True, scope=" ".join(said))
    for scope in (*said, "nickname"):
        asked = f"openid {scope}" if scope != "openid" else scope
        granted = tokens(service, frontend, scope=asked)["scope"].split()
        assert (scope in granted) == (scope in said), scope


@of("protected_resources")
def resources(service: Service, said: Said) -> None:
    for resource in (*said, "https://evil.example"):
        assert ("code" in authorized(service, resource=resource)) == (resource in said), resource


@of("subject_types_supported")
def subjects_are_the_same_for_all(service: Service, said: Said) -> None:
    assert said == ["public"]
    first, second = (register_frontend(service, first_party=True) for _ in range(2))
    browser = signed_in(service)
    subs = {
        claims_of(each.redeem(browser.authorize(each).answer["code"]).json()["id_token"])["sub"]
        for each in (first, second)
    }
    assert len(subs) == 1


@of("id_token_signing_alg_values_supported")
def id_tokens_are_signed_by(service: Service, said: Said) -> None:
    """A client may register each of them. RS256 is first, and the default (OpenID Connect Discovery §3)."""
    header = tokens(service)["id_token"].split(".")[0]
    assert header.startswith(encode({"alg": said[0]}).rstrip("=")[:10])
    assert said == ["RS256", "PS256", "ES256"]
    for alg in said:
        assert register_frontend(service, id_token_signed_response_alg=alg)


@of("userinfo_signing_alg_values_supported")
def userinfo_is_signed_by(service: Service, said: Said) -> None:
    """Any of them: test_userinfo.py and test_client_algorithms.py."""
    assert said == ["RS256", "PS256", "ES256"]


@of("claims_supported", "claim_types_supported", "acr_values_supported")
def claims(service: Service, said: Said) -> None:
    frontend = register_frontend(service, first_party=True)
    issued = tokens(service, frontend, scope="openid profile email")
    bearer = {"Authorization": f"Bearer {issued['access_token']}"}
    told = Browser(service).client.get("/oauth/userinfo", headers=bearer).json()
    id_token = claims_of(issued["id_token"])
    known = {**id_token, **told}
    if said == ["normal"]:
        assert "_claim_names" not in known
    elif "sub" in said:
        lacking = {"picture", "roles", "groups", *profile.MEMBERS}
        assert set(said) - lacking <= known.keys(), "a new account lacks only these"
    else:
        assert id_token["acr"] in said


@of("prompt_values_supported")
def prompts(service: Service, said: Said) -> None:
    frontend = register_frontend(service)
    for prompt in (*said, "create"):
        browser = Browser(service).authorize(frontend, prompt=prompt)
        is_refused = browser.last.status_code == 303 and browser.answer["error"] == "invalid_request"
        assert is_refused != (prompt in said), prompt


@of("display_values_supported", "ui_locales_supported")
def pages(service: Service, said: Said) -> None:
    frontend = register_frontend(service)
    page = Browser(service).authorize(frontend, display="popup", ui_locales="se").page
    assert said in (["page"], ["de", "en"])
    assert '<html lang="en">' in page.html


@of("request_parameter_supported", "request_object_signing_alg_values_supported")
def request_objects(service: Service, said: Said) -> None:
    """By value, and signed: test_request_objects.py."""
    assert said in (True, ["RS256", "PS256", "ES256"])
    for alg in ("RS256", "PS256", "ES256"):
        assert signing_frontend(service, alg)


@of("claims_parameter_supported", "request_uri_parameter_supported")
def parameters(service: Service, said: Said) -> None:
    if said:
        asked = '{"id_token":{"email":{"essential":true}}}'
        assert "email" in claims_of(tokens(service, scope="openid", claims=asked)["id_token"])
    else:
        assert authorized(service, request_uri="https://a.example/x")["error"] == "request_uri_not_supported"


@pytest.mark.parametrize("member", CHECKS)
def test_member_is_true(sqlite_service: Service, member: str) -> None:
    CHECKS[member](sqlite_service, read(sqlite_service)[member])


def test_a_service_may_introspect_and_a_public_client_may_not(sqlite_service: Service) -> None:
    document = read(sqlite_service)
    assert "none" not in document["introspection_endpoint_auth_methods_supported"]
    assert "none" in document["revocation_endpoint_auth_methods_supported"]
    public, backend = register_frontend(sqlite_service), register_backend(sqlite_service)
    client = Browser(sqlite_service).client
    form = {"token": "x", "client_id": public.client_id}
    assert client.post("/oauth/introspect", data=form).status_code == 401
    assert client.post("/oauth/revoke", data=form).status_code == 200
    form = {"token": "x", "client_id": backend.client_id, "client_secret": backend.secret}
    assert client.post("/oauth/introspect", data=form).json() == {"active": False}


@of("backchannel_logout_supported", "backchannel_logout_session_supported")
def the_end_of_a_session_is_told_with_its_sid(service: Service, said: Said) -> None:
    assert said is True
    frontend = register_frontend(service, first_party=True, backchannel_logout_uri="https://client.example.com/logout")
    tokens(service, frontend)
    service.execute("DELETE FROM account_events")
    [(session_id,)] = service.rows("SELECT id FROM browser_sessions")
    assert service.command("sessions", "revoke", session_id).returncode == 0
    [(client_id, told)] = service.rows("SELECT client_id, session_id FROM account_events WHERE client_id IS NOT NULL")
    assert (client_id, told) == (frontend.client_id, session_id)
