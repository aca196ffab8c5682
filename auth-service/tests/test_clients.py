"""Clients that an operator registers (RFC 7591, RFC 7592 §2.2)."""

import hashlib
import json
import re
from contextlib import nullcontext
from typing import Any

import pytest

from auth_service.endpoints.token.grants import GRANT_TYPES
from auth_service.oauth.client_metadata import ClientMetadata, parse
from auth_service.oauth.errors import InvalidClientMetadata, InvalidRedirectUri, OAuthError
from auth_service.oauth.metadata_values import DEVICE_CODE, TOKEN_EXCHANGE
from auth_service.store.identifiers import draw

from .code_flow import live_grants, register_backend, register_frontend, sign_up
from .conftest import ISSUER, Service
from .oauth_client import METADATA, PNG, OAuthClient, public_jwk, register, register_with_key
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


def done(service: Service, *arguments: str, stdin: object = None) -> dict[str, Any]:
    result = service.command("clients", *arguments, stdin="" if stdin is None else json.dumps(stdin))
    assert (result.returncode, result.stderr) == (0, "")
    members: dict[str, Any] = json.loads(result.stdout)
    return members


def refused(service: Service, *arguments: str, stdin: str = "") -> str:
    result = service.command("clients", *arguments, stdin=stdin)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("auth-service: ")
    return result.stderr.removeprefix("auth-service: ").rstrip("\n")


def test_a_registered_client_is_answered_with_its_secret_and_gets_tokens(service: Service) -> None:
    """RFC 7591 §3.2.1."""
    made = done(service, "create", stdin={**METADATA, "client_name": "Robot"})
    client_id, secret, issued_at = (made.pop(name) for name in ("client_id", "client_secret", "client_id_issued_at"))
    assert made == {
        "client_secret_expires_at": 0, "client_name": "Robot", "grant_types": ["client_credentials"],
        "response_types": [], "token_endpoint_auth_method": "client_secret_basic", "scope": "todos:read todos:write",
        "redirect_uris": [], "post_logout_redirect_uris": [], "first_party": False,
    }  # fmt: skip
    assert abs(issued_at - service.clock().timestamp()) < 60
    assert OAuthClient(service, client_id, secret).token().status_code == 200


def test_a_secret_is_stored_as_its_hash_and_shown_once(service: Service) -> None:
    client = register(service)
    assert len(client.secret) == 43, "256 bits in base64url"
    stored = service.rows("SELECT * FROM clients")
    assert client.secret not in repr(stored)
    assert hashlib.sha256(client.secret.encode()).hexdigest() in repr(stored)
    for command in (["list"], ["show", client.client_id]):
        assert client.secret not in service.command("clients", *command).stdout
    assert "client_secret" not in done(service, "show", client.client_id)


def test_no_client_has_the_name_of_an_account_or_the_reserved_one(sqlite_service: Service) -> None:
    """RFC 9068 §5: a client must never be given the `sub` of a person."""
    for client in (register(sqlite_service) for _ in range(5)):
        assert re.fullmatch(r"client_[A-Za-z0-9]{32}", client.client_id)
        assert not re.fullmatch(r"[A-Za-z0-9]{32}|web", client.client_id)
    assert re.fullmatch(r"[A-Za-z0-9]{32}", draw())


def test_clients_are_listed_and_shown(service: Service) -> None:
    registered = sorted(register(service, client_name=name).client_id for name in ("One", "Two"))
    listed = [json.loads(line) for line in service.command("clients", "list").stdout.splitlines()]
    assert [record["client_id"] for record in listed] == [*registered, "web"]
    assert {record["client_name"] for record in listed} == {"One", "Two", "Web application"}
    assert {record["redirect_uris"] for record in listed} == {""}
    assert done(service, "show", registered[0])["client_id"] == registered[0]


def test_what_is_shown_can_be_put_back_with_a_change(service: Service) -> None:
    client = register(service, client_name="Robot")
    shown = done(service, "show", client.client_id)
    updated = done(service, "update", client.client_id, stdin={**shown, "scope": "todos:read"})
    assert updated == {**shown, "scope": "todos:read"}
    assert client.token().json()["scope"] == "todos:read"


def test_an_update_replaces_all_metadata(service: Service) -> None:
    """RFC 7592 §2.2: members that the update leaves out are deleted."""
    client = register(service, client_name="Robot", default_resource=f"{ISSUER}/api/v1")
    updated = done(service, "update", client.client_id, stdin={"grant_types": ["client_credentials"]})
    assert (updated["client_name"], updated["scope"], updated.get("default_resource")) == ("", "", None)
    other = refused(service, "update", client.client_id, stdin=json.dumps({**METADATA, "client_id": "client_x"}))
    assert other == "client_id: the metadata belong to another client"


def test_a_client_that_changes_its_method_gains_or_loses_its_secret(service: Service) -> None:
    client = register(service)
    by_key = {**METADATA, "token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS}
    assert "client_secret" not in done(service, "update", client.client_id, stdin=by_key)
    assert service.rows(f"SELECT secret_hash FROM clients WHERE client_id = '{client.client_id}'") == [(None,)]
    assert client.token().json()["error"] == "invalid_client"
    assert client.token_by_assertion(client.assertion()).status_code == 200
    assert refused(service, "rotate-secret", client.client_id).endswith("has no secret")
    secret = done(service, "update", client.client_id, stdin=METADATA)["client_secret"]
    service.clock.advance(seconds=5)
    assert OAuthClient(service, client.client_id, secret).token().status_code == 200


def works(client: OAuthClient, *found: str) -> list[bool]:
    client.service.clock.advance(seconds=5)  # the cached row expires
    return [OAuthClient(client.service, client.client_id, secret).token().status_code == 200 for secret in found]


def test_two_secrets_are_valid_while_one_replaces_the_other(service: Service) -> None:
    client = register(service)
    second = done(service, "rotate-secret", client.client_id)["client_secret"]
    assert works(client, client.secret, second, "x") == [True, True, False]
    third = done(service, "rotate-secret", client.client_id, "--overlap", "PT1H")["client_secret"]
    assert works(client, client.secret, second, third) == [False, True, True]
    service.clock.advance(hours=1)
    assert works(client, second, third) == [False, True]
    fourth = done(service, "rotate-secret", client.client_id, "--overlap", "PT0S")["client_secret"]
    assert works(client, third, fourth) == [False, True]


def test_a_deleted_client_gets_nothing_within_five_seconds(service: Service) -> None:
    client = register(service)
    assert client.token().status_code == 200
    assert refused(service, "delete", client.client_id).endswith("add --yes")
    assert done(service, "delete", client.client_id, "--yes")["client_id"] == client.client_id
    service.clock.advance(seconds=5)
    assert client.token().json()["error"] == "invalid_client"
    assert refused(service, "show", client.client_id) == f"there is no client '{client.client_id}'"


COMMANDS: dict[str, tuple[list[str], str, str]] = {
    "nothing on standard input": (["create"], "", "the metadata on standard input are not valid: not JSON"),
    "a list": (["create"], "[]", "the metadata on standard input are not valid: not an object"),
    "a name twice": (["create"], '{"a": 1, "a": 2}', "the metadata on standard input are not valid: a name occurs"),
    "a secret of one's own": (["create"], '{"client_secret": "x"}', "client_secret: the service makes secrets"),
    "a private key": (
        ["create"],
        json.dumps({**METADATA, "token_endpoint_auth_method": "private_key_jwt",
                    "jwks": {"keys": [public_jwk("rsa", d="AQAB")]}}),
        f"{BAD}: jwks: a key is private or symmetric",
    ),
    "an unknown client": (["show", "client_x"], "", "there is no client 'client_x'"),
    "an unknown client to update": (["update", "client_x"], json.dumps(METADATA), "there is no client 'client_x'"),
    "NUL in an id": (["rotate-secret", "client_\udcff"], "", "an argument is not UTF-8"),
    "no duration": (["rotate-secret", "x", "--overlap", "soon"], "", "--overlap must be an ISO 8601 duration"),
    "too long": (["rotate-secret", "x", "--overlap", "P31D"], "", "--overlap must be between 0 and 30 days"),
    "a negative duration": (["rotate-secret", "x", "--overlap", "-P1D"], "", "--overlap must be between 0 and 30 days"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "stdin", "message"), COMMANDS.values(), ids=COMMANDS)
def test_commands_refuse_in_one_line(sqlite_service: Service, arguments: list[str], stdin: str, message: str) -> None:
    told = refused(sqlite_service, *arguments, stdin=stdin)
    assert told.startswith(message)
    assert "\n" not in told
    assert sqlite_service.rows("SELECT * FROM clients WHERE client_id <> 'web'") == []


def test_members_that_are_not_known_are_ignored_and_named(sqlite_service: Service) -> None:
    """RFC 7591 §2: unknown members must be ignored. They are named, so that an operator notices a mistyped one."""
    metadata = {**METADATA, "contacts": ["a@example.com"], "defualt_resource": "x"}
    result = sqlite_service.command("clients", "create", stdin=json.dumps(metadata))
    assert result.returncode == 0
    assert result.stderr == "auth-service: ignored: 'contacts', 'defualt_resource'\n"
    assert "contacts" not in json.loads(result.stdout)


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


def test_a_client_with_keys_is_answered_without_a_secret(sqlite_service: Service) -> None:
    metadata = {**METADATA, "token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS}
    made = done(sqlite_service, "create", stdin=metadata)
    assert made["jwks"] == KEYS
    assert not {"client_secret", "client_secret_expires_at"} & made.keys()
    assert register_with_key(sqlite_service).secret == ""


def test_a_secret_that_leaked_is_replaced_with_all_it_gave(service: Service) -> None:
    """The old secret and all grants of the client end at once; other clients' grants stay."""
    person, backend, other = sign_up(service), register_backend(service), register_frontend(service)
    token, others = backend.tokens(person)["refresh_token"], other.tokens(person)["refresh_token"]
    assert refused(service, "rotate-secret", backend.client_id, "--revoke").endswith("add --yes")
    made = done(service, "rotate-secret", backend.client_id, "--revoke", "--yes")
    service.clock.advance(seconds=5)
    assert backend.refresh(token).json()["error"] == "invalid_client"
    renewed = type(backend)(service, backend.client_id, made["client_secret"])
    assert renewed.refresh(token).json()["error"] == "invalid_grant"
    assert other.refresh(others).status_code == 200
    assert live_grants(service) == 1


def test_what_a_service_was_given_before_ends_as_well(sqlite_service: Service) -> None:
    """All tokens of a service are revoked together."""
    robot = register(sqlite_service, token_endpoint_auth_method="client_secret_post")
    made = done(sqlite_service, "rotate-secret", robot.client_id, "--revoke", "--yes")
    [(revoked_at,)] = sqlite_service.rows("SELECT tokens_revoked_at FROM clients WHERE secret_hash IS NOT NULL")
    assert revoked_at is not None
    assert done(sqlite_service, "rotate-secret", robot.client_id)["client_secret"] != made["client_secret"]


def test_a_deleted_client_leaves_no_grant_behind(service: Service) -> None:
    person, frontend = sign_up(service), register_frontend(service)
    token = frontend.tokens(person, "openid offline_access")["refresh_token"]
    done(service, "delete", frontend.client_id, "--yes")
    service.clock.advance(seconds=5)
    assert frontend.refresh(token).json()["error"] == "invalid_client"
    assert service.rows("SELECT count(*) FROM grants") == [(0,)]
    assert service.rows("SELECT count(*) FROM refresh_token_families") == [(0,)]
