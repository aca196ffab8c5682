"""Client authentication: one method at a time, the registered one (RFC 6749 §2.3, RFC 7523; rule S12 of RULES.md)."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote_plus

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm

from auth_service.oauth import client_assertion
from auth_service.oauth.client_assertion import ASSERTION_TYPE
from auth_service.telemetry import logs

from .conftest import ISSUER, Service
from .oauth_client import (
    GRANT,
    TOKEN,
    OAuthClient,
    encode,
    post,
    private_key,
    public_jwk,
    register,
    register_with_key,
)
from .test_expiry import run_expiry

WRONG = "The client_secret is wrong."
UNKNOWN = "No client with this client_id is registered."
UNREADABLE = "The Basic credentials are not readable"
NOT_BASIC = "The Authorization header of a client must be Basic."


def refused(response: httpx2.Response, description: str = "") -> bool:
    """Whether this is the refusal of RFC 6749 §5.2, with a challenge. Its description begins with what to change."""
    body = response.json()
    assert body["error"] == "invalid_client"
    assert body["error_description"].startswith(description), body
    assert response.headers["WWW-Authenticate"].startswith('Basic realm="')
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code == 401


def basic(text: str | bytes) -> str:
    return "Basic " + base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


HEADERS: dict[str, tuple[Callable[[str, str], str], str]] = {
    "a wrong secret": (lambda name, secret: basic(f"{name}:{secret}x"), WRONG),
    "no secret": (
        lambda name, secret: basic(f"{name}:"),
        "This client is registered for client_secret_basic, and the request uses none.",
    ),
    "no colon": (lambda name, secret: basic(name), UNREADABLE),
    "no name": (lambda name, secret: basic(f":{secret}"), UNREADABLE),
    "an unknown client": (lambda name, secret: basic(f"client_{'x' * 32}:{secret}"), UNKNOWN),
    "the reserved client": (lambda name, secret: basic(f"web:{secret}"), UNKNOWN),
    "another case of the name": (lambda name, secret: basic(f"{name.swapcase()}:{secret}"), UNKNOWN),
    "a pattern for a name": (lambda name, secret: basic(f"client_%25:{secret}"), UNKNOWN),
    "NUL in the name": (lambda name, secret: basic(f"{name}%00:{secret}"), UNREADABLE),
    "a raw NUL in the name": (lambda name, secret: basic(f"{name}\0:{secret}"), UNREADABLE),
    "not UTF-8": (lambda name, secret: basic(b"\xff:\xff"), UNREADABLE),
    "a broken escape": (lambda name, secret: basic(f"{name}:{secret}%"), UNREADABLE),
    "not Base64": (lambda name, secret: "Basic ???", UNREADABLE),
    "Base64 with more behind it": (lambda name, secret: basic(f"{name}:{secret}") + "=x", UNREADABLE),
    "nothing": (lambda name, secret: "Basic", UNREADABLE),
    "no scheme": (lambda name, secret: basic(f"{name}:{secret}").removeprefix("Basic "), NOT_BASIC),
    "Bearer": (lambda name, secret: f"Bearer {secret}", NOT_BASIC),
    "Digest": (lambda name, secret: f'Digest username="{name}"', NOT_BASIC),
    "an empty header": (lambda name, secret: "", NOT_BASIC),
    "the hash for the secret": (
        lambda name, secret: basic(f"{name}:{hashlib.sha256(secret.encode()).hexdigest()}"),
        WRONG,
    ),
}


@pytest.mark.parametrize(("header", "description"), HEADERS.values(), ids=HEADERS)
def test_basic_credentials_that_prove_nothing(
    service: Service, header: Callable[[str, str], str], description: str
) -> None:
    client = register(service)
    sent = {"Authorization": header(client.client_id, client.secret)}
    assert refused(post(service, GRANT, headers=sent), description)


def test_both_halves_of_basic_are_form_encoded(sqlite_service: Service) -> None:
    """RFC 6749 §2.3.1: any letter may be escaped. The scheme's name ignores case (RFC 7617 §2)."""
    client = register(sqlite_service)
    escaped = "".join(f"%{ord(letter):02X}" for letter in client.secret)
    for scheme, name, secret in (
        ("Basic", quote_plus(client.client_id), quote_plus(client.secret)),
        ("basic", client.client_id.replace("_", "%5f"), escaped),
    ):
        sent = {"Authorization": basic(f"{name}:{secret}").replace("Basic", scheme)}
        assert post(sqlite_service, GRANT, headers=sent).status_code == 200


WAYS: dict[str, tuple[dict[str, Any], bool, str]] = {
    "none": ({}, False, "invalid_client"),
    "a name alone": ({"client_id": "ID"}, False, "invalid_client"),
    "Basic and post": ({"client_id": "ID", "client_secret": "SECRET"}, True, "invalid_request"),
    "Basic and a secret": ({"client_secret": "SECRET"}, True, "invalid_request"),
    "Basic and an assertion": (
        {"client_assertion": "x", "client_assertion_type": ASSERTION_TYPE}, True, "invalid_request",
    ),
    "Basic and half an assertion": ({"client_assertion_type": ASSERTION_TYPE}, True, "invalid_request"),
    "post and an assertion": (
        {"client_id": "ID", "client_secret": "SECRET", "client_assertion": "x"}, False, "invalid_request",
    ),
    "a secret without a name": ({"client_secret": "SECRET"}, False, "invalid_request"),
    "Basic and another name": ({"client_id": "client_x"}, True, "invalid_request"),
    "a repeated name": ({"client_id": ["ID", "ID"]}, True, "invalid_request"),
    "an assertion without a type": ({"client_assertion": "x"}, False, "invalid_request"),
    "a type without an assertion": ({"client_assertion_type": ASSERTION_TYPE}, False, "invalid_request"),
    "another type": (
        {"client_assertion": "x", "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        False, "invalid_client",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("form", "with_basic", "error"), WAYS.values(), ids=WAYS)
def test_a_request_authenticates_in_one_way(
    sqlite_service: Service, form: dict[str, Any], with_basic: bool, error: str
) -> None:
    """RFC 6749 §2.3: a request must not use more than one method."""
    client = register(sqlite_service)
    known = {"ID": client.client_id, "SECRET": client.secret}
    filled = {name: [known[each] for each in value] if isinstance(value, list) else known.get(value, value)
              for name, value in form.items()}  # fmt: skip
    headers = {"Authorization": basic(f"{client.client_id}:{client.secret}")} if with_basic else {}
    response = post(sqlite_service, {**GRANT, **filled}, headers=headers)
    assert (response.status_code, response.json()["error"]) == (401 if error == "invalid_client" else 400, error)


def test_two_authorization_headers_are_two_ways(sqlite_service: Service) -> None:
    client = register(sqlite_service)
    header = ("Authorization", basic(f"{client.client_id}:{client.secret}"))
    response = httpx2.post(f"{sqlite_service.url}{TOKEN}", data=GRANT, headers=[header, header])
    assert response.json()["error"] == "invalid_request"


def test_basic_may_come_with_its_own_name(sqlite_service: Service) -> None:
    client = register(sqlite_service)
    assert client.token(client_id=client.client_id).status_code == 200


@pytest.mark.parametrize("registered", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_only_the_registered_method_is_taken(sqlite_service: Service, registered: str) -> None:
    client = register_with_key(sqlite_service, token_endpoint_auth_method=registered)
    posted = {**GRANT, "client_id": client.client_id, "client_secret": client.secret or "x"}
    answers = {
        "client_secret_basic": client.token(),
        "client_secret_post": post(sqlite_service, posted),
        "private_key_jwt": client.token_by_assertion(client.assertion()),
        "none": post(sqlite_service, {**GRANT, "client_id": client.client_id}),
    }
    taken = [registered] if registered == "private_key_jwt" else ["client_secret_basic", "client_secret_post"]
    assert [answers.pop(method).status_code for method in taken] == [200] * len(taken)
    assert all(refused(answer, f"This client is registered for {registered}") for answer in answers.values())


def unsigned(client: OAuthClient) -> str:
    return f"{encode({'alg': 'none'})}.{encode(client.claims())}."


def signed_with_public_key(client: OAuthClient) -> str:
    """Algorithm confusion: HS256 with the public key as the secret (RFC 8725 §2.1)."""
    signing_input = f"{encode({'alg': 'HS256', 'kid': 'rsa'})}.{encode(client.claims())}"
    key = public_jwk("rsa")["n"].encode()
    return f"{signing_input}.{encode(hmac.digest(key, signing_input.encode(), 'sha256'))}"


def tampered(client: OAuthClient) -> str:
    header, _, signature = client.assertion().split(".")
    return f"{header}.{encode(client.claims())}.{signature}"


def at(offset: float) -> Callable[[OAuthClient], int]:
    return lambda client: int(client.service.clock().timestamp() + offset)


def claim(name: str, value: Any) -> Callable[[OAuthClient], str]:
    return lambda client: client.assertion(**{name: value(client) if callable(value) else value})


def headed(**header: Any) -> Callable[[OAuthClient], str]:
    return lambda client: client.assertion(header=header)


def with_a_numbers_name(client: OAuthClient) -> str:
    """The token is made by hand, because PyJWT refuses to write such a header."""
    signing_input = f"{encode({'alg': 'RS256', 'kid': 1})}.{encode(client.claims())}"
    key = private_key("rsa")
    assert isinstance(key, RSAPrivateKey)
    signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(signing_input.encode(), key)
    return f"{signing_input}.{encode(signature)}"


def raw(header: object, payload: object) -> Callable[[OAuthClient], str]:
    return lambda client: f"{encode(header)}.{encode(payload)}.AAAA"


DUPLICATE = b'{"sub":"client_a","sub":"client_b"}'
ASSERTIONS: dict[str, Callable[[OAuthClient], str]] = {
    "no algorithm": unsigned,
    "HS256 under the public key": signed_with_public_key,
    "HS256 under a secret": lambda client: jwt.encode(client.claims(), "s" * 32, "HS256"),
    "RS512": lambda client: client.assertion(alg="RS512"),
    "PS384": lambda client: client.assertion(alg="PS384"),
    "another key by the same name": lambda client: client.assertion("thief", header={"kid": "rsa"}),
    "another key by its own name": lambda client: client.assertion("thief"),
    "a key of another kind": lambda client: client.assertion("ec", alg="ES256", header={"kid": "rsa"}),
    "a key brought along": lambda client: client.assertion("thief", header={"jwk": public_jwk("thief")}),
    "claims of another": tampered,
    "no signature": lambda client: client.assertion().rpartition(".")[0] + ".",
    "a stray bit in the signature": lambda client: client.assertion() + "A",
    "padding": lambda client: client.assertion() + "==",
    "two segments": lambda client: client.assertion().rpartition(".")[0],
    "five segments": lambda client: client.assertion() + ".x.x",
    "a line feed": lambda client: client.assertion() + "\n",
    "not ASCII": lambda client: client.assertion() + "ä",
    "no JSON": raw(b"{", b"{"),
    "a list for claims": raw({"alg": "RS256"}, []),
    "a member twice": raw({"alg": "RS256"}, DUPLICATE),
    "deeply nested": raw({"alg": "RS256"}, b"[" * 3000 + b"]" * 3000),
    "too long": claim("padding", "x" * 9000),
    "an access token": headed(typ="at+jwt"),
    "a logout token": headed(typ="logout+jwt"),
    "a number for a type": headed(typ=1),
    "an extension": headed(crit=["exp"]),
    "an unencoded payload": headed(b64=False),
    "a number for a kid": with_a_numbers_name,
    "no iss": claim("iss", None),
    "another iss": claim("iss", "client_x"),
    "the issuer as iss": claim("iss", ISSUER),
    "no sub": claim("sub", None),
    "another sub": claim("sub", f"client_{'x' * 32}"),
    "NUL in sub": claim("sub", "client_\0"),
    "a list for sub": claim("sub", ["x"]),
    "no aud": claim("aud", None),
    "another aud": claim("aud", "https://other.example.com"),
    "the token endpoint as aud": claim("aud", f"{ISSUER}{TOKEN}"),
    "a slash behind aud": claim("aud", f"{ISSUER}/"),
    "two audiences": claim("aud", [ISSUER, "https://other.example.com"]),
    "an empty list of audiences": claim("aud", []),
    "no exp": claim("exp", None),
    "expired": claim("exp", at(-60)),
    "expires in seven minutes": claim("exp", at(7 * 60)),
    "text for exp": claim("exp", lambda client: str(at(60)(client))),
    "a truth for exp": claim("exp", True),
    "exp beyond all dates": claim("exp", 10**12),
    "not yet valid": claim("nbf", at(120)),
    "issued tomorrow": claim("iat", at(86_400)),
    "text for iat": claim("iat", "now"),
    "no jti": claim("jti", None),
    "an empty jti": claim("jti", ""),
    "a number for a jti": claim("jti", 7),
    "a long jti": claim("jti", "x" * 257),
}


@pytest.mark.parametrize("make", ASSERTIONS.values(), ids=ASSERTIONS)
def test_assertions_that_prove_nothing(sqlite_service: Service, make: Callable[[OAuthClient], str]) -> None:
    """RFC 7523 §3; RFC 8725."""
    client = register_with_key(sqlite_service)
    assert refused(client.token_by_assertion(make(client)))
    assert sqlite_service.rows("SELECT * FROM used_assertions") == [], "a refused assertion was stored as used"
    assert client.token_by_assertion(client.assertion()).status_code == 200


GOOD: dict[str, Callable[[OAuthClient], str]] = {
    "RS256": lambda client: client.assertion(),
    "PS256": lambda client: client.assertion(alg="PS256"),
    "ES256": lambda client: client.assertion("ec", alg="ES256"),
    "no kid": lambda client: jwt.encode(client.claims(), private_key("ec"), "ES256"),
    "typ of its own": headed(typ="client-authentication+jwt"),
    "the long form of typ": headed(typ="application/JWT"),
    "a list of one audience": claim("aud", [ISSUER]),
    "expired within the leeway": claim("exp", at(-50)),
    "expires in five minutes": claim("exp", at(5 * 60)),
    "a fraction of a second": claim("exp", lambda client: client.service.clock().timestamp() + 0.5),
    "no iat": claim("iat", None),
    "a long jti": claim("jti", "ä" * 256),
    "claims of its own": claim("https://example.com/x", {"a": [1]}),
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_assertions_that_are_good(sqlite_service: Service, make: Callable[[OAuthClient], str]) -> None:
    sqlite_service.clock.stop()
    client = register_with_key(sqlite_service, "rsa", "ec")
    assert client.token_by_assertion(make(client)).status_code == 200


def test_a_key_is_used_only_for_its_own_algorithm(sqlite_service: Service) -> None:
    client = register(
        sqlite_service, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public_jwk("rsa", alg="PS256")]}
    )
    assert refused(client.token_by_assertion(client.assertion(alg="RS256")))
    assert client.token_by_assertion(client.assertion(alg="PS256")).status_code == 200


def test_another_client_is_not_spoken_for(sqlite_service: Service) -> None:
    client, other = register_with_key(sqlite_service), register_with_key(sqlite_service, "thief")
    assert refused(client.token_by_assertion(client.assertion("thief", header={"kid": "rsa"})))
    forged = other.assertion("thief", iss=client.client_id, sub=client.client_id)
    assert refused(client.token_by_assertion(forged))
    response = client.token_by_assertion(client.assertion(), client_id=other.client_id)
    assert response.json()["error"] == "invalid_request"


def test_an_assertion_opens_once(service: Service) -> None:
    """RFC 7523 §3, item 7: a used assertion is remembered until its expiry plus the leeway."""
    service.clock.stop()
    client = register_with_key(service)
    assertion = client.assertion()
    assert client.token_by_assertion(assertion).status_code == 200
    assert refused(client.token_by_assertion(assertion))
    service.clock.advance(seconds=119)
    assert run_expiry(service) == 0
    assert refused(client.token_by_assertion(assertion))
    service.clock.advance(seconds=2)
    assert run_expiry(service) == 1
    assert refused(client.token_by_assertion(assertion))


def test_one_name_is_one_use_however_it_is_signed(service: Service) -> None:
    client, other = register_with_key(service, "rsa", "ec"), register_with_key(service)
    assert client.token_by_assertion(client.assertion(jti="a")).status_code == 200
    assert refused(client.token_by_assertion(client.assertion("ec", alg="ES256", jti="a")))
    assert other.token_by_assertion(other.assertion(jti="a")).status_code == 200, "two clients may use the same jti"


def test_of_64_simultaneous_uses_one_succeeds(service: Service) -> None:
    client = register_with_key(service)
    for _ in range(3):
        assertion = client.assertion()
        with ThreadPoolExecutor(64) as pool:
            statuses = sorted(pool.map(lambda _: client.token_by_assertion(assertion).status_code, range(64)))  # noqa: B023 - the pool ends within the round
        assert statuses == [200] + [401] * 63


def test_an_assertion_for_a_refused_grant_is_used_up_all_the_same(sqlite_service: Service) -> None:
    client = register_with_key(sqlite_service)
    assertion = client.assertion()
    assert client.token_by_assertion(assertion, scope="x").json()["error"] == "invalid_scope"
    assert refused(client.token_by_assertion(assertion))


def test_times_are_those_of_the_specification() -> None:
    """RFC 7523 §3, with a leeway of 60 s."""
    assert (client_assertion.MAX_AGE.total_seconds(), client_assertion.LEEWAY.total_seconds()) == (300, 60)


def test_secrets_and_assertions_stay_out_of_the_log(
    sqlite_service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rule S16 of RULES.md."""
    client, by_key = register(sqlite_service), register_with_key(sqlite_service)
    logs.configure("DEBUG")
    try:
        token = client.token().json()["access_token"]
        assertion = by_key.assertion()
        for _ in range(2):
            by_key.token_by_assertion(assertion)
        wrong = post(sqlite_service, GRANT, auth=(client.client_id, "a-wrong-secret"))
    finally:
        logs.configure("ERROR")
    assert wrong.status_code == 401
    written = capsys.readouterr().out
    assert "it has been used before" in written, "the log does not have the reason"
    for secret in (client.secret, token, assertion, "a-wrong-secret"):
        assert secret not in written
