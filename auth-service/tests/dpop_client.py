"""A client with a DPoP key (RFC 9449), and proofs as it or an attacker makes them."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt

from .conftest import ISSUER, Service
from .oauth_client import private_key, public_jwk


def required(name: str) -> dict[str, str]:
    """The public key, as its thumbprint is taken (RFC 7638 §3.2)."""
    return {member: value for member, value in public_jwk(name).items() if member in ("kty", "crv", "x", "y", "n", "e")}


def jkt(name: str) -> str:
    members = ",".join(f'"{member}":"{value}"' for member, value in sorted(required(name).items()))
    return base64.urlsafe_b64encode(hashlib.sha256(f"{{{members}}}".encode()).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class Prover:
    service: Service
    key: str = "ec"  # its name, as oauth_client.py has them

    @property
    def jkt(self) -> str:
        return jkt(self.key)

    def nonce(self) -> str:
        """A nonce, asked for as a client does: by a proof without one."""
        proof = self.proof(nonce=None)
        answer = httpx2.post(f"{self.service.url}/oauth/token", data={"grant_type": "x"}, headers={"DPoP": proof})
        assert answer.json()["error"] == "use_dpop_nonce", answer.text
        return answer.headers["DPoP-Nonce"]

    def proof(
        self,
        path: str = "/oauth/token",
        method: str = "POST",
        *,
        token: str | None = None,
        alg: str | None = None,
        header: Mapping[str, Any] = {},
        signed_by: str | None = None,
        **claims: Any,
    ) -> str:
        """A proof for a request; a claim or a header that is None is left out."""
        made: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": f"{ISSUER}{path}",
            "iat": int(self.service.clock().timestamp()),
        }
        if token is not None:
            made["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")
        made |= claims if "nonce" in claims else {"nonce": self.nonce(), **claims}
        head = {"typ": "dpop+jwt", "jwk": required(self.key), **header}
        kept = {name: value for name, value in made.items() if value is not None}
        return jwt.encode(
            kept,
            private_key(signed_by or self.key),
            alg or ("ES256" if self.key.startswith("ec") else "PS256"),
            headers={name: value for name, value in head.items() if value is not None},
        )

    def header(self, *arguments: str, **options: Any) -> dict[str, str]:
        return {"DPoP": self.proof(*arguments, **options)}
