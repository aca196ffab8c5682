"""Client metadata (RFC 7591 §2): what is refused, what is filled in, and which redirect URIs mean one place."""

import json
from contextlib import nullcontext
from typing import Any

import pytest

from auth_service.endpoints.token.grants import GRANT_TYPES
from auth_service.oauth.client_metadata import ClientMetadata, parse
from auth_service.oauth.errors import InvalidClientMetadata, InvalidRedirectUri, OAuthError
from auth_service.oauth.metadata_values import DEVICE_CODE, TOKEN_EXCHANGE

from .conftest import ISSUER
from .oauth_client import METADATA, PNG, public_jwk
from .registry import RESOURCES

BAD = "invalid_client_metadata"
ALG = "id_token_signed_response_alg"
KEYS = {"keys": [public_jwk("rsa")]}
API = f"{ISSUER}/api/v1"
EXCHANGE: dict[str, Any] = {
    "grant_types": [TOKEN_EXCHANGE], "protected_resource": API,
    "exchange": [{"resource": API, "scope": "todos:read"}],
}  # fmt: skip
WEB: dict[str, Any] = {"grant_types": None, "scope": None, "redirect_uris": ["https://app.example.com/callback"]}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no grant types": ({"grant_types": []}, "grant_types: supported are authorization_code, refresh_"),
    "refresh tokens from nowhere": ({"grant_types": ["refresh_token"]}, "grant_types: refresh_token needs"),
    "refresh tokens for a service": ({"grant_types": ["refresh_token", "client_credentials"]}, "grant_types: refresh_"),
    "the password grant": ({"grant_types": ["client_credentials", "password"]}, "grant_types: supported are"),
    "grant types as text": ({"grant_types": "client_credentials"}, "grant_types: has the wrong type."),
    "a grant type twice": ({"grant_types": ["client_credentials"] * 2}, "grant_types: must be a list of strings"),
    "a list within": ({"grant_types": [["client_credentials"]]}, "grant_types: must be a list of strings"),
    "a response type for a service": ({"response_types": ["code"]}, "response_types: must be code with"),
    "no response type for people": ({**WEB, "response_types": []}, "response_types: must be code with"),
    "the implicit response type": ({**WEB, "response_types": ["id_token"]}, "response_types: must be code with"),
    "a response type twice": ({**WEB, "response_types": ["code", "code"]}, "response_types: must be a list of strings"),
    "nothing to prove": ({"token_endpoint_auth_method": "none"}, "grant_types: client_credentials needs a client"),
    "a resource that proves nothing": ({**WEB, "token_endpoint_auth_method": "none", "protected_resource": API},
                                       "protected_resource: only for a client that authenticates."),
    "the issuer as a resource": ({"protected_resource": ISSUER}, "protected_resource: known are"),
    "client_secret_jwt": ({"token_endpoint_auth_method": "client_secret_jwt"}, "token_endpoint_auth_method: supp"),
    "an unknown scope": ({"scope": "todos:read admin"}, "scope: supported are openid, profile, email, offline_"),
    "two spaces": ({"scope": "todos:read  todos:write"}, "scope: supported are"),
    "a list of scopes": ({"scope": ["todos:read"]}, "scope: has the wrong type."),
    "a long name": ({"client_name": "x" * 257}, "client_name: must have at most 256 characters."),
    "a name that moves the cursor": ({"client_name": "a\x1b[2J"}, "client_name: must not contain control"),
    "keys without a place": ({"token_endpoint_auth_method": "private_key_jwt"}, "private_key_jwt needs jwks or"),
    "two places of keys": ({"jwks": KEYS, "jwks_uri": "https://c.example.com/"}, "Only one of jwks and jwks_uri"),
    "keys over http": ({"jwks_uri": "http://c.example.com/jwks"}, "jwks_uri: must be an https URI"),
    "a user in jwks_uri": ({"jwks_uri": "https://a:b@c.example.com/"}, "jwks_uri: must be an https URI"),
    "a fragment in jwks_uri": ({"jwks_uri": "https://c.example.com/#x"}, "jwks_uri: must be an https URI"),
    "a line feed in jwks_uri": ({"jwks_uri": "https://c.example.com/\nx"}, "jwks_uri: must be an https URI"),
    "no host in jwks_uri": ({"jwks_uri": "https:///x"}, "jwks_uri: must be an https URI"),
    "no port in jwks_uri": ({"jwks_uri": "https://c.example.com:99999/"}, "jwks_uri: must be an https URI"),
    "an unknown resource": ({"default_resource": "https://other.example.com"}, "default_resource: known are"),
    "text for a truth": ({"require_pkce": "false"}, "require_pkce: has the wrong type."),
    "another audience of assertions": ({"assertion_audience": "https://x.example"}, "assertion_audience: supported"),
    "other claims in the ID token": ({"id_token_claims": "all"}, "id_token_claims: supported are minimal."),
    "ID tokens that anybody could sign": ({"id_token_signed_response_alg": "none"}, f"{ALG}: supported are RS256, PS"),
    "ID tokens by a secret": ({"id_token_signed_response_alg": "HS256"}, f"{ALG}: supported are RS256, PS256, ES256."),
    "ID tokens on another curve": ({"id_token_signed_response_alg": "ES384"}, f"{ALG}: supported are RS256, PS256,"),
    "a list of algorithms": ({"id_token_signed_response_alg": ["ES256"]}, f"{ALG}: has the wrong type."),
    "a device by FAPI 2.0": (
        {"grant_types": [DEVICE_CODE], "profile": "fapi2", "jwks": KEYS,
         "token_endpoint_auth_method": "private_key_jwt"}, "grant_types: with profile fapi2,",
    ),
    "an exchange without rules": ({**EXCHANGE, "exchange": None}, "exchange: it and the grant type"),
    "rules without the grant type": ({**EXCHANGE, "grant_types": ["client_credentials"]}, "exchange: it and the grant"),
    "an exchange of no API's": ({**EXCHANGE, "protected_resource": None}, "exchange: only for a client with a protec"),
    "an exchange by anybody": ({**EXCHANGE, "token_endpoint_auth_method": "none"}, "protected_resource: only for a cl"),
    "rules as an object": ({**EXCHANGE, "exchange": {"resource": API}}, "exchange: must be a list of objects"),
    "a rule without scopes": ({**EXCHANGE, "exchange": [{"resource": API}]}, "exchange: must be a list of objects"),
    "a text for impersonation": (
        {**EXCHANGE, "exchange": [{"resource": API, "scope": "todos:read", "impersonation": "true"}]},
        "exchange: must be a list of objects",
    ),
    "a number for impersonation": (
        {**EXCHANGE, "exchange": [{"resource": API, "scope": "todos:read", "impersonation": 1}]},
        "exchange: must be a list of objects",
    ),
    "a rule with an unknown member": (
        {**EXCHANGE, "exchange": [{"resource": API, "scope": "todos:read", "subject": "*"}]},
        "exchange: must be a list of objects",
    ),
    "a rule with an empty scope": (
        {**EXCHANGE, "exchange": [{"resource": API, "scope": ""}]}, f"exchange: the scopes of {API} are todos:read",
    ),
    "a rule for who a person is": (
        {**EXCHANGE, "exchange": [{"resource": API, "scope": "openid"}]}, f"exchange: the scopes of {API} are todos:r",
    ),
    "a rule for the issuer": (
        {**EXCHANGE, "exchange": [{"resource": ISSUER, "scope": "openid"}]}, "exchange: known resources are",
    ),
    "two rules for one API": ({**EXCHANGE, "exchange": EXCHANGE["exchange"] * 2}, "exchange: a resource has one rule."),
    "too many rules": ({**EXCHANGE, "exchange": EXCHANGE["exchange"] * 33}, "exchange: must be a list of objects"),
    "userinfo that anybody could sign": ({"userinfo_signed_response_alg": "none"}, "userinfo_signed_response_alg: sup"),
    "a website over http": ({"client_uri": "http://a.example/"}, "client_uri: must be an https URI"),
    "terms that are a script": ({"tos_uri": "javascript:alert(1)"}, "tos_uri: must be an https URI"),
    "a policy with a quote": ({"policy_uri": 'https://a.example/"x'}, "policy_uri: must be an https URI"),
    "a logo over http": ({"logo_uri": "http://a.example/l.png"}, "logo_uri: must be an https URI"),
    "a logo that is a page": ({"logo_uri": "data:text/html;base64,PGI+"}, "logo_uri: a data: URI must be a picture"),
    "a logo by SVG": ({"logo_uri": "data:image/svg+xml;base64,PHN2Zz4="}, "logo_uri: a data: URI must be a picture"),
    "a logo of another kind": ({"logo_uri": f"data:image/jpeg;base64,{PNG}"}, "logo_uri: a data: URI must be a pictu"),
    "a logo that is no base64": ({"logo_uri": f"data:image/png;base64,{PNG}*"}, "logo_uri: a data: URI must be a pict"),
    "a large logo": ({"logo_uri": f"data:image/png;base64,{PNG}{'A' * 16384}"}, "logo_uri: a data: URI must be a pict"),
    "one for a truth": ({"first_party": 1}, "first_party: has the wrong type."),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_metadata_that_cannot_be_meant_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OAuthError) as raised:
        parse({**METADATA, **changes}, resources=RESOURCES, supported_grant_types=GRANT_TYPES)
    assert raised.value.error == BAD
    assert raised.value.description.startswith(message)


UNMET: dict[str, tuple[dict[str, Any], str]] = {
    "pairwise subjects": ({"subject_type": "pairwise"}, "subject_type may only be public."),
    "encrypted ID tokens": ({"id_token_encrypted_response_alg": "RSA-OAEP"}, "id_token_encrypted"),
    "signed requests": ({"require_signed_request_object": True}, "require_signed_request_object may only be false."),
    "being told of sign-outs by the browser": ({"frontchannel_logout_uri": "https://a.example.com/"}, "frontchannel_"),
    "another algorithm": ({"token_endpoint_auth_signing_alg": "EdDSA"}, "token_endpoint_auth_"),
    "two at once": (
        {"subject_type": "pairwise", "default_max_age": 60}, "default_max_age is not supported; subject_type may only",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), UNMET.values(), ids=UNMET)
def test_protection_that_is_not_given_is_refused_and_not_ignored(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidClientMetadata) as raised:
        parse({**METADATA, **changes}, resources=RESOURCES, supported_grant_types=GRANT_TYPES)
    assert f"This service does not do what the metadata ask for: {message}" in raised.value.description


def test_protection_that_is_given_may_be_asked_for() -> None:
    asked = {"subject_type": "public", "id_token_signed_response_alg": "PS256", "dpop_bound_access_tokens": False}
    asked |= {"require_auth_time": True, "token_endpoint_auth_signing_alg": "ES256", "logo_uri": "https://a.example/"}
    parse({**METADATA, **asked}, resources=RESOURCES, supported_grant_types=GRANT_TYPES)


def test_what_a_web_application_leaves_out_is_filled_in() -> None:
    """RFC 7591 §2: the defaults are the code flow, a secret, and a scope for identity but not for an API."""
    made = parse(
        {"redirect_uris": WEB["redirect_uris"]}, resources=RESOURCES, supported_grant_types=GRANT_TYPES
    ).members()
    assert made["grant_types"] == ["authorization_code"]
    assert made["response_types"] == ["code"]
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert made["scope"] == "openid profile email offline_access"
    assert "require_pkce" not in made, "a client that authenticates chooses PKCE or a nonce"


def test_a_public_client_has_pkce_whatever_it_says() -> None:
    """RFC 9700 §2.1.1."""
    public = {**WEB, "token_endpoint_auth_method": "none", "require_pkce": False}
    assert parse(public, resources=RESOURCES, supported_grant_types=GRANT_TYPES).require_pkce
    for said in (True, False, None):
        made = parse({**WEB, "require_pkce": said}, resources=RESOURCES, supported_grant_types=GRANT_TYPES)
        assert made.require_pkce is said


def test_the_code_flow_needs_a_place_to_go_back_to() -> None:
    """RFC 7591 §2."""
    with pytest.raises(InvalidRedirectUri, match="authorization_code needs at least one"):
        parse({"grant_types": ["authorization_code"]}, resources=RESOURCES, supported_grant_types=GRANT_TYPES)


@pytest.mark.parametrize("uri", ["http://app.example.com/", "/signed-out", "https://app.example.com/#x"])
def test_places_after_signing_out_are_checked_like_all_others(uri: str) -> None:
    with pytest.raises(InvalidRedirectUri):
        parse({**WEB, "post_logout_redirect_uris": [uri]}, resources=RESOURCES, supported_grant_types=GRANT_TYPES)


REDIRECT_URIS = {
    "https://app.example.com/callback?a=b": True, "https://app.example.com:8443/": True,
    "https://[2001:db8::1]/cb": True, "https://APP.example.com/": True,
    "http://LOCALHOST/cb": False, "http://localhost:/cb": False, "http://localhost:0/cb": False,
    "http://localhost:080/cb": False, "http://localhost:3000/callback": True, "http://127.0.0.1/cb": True,
    "http://[::1]:9/cb": True,
    "/callback": False, "app.example.com/callback": False, "//app.example.com/cb": False, "": False,
    "http://app.example.com/callback": False, "http://localhost.example.com/": False,
    "http://127.0.0.1.example/": False, "https://a;script-src/cb": False, "https://*/cb": False,
    "https://a,b/cb": False,
    "https://app.example.com/callback#x": False, "https://app.example.com/callback#": False,
    "https://user@app.example.com/": False, "https://a:b@app.example.com/": False, "https://": False,
    "https:///callback": False, "https:callback": False, "javascript:alert(1)": False, "data:text/html,x": False,
    "com.example.app:/callback": False, "https://app.example.com\\@evil.example.com/": False,
    "https://app.example.com/ x": False, "https://app.example.com/\nx": False, "https://äpp.example.com/": False,
    "https://app.example.com/a/../b": False, "https://app.example.com/a/%2e%2E/b": False,
    "https://app.example.com/a%2Fb": False, "https://app.example.com/a%5cb": False,
    "https://app.example.com/%zz": False,
    "https://app.example.com:99999/": False, "https://app.example.com:x/": False, "https://[::1/": False,
    "https://%61pp.example.com/": False, "HTTPS://app.example.com/": False,
    "https://app.example.com/" + "x" * 2048: False,
}  # fmt: skip


@pytest.mark.parametrize(("uri", "is_good"), REDIRECT_URIS.items(), ids=[uri[:50] or "empty" for uri in REDIRECT_URIS])
def test_redirect_uris_mean_one_place(uri: str, is_good: bool) -> None:
    """RFC 6749 §3.1.2; RFC 8252 §7.3."""
    if is_good:
        assert parse(
            {**METADATA, "redirect_uris": [uri]}, resources=RESOURCES, supported_grant_types=GRANT_TYPES
        ).redirect_uris == (uri,)
    else:
        with pytest.raises(InvalidRedirectUri):
            parse({**METADATA, "redirect_uris": [uri]}, resources=RESOURCES, supported_grant_types=GRANT_TYPES)


PRIVATE_USE = {
    "com.example.app:/callback": True, "com.example.app:/callback?a=b": True, "com.example.app://callback": True,
    "com.example-x.app:/": True,
    "myapp:/callback": False, "myapp://callback": False, "com.example.app:callback": False, "com.example.app:": False,
    "Com.example.app:/callback": False, "com.example.app:/callback#x": False, "com.example.app:/a/../b": False,
    "com.example.app:/a%2fb": False, "com..app:/callback": False, ".com.app:/callback": False,
    "com.example.app:/call back": False, "javascript:/x": False, "http.x:/callback": True,
}  # fmt: skip


@pytest.mark.parametrize(("uri", "is_good"), PRIVATE_USE.items(), ids=PRIVATE_USE)
def test_a_native_application_may_have_a_scheme_of_its_own(uri: str, is_good: bool) -> None:
    """RFC 8252 §7.1: a domain name reversed, so that two applications do not choose the same. Public clients only."""
    members = {**WEB, "redirect_uris": [uri], "token_endpoint_auth_method": "none"}
    with nullcontext() if is_good else pytest.raises(InvalidRedirectUri):
        parse(members, resources=RESOURCES, supported_grant_types=GRANT_TYPES)
    with pytest.raises(InvalidRedirectUri):
        parse({**WEB, "redirect_uris": [uri]}, resources=RESOURCES, supported_grant_types=GRANT_TYPES)


def test_metadata_survive_being_stored() -> None:
    members = {**METADATA, "client_name": "R", "redirect_uris": ["https://a.example.com/"], "first_party": True}
    members |= {"require_pkce": False, "jwks": KEYS, "default_resource": ISSUER}
    members |= {"assertion_audience": "token_endpoint", "id_token_claims": "minimal", ALG: "ES256"}
    members |= {"require_pushed_authorization_requests": True, "dpop_bound_access_tokens": True}
    members |= {"request_object_signing_alg": "PS256"}
    members |= EXCHANGE
    registered = parse(members, resources=RESOURCES, supported_grant_types=GRANT_TYPES)
    stored = json.loads(json.dumps(registered.members()))
    assert (
        ClientMetadata.restore(stored)
        == registered
        == parse(stored, resources=RESOURCES, supported_grant_types=GRANT_TYPES)
    )
    assert {name: stored[name] for name in members} == members
