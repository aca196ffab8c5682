"""The token endpoint, and the client_credentials grant (RFC 6749 §3.2, §4.4, §5)."""

from collections.abc import Callable
from typing import Any

import httpx2
import jwt
import pytest

from auth_service.endpoints.token.grants import GRANT_TYPES
from auth_service.oauth.scope import IDENTITY

from .code_flow import REDIRECT_URI
from .conftest import ISSUER, Service, Start
from .oauth_client import GRANT, TOKEN, OAuthClient, claims_of, post, register, register_with_key
from .statements import statements

API = f"{ISSUER}/api/v1"
FORM = "application/x-www-form-urlencoded"
REFUSAL = {"error", "error_description"}


def test_an_access_token_says_who_may_do_what_where(service: Service) -> None:
    """RFC 9068 §2: a service's `sub` is its client_id, and the token has no `auth_time`."""
    service.clock.stop()
    client = register(service)
    response = client.token(resource=API)
    body = response.json()
    assert response.status_code == 200
    token = body.pop("access_token")
    assert body == {"token_type": "Bearer", "expires_in": 300, "scope": "todos:read todos:write"}
    now = int(service.clock().timestamp())
    claims = claims_of(token)
    assert len(claims.pop("jti")) == 32
    assert claims.pop("status")["status_list"]["uri"] == service.list_uri(1)
    assert claims == {
        "iss": ISSUER, "sub": client.client_id, "client_id": client.client_id, "aud": API,
        "iat": now, "exp": now + 300, "scope": "todos:read todos:write",
    }  # fmt: skip
    keys = httpx2.get(f"{service.url}/.well-known/jwks.json").json()["keys"]
    header = jwt.get_unverified_header(token)
    assert {name: header[name] for name in ("typ", "alg")} == {"typ": "at+jwt", "alg": "RS256"}
    verified = jwt.decode(
        token, jwt.PyJWK(next(key for key in keys if key["kid"] == header["kid"])), audience=API, options=NO_TIMES
    )
    assert verified["sub"] == client.client_id


NO_TIMES: Any = {"verify_exp": False, "verify_iat": False}


def test_every_token_is_another_one(sqlite_service: Service) -> None:
    client = register(sqlite_service)
    tokens = [client.token().json()["access_token"] for _ in range(3)]
    assert len({claims_of(token)["jti"] for token in tokens}) == 3


def test_no_answer_is_kept_by_a_cache(sqlite_service: Service) -> None:
    """RFC 6749 §5.1, §5.2."""
    client = register(sqlite_service)
    for response in (client.token(), client.token(scope="x"), post(sqlite_service, {})):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Content-Type"] == "application/json"


SCOPES: dict[str, tuple[str | None, str | None]] = {
    "nothing asked for": (None, "todos:read todos:write"),
    "nothing said": ("", "todos:read todos:write"),
    "all": ("todos:read todos:write", "todos:read todos:write"),
    "another order": ("todos:write todos:read", "todos:read todos:write"),
    "twice the same": ("todos:read todos:read", "todos:read"),
    "less": ("todos:read", "todos:read"),
    "unknown": ("todos:admin", None),
    "one of them unknown": ("todos:read todos:admin", None),
    "another case": ("TODOS:READ", None),
    "two spaces": ("todos:read  todos:write", None),
    "a space before": (" todos:read", None),
    "a space behind": ("todos:read ", None),
    "a tabulator": ("todos:read\ttodos:write", None),
    "a comma": ("todos:read,todos:write", None),
    "a quote": ('todos:read"', None),
    "a backslash": ("todos\\read", None),
    "not ASCII": ("todos:reäd", None),
    "too long": ("todos:read " * 100 + "todos:read", None),
    "openid": ("openid", None),
}


@pytest.mark.parametrize(("asked", "granted"), SCOPES.values(), ids=SCOPES)
def test_scope_is_narrowed_and_never_widened(sqlite_service: Service, asked: str | None, granted: str | None) -> None:
    """RFC 6749 §3.3."""
    response = register(sqlite_service).token(**({} if asked is None else {"scope": asked}))
    if granted is None:
        assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")
    else:
        assert response.json()["scope"] == claims_of(response.json()["access_token"])["scope"] == granted


def test_a_client_gets_no_more_than_it_is_registered_for(sqlite_service: Service) -> None:
    reader = register(sqlite_service, scope="todos:read")
    assert reader.token().json()["scope"] == "todos:read"
    for scope in ("todos:write", "todos:read todos:write"):
        assert reader.token(scope=scope).json()["error"] == "invalid_scope"


def test_a_client_without_scope_gets_a_token_without_any(sqlite_service: Service) -> None:
    nobody = register(sqlite_service, scope="")
    body = nobody.token().json()
    assert "scope" not in body
    assert "scope" not in claims_of(body["access_token"])
    assert nobody.token(scope="todos:read").json()["error"] == "invalid_scope"


RESOURCES: dict[str, tuple[str | list[str] | None, str | None, str | None]] = {
    "none": (None, None, API),  # the API of its scopes
    "an empty one": ("", None, API),
    "the client's own": (None, API, API),
    "the API": (API, None, API),
    "another than the client's own": (ISSUER, API, ISSUER),
    "the same twice": ([API, API], None, API),
    "two": ([API, ISSUER], None, None),
    "unknown": ("https://other.example.com", None, None),
    "unknown in spite of a default": ("https://other.example.com", API, None),
    "one of two unknown": ([API, "https://other.example.com"], None, None),
    "with a slash": (f"{API}/", None, None),
    "with a fragment": (f"{API}#x", None, None),
    "with a query": (f"{API}?x", None, None),
    "no URI": ("todos", None, None),
    "below": (f"{API}/todos", None, None),
}


@pytest.mark.parametrize(("asked", "default", "audience"), RESOURCES.values(), ids=RESOURCES)
def test_a_token_is_for_one_known_resource(
    sqlite_service: Service, asked: str | list[str] | None, default: str | None, audience: str | None
) -> None:
    """RFC 8707 §2 (rule S2 of RULES.md)."""
    client = register(sqlite_service, default_resource=default)
    response = client.token(**({} if asked is None else {"resource": asked}))
    if audience is None:
        assert (response.status_code, response.json()["error"]) == (400, "invalid_target")
    else:
        assert claims_of(response.json()["access_token"])["aud"] == audience


GRANTS = {
    "missing": ({"x": "1"}, "invalid_request", "The parameter grant_type is missing."),
    "empty": ({"grant_type": ""}, "invalid_request", "The parameter grant_type is missing."),
    "another case": ({"grant_type": "Client_Credentials"}, "unsupported_grant_type", ""),
    "the password grant": (
        {"grant_type": "password"}, "unsupported_grant_type",
        "The grant_type is not supported; supported are authorization_code, refresh_token, client_credentials, ",
    ),
    "not registered": (
        {"grant_type": "authorization_code"}, "unauthorized_client",
        "This client is not registered for authorization_code; its grant_types: client_credentials.",
    ),
    "an unknown scope": (
        {**GRANT, "scope": "todos:admin"}, "invalid_scope",
        "The scope is wider than what this client or grant may have: todos:read todos:write.",
    ),
    "an API with a slash": (
        {**GRANT, "resource": f"{API}/"}, "invalid_target",
        f"The resource is none that this client or grant may ask for, to the letter: {API}, {ISSUER}.",
    ),
    "a long one": ({"grant_type": "x" * 10_000}, "unsupported_grant_type", ""),
    "repeated": ({"grant_type": ["client_credentials"] * 2}, "invalid_request", "A parameter is repeated."),
}  # fmt: skip


@pytest.mark.parametrize(("form", "error", "description"), GRANTS.values(), ids=GRANTS)
def test_a_refusal_says_what_to_change(
    sqlite_service: Service, form: dict[str, Any], error: str, description: str
) -> None:
    client = register(sqlite_service)
    response = post(sqlite_service, form, auth=(client.client_id, client.secret))
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert response.json()["error_description"].startswith(description)
    assert set(response.json()) == REFUSAL


def test_a_client_without_the_grant_is_told_so(sqlite_service: Service) -> None:
    """RFC 6749 §5.2."""
    client = register(sqlite_service, grant_types=["authorization_code"], redirect_uris=[REDIRECT_URI])
    response = client.token()
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")


GOOD = b"grant_type=client_credentials"
BODIES: dict[str, tuple[str | None, bytes, int, str]] = {
    "JSON": ("application/json", b'{"grant_type": "client_credentials"}', 400, "The body must be"),
    "multipart": ("multipart/form-data; boundary=x", b"--x--", 400, "The body must be"),
    "no type": (None, GOOD, 400, "The body must be"),
    "a type with a quote": ('a"b', GOOD, 400, "The body must be"),
    "Latin 1": (f"{FORM}; charset=iso-8859-1", GOOD, 400, "The body must be"),
    "UTF-16": (f"{FORM}; charset=utf-16", GOOD.decode().encode("utf-16"), 400, "The body must be"),
    "too large": (FORM, GOOD + b"&x=" + b"x" * 65_536, 413, "The body is larger than 65536 octets."),
    "too many fields": (FORM, b"&".join(b"a%d=" % number for number in range(65)), 400, "There are too many"),
    "a long name": (FORM, b"x" * 129 + b"=1", 400, "A parameter's name is empty or too long."),
    "no name": (FORM, GOOD + b"&=1", 400, "A parameter's name is empty or too long."),
    "a repeated stranger": (FORM, GOOD + b"&x=1&x=2", 400, "A parameter is repeated."),
    "repeated and once empty": (FORM, GOOD + b"&scope=&scope=todos:read", 400, "A parameter is repeated."),
    "repeated in another spelling": (FORM, GOOD + b"&grant%5ftype=password", 400, "A parameter is repeated."),
    "not UTF-8": (FORM, GOOD + b"&scope=%ff", 400, "The form is not readable."),
    "raw octets": (FORM, GOOD + b"&scope=\xff", 400, "The form is not readable."),
    "a surrogate": (FORM, GOOD + b"&scope=%ed%a0%80", 400, "The form is not readable."),
    "NUL": (FORM, GOOD + b"&scope=a%00", 400, "The form is not readable."),
    "a broken escape": (FORM, GOOD + b"&scope=%zz", 400, "The form is not readable."),
    "half an escape": (FORM, GOOD + b"&scope=%4", 400, "The form is not readable."),
}


@pytest.mark.parametrize(("media_type", "body", "status", "description"), BODIES.values(), ids=BODIES)
def test_bad_bodies_are_invalid_requests(
    sqlite_service: Service, media_type: str | None, body: bytes, status: int, description: str
) -> None:
    """RFC 6749 §3.2, Appendix B: all get the same shape, and none gets the framework's own 422."""
    client = register(sqlite_service)
    headers = {} if media_type is None else {"Content-Type": media_type}
    auth = (client.client_id, client.secret)
    response = httpx2.post(f"{sqlite_service.url}{TOKEN}", content=body, headers=headers, auth=auth)
    assert (response.status_code, response.json()["error"]) == (status, "invalid_request"), response.text
    assert response.json()["error_description"].startswith(description)
    assert set(response.json()) == REFUSAL
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("media_type", [FORM, f"{FORM}; charset=UTF-8", f'{FORM.upper()};charset="utf-8"'])
def test_a_form_may_say_its_character_set(sqlite_service: Service, media_type: str) -> None:
    client = register(sqlite_service)
    headers, auth = {"Content-Type": media_type}, (client.client_id, client.secret)
    body = b"&&grant_type=client%5Fcredentials&scope=todos:read+todos%3Awrite&unknown=x&code=&"
    response = httpx2.post(f"{sqlite_service.url}{TOKEN}", content=body, headers=headers, auth=auth)
    assert response.json()["scope"] == "todos:read todos:write"


def test_parameters_of_the_address_count_for_nothing(sqlite_service: Service) -> None:
    """RFC 6749 §2.3.1: a secret in an address ends up in logs."""
    client = register(sqlite_service, token_endpoint_auth_method="client_secret_post")
    shown = {"client_id": client.client_id, "client_secret": client.secret}
    assert post(sqlite_service, {**GRANT, **shown}).status_code == 200
    assert post(sqlite_service, GRANT, params=shown).json()["error"] == "invalid_client"
    assert post(sqlite_service, shown, params=GRANT).json()["error"] == "invalid_request"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_only_post_asks_for_tokens(sqlite_service: Service, method: str) -> None:
    """RFC 6749 §3.2."""
    response = httpx2.request(method, f"{sqlite_service.url}{TOKEN}")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def test_a_stranger_is_told_nothing_about_the_request(sqlite_service: Service) -> None:
    client = register(sqlite_service)
    for form in ({"x": "1"}, {"grant_type": "password"}, {**GRANT, "scope": "x"}, {**GRANT, "resource": "x"}):
        response = post(sqlite_service, form, auth=(client.client_id, "wrong"))
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def test_a_token_for_a_known_client_touches_no_database(service: Service) -> None:
    """Clients and APIs are cached for five seconds. Only the very first token draws the client's status index.

    The process's own queries for keys and status lists are not counted.
    """
    service.clock.stop()
    client = register(service)
    assert client.token(resource=API).status_code == 200
    service.clock.advance(seconds=5.1)

    def asked() -> list[int]:
        return [sum(f"FROM {table}" in statement for statement in seen) for table in ("clients", "resources")]

    with statements() as seen:
        assert client.token(resource=API).status_code == 200
        assert asked() == [1, 1]
        service.clock.advance(seconds=4.9)
        assert [client.token(resource=API).status_code, client.token().status_code] == [200, 200]
        assert asked() == [1, 1]
        service.clock.advance(seconds=0.2)
        assert client.token(resource=API).status_code == 200
        assert asked() == [2, 2]


def test_a_client_registered_a_moment_after_it_was_asked_for_works(service: Service) -> None:
    """The cache does not store that a client does not exist."""
    client = register(service)
    stored = service.rows("SELECT client_id FROM clients WHERE client_id <> 'web'")
    service.execute("UPDATE clients SET client_id = 'client_elsewhere' WHERE client_id <> 'web'")
    assert client.token().json()["error"] == "invalid_client"
    service.execute(f"UPDATE clients SET client_id = '{stored[0][0]}' WHERE client_id <> 'web'")
    assert client.token().status_code == 200


def test_the_life_of_a_token_is_a_setting(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url, AUTH_ACCESS_TOKEN_TTL="PT1M")
    body = register(service).token().json()
    claims = claims_of(body["access_token"])
    assert (body["expires_in"], claims["exp"] - claims["iat"]) == (60, 60)


def test_the_metadata_say_what_the_endpoint_does(sqlite_service: Service) -> None:
    """RFC 8414 §2: every listed value works, and unlisted ones are refused."""
    metadata = httpx2.get(f"{sqlite_service.url}/.well-known/oauth-authorization-server").json()
    assert metadata["token_endpoint"] == f"{ISSUER}{TOKEN}"
    assert metadata["grant_types_supported"] == list(GRANT_TYPES)
    assert {"authorization_code", "refresh_token", "client_credentials"} <= set(GRANT_TYPES)
    by_method: dict[str, Callable[[OAuthClient], httpx2.Response]] = {
        "client_secret_basic": lambda client: client.token(),
        "client_secret_post": lambda client: post(
            sqlite_service, {**GRANT, "client_id": client.client_id, "client_secret": client.secret}
        ),
        "private_key_jwt": lambda client: client.token_by_assertion(client.assertion()),
    }
    assert metadata["token_endpoint_auth_methods_supported"] == [*by_method, "none"]
    for method, ask in by_method.items():
        client = asker(sqlite_service, method)
        assert ask(client).status_code == 200, method
    for alg in metadata["token_endpoint_auth_signing_alg_values_supported"]:
        client = register_with_key(sqlite_service, "rsa", "ec")
        assertion = client.assertion("ec" if alg.startswith("ES") else "rsa", alg=alg)
        assert client.token_by_assertion(assertion).status_code == 200, alg
    everything = " ".join(scope for scope in metadata["scopes_supported"] if scope not in IDENTITY)
    for resource in metadata["protected_resources"]:
        assert register(sqlite_service, scope=everything).token(resource=resource).json()["scope"] == everything


def asker(service: Service, method: str) -> OAuthClient:
    if method == "private_key_jwt":
        return register_with_key(service)
    return register(service, token_endpoint_auth_method=method)
