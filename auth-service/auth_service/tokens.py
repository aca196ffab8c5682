"""Access tokens for the clients of this issuer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from . import identifiers
from .accounts import Account
from .browser_sessions import BrowserSession
from .key_ring import KeyRing
from .oauth import access_token
from .oauth.access_token import AccessToken, Authentication

# The reserved first-party client: the web application that signs in through the Better Auth protocol.
WEB_CLIENT_ID = "web"
WEB_SCOPE = "todos:read todos:write"

# NIST SP 800-63B's name for one factor, and RFC 8176's for a password.
ONE_FACTOR_ACR = "aal1"
PASSWORD_AMR = ("pwd",)


@dataclass(frozen=True)
class TokenIssuer:
    issuer: str
    access_token_ttl: timedelta
    keys: KeyRing

    def issue_for_session(self, account: Account, session: BrowserSession, *, now: datetime) -> str:
        """An access token for a signed-in person at the todo API (RFC 9068 §2), for the client `web`.

        It names the session by its id, not by its token: a resource server has no use for a handle that ends sessions.
        """
        return self._sign(
            AccessToken(
                iss=self.issuer,
                sub=account.id,
                aud=f"{self.issuer}/api/v1",
                client_id=WEB_CLIENT_ID,
                scope=WEB_SCOPE,
                issued_at=now,
                ttl=self.access_token_ttl,
                jti=identifiers.draw(),
                authentication=Authentication(session.id, session.authenticated_at, ONE_FACTOR_ACR, PASSWORD_AMR),
            )
        )

    def issue_for_client(self, client_id: str, audience: str, scope: str, *, now: datetime) -> str:
        """An access token for a client that acts for itself: `sub` is the client (RFC 9068 §2.2)."""
        return self._sign(
            AccessToken(
                iss=self.issuer,
                sub=client_id,
                aud=audience,
                client_id=client_id,
                scope=scope,
                issued_at=now,
                ttl=self.access_token_ttl,
                jti=identifiers.draw(),
            )
        )

    @property
    def active_kid(self) -> str:
        return self.keys.current.active_kid

    def _sign(self, token: AccessToken) -> str:
        keys = self.keys.current
        headers = {"typ": access_token.TYP, "kid": keys.active_kid}
        return jwt.encode(dict(token.claims()), keys.active_key, algorithm="RS256", headers=headers)
