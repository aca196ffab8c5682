"""OpenID Connect as a client (Core 1.0 §3.1), by Authlib's client for Starlette. Import this file where it is used.

Three of Authlib's habits matter here. It gives a provider's whole metadata to the HTTP client as options, among which
are `proxy` and `verify`; so it gets only what discovery.py has picked. It checks no audience unless it is told one. It
sends a client secret in HTTP Basic without the encoding of RFC 6749 §2.3.1.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import StarletteOAuth2App
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from ...clients.fetched_keys import FetchedKeys
from ...clients.keys import ClientKey
from ...network.outbound import FetchFailed, Outbound
from ...oauth.algorithms import ALGORITHMS
from ...oauth.upstream_answers import BadAnswer, Person, read_person
from ...oauth.upstreams import BASIC, FORM_POST, Upstream
from .discovery import Discovered, ProviderUnavailable

LEEWAY = 60  # seconds that the provider's clock may differ
MAX_TOKEN_LENGTH = 16 * 1024  # characters of an ID token or an access token
# What a token endpoint may answer (RFC 6749 §5.2); another text of a stranger is not logged.
_ERRORS = frozenset(
    ("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type")
)


# What Authlib and joserfc raise for malformed answers, beside their own exceptions.
_FAULTS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


@dataclass(frozen=True)
class Setup:
    """A provider, our registration there, and the way to it."""

    upstream: Upstream
    secret: str | None = field(repr=False)
    discovered: Discovered
    outbound: Outbound
    keys: FetchedKeys
    redirect_uri: str
    now: datetime


async def make_address(setup: Setup, *, state: str, nonce: str, code_verifier: str, **further: str) -> str:
    """The address of the authorization endpoint, with PKCE (S256) and a nonce. Raises ProviderUnavailable."""
    mode = {"response_mode": FORM_POST} if setup.upstream.response_mode == FORM_POST else {}
    asked = {"state": state, "nonce": nonce, "code_verifier": code_verifier, **mode, **further}
    try:
        made = await _App(setup).create_authorization_url(setup.redirect_uri, **asked)
    except ValueError:
        raise ProviderUnavailable("its authorization endpoint is no URL that takes a query") from None
    return str(made["url"])


async def redeem(setup: Setup, *, code: str, nonce: str, code_verifier: str) -> Person:
    """Trade the code for an ID token, check it, and return its person. Userinfo is asked if it names no address.

    Raises:
        ProviderUnavailable
        BadAnswer: the code or the ID token is refused.
    """
    app = _App(setup)
    try:
        token = await app.fetch_access_token(setup.redirect_uri, code=code, code_verifier=code_verifier)
        _check_shape(token)
        claims = await app.parse_id_token(token, nonce=nonce, claims_options=_claims(setup), leeway=LEEWAY)
        if not isinstance(claims.get("email"), str) and setup.discovered.userinfo_endpoint is not None:
            claims = await _with_userinfo(app, token, claims)
    except FetchFailed as error:
        raise ProviderUnavailable(str(error)) from None
    except httpx2.HTTPStatusError as error:
        raise ProviderUnavailable(f"it answers with {error.response.status_code}") from None
    except OAuthError as error:
        raise BadAnswer(f"the token endpoint says {error.error if error.error in _ERRORS else 'an error'}") from None
    except JoseError as error:
        raise BadAnswer(f"the ID token is refused: {type(error).__name__} {_claim_of(error)}") from None
    except httpx2.InvalidURL:
        raise ProviderUnavailable("an endpoint in its metadata is no URL") from None
    except _FAULTS as error:
        raise BadAnswer(f"the answer is malformed: {type(error).__name__}") from None
    return read_person(setup.upstream.issuer, claims)


def _claims(setup: Setup) -> dict[str, Any]:
    return {
        "iss": {"essential": True, "value": setup.upstream.issuer},
        "aud": {"essential": True, "value": setup.upstream.client_id},
    }


def _check_shape(token: Mapping[str, Any]) -> None:
    for name in ("id_token", "access_token"):
        value = token.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= MAX_TOKEN_LENGTH or not value.isascii():
            raise BadAnswer(f"{name} is missing, or too long")


async def _with_userinfo(app: "_App", token: Mapping[str, Any], claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claims, with those of userinfo about the same person (Core §5.3.2). The ID token's own stand."""
    told = await app.userinfo(token=token)
    if told.get("sub") != claims.get("sub"):
        raise BadAnswer("userinfo is about another person")
    return {**told, **claims}


def _claim_of(error: JoseError) -> str:
    """Which claim is wrong, as joserfc names it in its text; "" for any other text."""
    words = {word.strip("'\" .:") for word in str(error).split()}
    return next(iter(sorted(words & {"iss", "aud", "exp", "iat", "nbf", "nonce", "azp", "at_hash"})), "")


class _App(StarletteOAuth2App):  # type: ignore[misc]  # Authlib ships no types
    """Authlib's client. It reads keys as those of our own clients are read, and keeps nothing between two uses."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        found = setup.discovered
        super().__init__(
            None,
            client_id=setup.upstream.client_id,
            client_secret=setup.secret,
            client_kwargs={
                "scope": setup.upstream.scope,
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": setup.upstream.token_endpoint_auth_method,
                "transport": _Transport(setup.outbound),
                "trust_env": False,
            },
            client_auth_methods=[(BASIC, _authenticate_by_basic)],
            # Only these: Authlib hands them to the HTTP client as options.
            issuer=found.issuer,
            authorization_endpoint=found.authorization_endpoint,
            token_endpoint=found.token_endpoint,
            userinfo_endpoint=found.userinfo_endpoint,
            id_token_signing_alg_values_supported=list(ALGORITHMS),
        )

    async def fetch_jwk_set(self, force: bool = False) -> dict[str, Any]:
        """The provider's usable keys. `force`: read them anew, for a `kid` that is not among them."""
        keys, uri = self._setup.keys, self._setup.discovered.jwks_uri
        found = await (keys.get_anew if force else keys.get)(uri, now=self._setup.now)
        if not found:
            raise ProviderUnavailable("its keys cannot be fetched")
        return {"keys": [_as_jwk(key) for key in found]}


class _Transport(httpx2.AsyncBaseTransport):
    """All that Authlib sends, within the bounds of network/outbound.py."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        kept = ("accept", "authorization", "content-type")
        headers = {name: value for name, value in request.headers.items() if name in kept}
        fetched = await self._outbound.send(request.method, str(request.url), headers, await request.aread())
        media_type = {name: value for name, value in fetched.headers.items() if name.lower() == "content-type"}
        return httpx2.Response(fetched.status, headers=media_type, content=fetched.body)


def _authenticate_by_basic(client: Any, method: str, uri: str, headers: Any, body: bytes) -> tuple[str, Any, bytes]:
    """HTTP Basic with both parts form-encoded (RFC 6749 §2.3.1)."""
    text = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {b64encode(text.encode()).decode()}"
    return uri, headers, body


def _as_jwk(key: ClientKey) -> dict[str, Any]:
    of = key.key
    jwk = (
        RSAAlgorithm.to_jwk(of, as_dict=True) if isinstance(of, RSAPublicKey) else ECAlgorithm.to_jwk(of, as_dict=True)
    )
    jwk.pop("key_ops", None)
    return jwk | ({"kid": key.kid} if key.kid else {}) | ({"alg": key.alg} if key.alg else {})
