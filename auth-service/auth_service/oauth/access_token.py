"""JWT access tokens (RFC 9068) as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .status_list import StatusReference

TYP = "at+jwt"

# Names of the claims that the `claims` parameter requests from userinfo. Never their values: resource servers read the
# access token too.
USERINFO_CLAIMS = "userinfo_claims"


@dataclass(frozen=True)
class Authentication:
    """How and when a person was authenticated (RFC 9068 §2.2.1). A refresh does not change it."""

    sid: str | None  # None: there was no session (a personal access token)
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]

    def claims(self) -> Mapping[str, Any]:
        auth_time = int(self.auth_time.timestamp())
        session = {} if self.sid is None else {"sid": self.sid}
        return {**session, "auth_time": auth_time, "acr": self.acr, "amr": list(self.amr)}


@dataclass(frozen=True)
class AccessToken:
    """The content of an access token. `sub` is the account's id, or the client_id in the client_credentials grant."""

    iss: str
    sub: str
    aud: str
    client_id: str
    scope: str
    issued_at: datetime
    ttl: timedelta
    jti: str
    authentication: Authentication | None = None
    userinfo_claims: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()  # of the subject, at the audience
    groups: tuple[str, ...] = ()
    status: StatusReference | None = None
    jkt: str | None = None  # the thumbprint of the key that it is bound to
    act: Mapping[str, Any] | None = None  # who acts for the subject, if it is not the subject's own client

    def claims(self) -> Mapping[str, Any]:
        """The claims on the wire (RFC 9068 §2.2); times are NumericDate, whole seconds."""
        issued_at = int(self.issued_at.timestamp())
        claims: dict[str, Any] = {
            "iss": self.iss,
            "sub": self.sub,
            "aud": self.aud,
            "client_id": self.client_id,
            "iat": issued_at,
            "exp": issued_at + int(self.ttl.total_seconds()),
            "jti": self.jti,
        }
        if self.scope:  # an empty scope is not valid on the wire (RFC 6749 §3.3)
            claims["scope"] = self.scope
        if self.authentication is not None:
            claims |= self.authentication.claims()
        if self.userinfo_claims:
            claims[USERINFO_CLAIMS] = list(self.userinfo_claims)
        named = {"roles": self.roles, "groups": self.groups}  # RFC 9068 §2.2.3.1
        claims |= {name: list(names) for name, names in named.items() if names}
        if self.jkt is not None:
            claims["cnf"] = {"jkt": self.jkt}  # RFC 9449 §6.1
        if self.act is not None:
            claims["act"] = dict(self.act)  # RFC 8693 §4.1
        if self.status is not None:
            claims["status"] = self.status.claim()
        return claims
