"""ID tokens as values (OpenID Connect Core §2)."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .access_token import Authentication

TYP = "JWT"


@dataclass(frozen=True)
class IdToken:
    """The content of an ID token. The client is its only audience, so `azp` is left out (§2)."""

    iss: str
    sub: str
    client_id: str
    issued_at: datetime
    ttl: timedelta
    authentication: Authentication
    nonce: str | None
    at_hash: str
    person: Mapping[str, Any] = field(default_factory=dict)

    def claims(self) -> Mapping[str, Any]:
        issued_at = int(self.issued_at.timestamp())
        claims: dict[str, Any] = {
            **self.person,
            "iss": self.iss,
            "sub": self.sub,
            "aud": self.client_id,
            "iat": issued_at,
            "exp": issued_at + int(self.ttl.total_seconds()),
            **self.authentication.claims(),
            "at_hash": self.at_hash,
        }
        if self.nonce is not None:
            claims["nonce"] = self.nonce
        return claims


def hash_token(access_token: str) -> str:
    """`at_hash`: the left half of the token's SHA-256, the hash of each algorithm (OpenID Connect Core §3.1.3.6)."""
    digest = hashlib.sha256(access_token.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode("ascii").rstrip("=")
