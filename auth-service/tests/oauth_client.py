"""A service as a client of the token endpoint, registered with a secret or with its own keys."""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from auth_service.clients import clients
from auth_service.endpoints.token.grants import GRANT_TYPES
from auth_service.oauth.client_assertion import ASSERTION_TYPE
from auth_service.oauth.client_metadata import parse
from auth_service.resources import resources
from auth_service.store.database import Database

from .conftest import ISSUER, Service

TOKEN = "/oauth/token"
GRANT = {"grant_type": "client_credentials"}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # a pixel
METADATA: dict[str, Any] = {"grant_types": ["client_credentials"], "scope": "todos:read todos:write"}


@dataclass(frozen=True)
class OAuthClient:
    service: Service
    client_id: str
    secret: str

    def token(self, **parameters: str | list[str]) -> httpx2.Response:
        """Request a token with Basic authentication, the default method of a registered client."""
        return post(self.service, {**GRANT, **parameters}, auth=(self.client_id, self.secret))

    def token_by_assertion(self, assertion: str, **parameters: str) -> httpx2.Response:
        form = {**GRANT, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion, **parameters}
        return post(self.service, form)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """An assertion's claims (RFC 7523 §3); a claim that is set to None is left out."""
        now = int(self.service.clock().timestamp())
        made = {"iss": self.client_id, "sub": self.client_id, "aud": ISSUER, "iat": now, "exp": now + 60}
        made |= {"jti": secrets.token_hex(16), **changes}
        return {name: value for name, value in made.items() if value is not None}

    def assertion(self, key: str = "rsa", *, alg: str = "RS256", header: Mapping[str, Any] = {}, **claims: Any) -> str:
        headers = {"kid": key, **header}
        return jwt.encode(self.claims(**claims), private_key(key), alg, headers=headers)


def register(service: Service, **changes: Any) -> OAuthClient:
    """Register a client in the service's database, as the operator's command does."""

    async def run(database: Database) -> OAuthClient:
        async with database.writing() as session:
            known = await resources.load(session, ISSUER)
            registration = parse({**METADATA, **changes}, resources=known, supported_grant_types=GRANT_TYPES)
            client, secret = await clients.register(session, registration, now=service.clock())
        return OAuthClient(service, client.client_id, secret or "")

    return service.do(run)


def register_with_key(service: Service, *names: str, **changes: Any) -> OAuthClient:
    keys = {"keys": [public_jwk(name) for name in names or ("rsa",)]}
    return register(service, **{"token_endpoint_auth_method": "private_key_jwt", "jwks": keys, **changes})


def post(service: Service, form: Mapping[str, str | list[str]], **options: Any) -> httpx2.Response:
    return httpx2.post(f"{service.url}{TOKEN}", data=dict(form), **options)


@cache
def private_key(name: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    """A key by name. A name that begins with "ec" gives a P-256 key; any other gives an RSA key."""
    return ec.generate_private_key(ec.SECP256R1()) if name.startswith("ec") else rsa.generate_private_key(65537, 2048)


def public_jwk(name: str, **changes: Any) -> dict[str, Any]:
    key = private_key(name).public_key()
    made = RSAAlgorithm.to_jwk(key, True) if isinstance(key, rsa.RSAPublicKey) else ECAlgorithm.to_jwk(key, True)
    return {**{name: value for name, value in made.items() if name != "key_ops"}, "kid": name, "use": "sig", **changes}


def encode(value: object) -> str:
    """Encode a segment of a JWT, which may be malformed."""
    octets = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims
