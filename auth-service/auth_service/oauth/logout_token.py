"""Logout tokens as values (OpenID Connect Back-Channel Logout 1.0 §2.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

TYP = "logout+jwt"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
TTL = timedelta(minutes=2)  # the longest that §2.4 recommends


@dataclass(frozen=True)
class LogoutToken:
    """Says to one client that a browser session of one person has ended. Each attempt to send it has another `jti`."""

    iss: str
    aud: str
    jti: str
    sub: str
    sid: str
    issued_at: datetime

    def claims(self) -> Mapping[str, Any]:
        """The claims on the wire. There is no `nonce`, so that it cannot pass for an ID token (§2.4)."""
        issued_at = int(self.issued_at.timestamp())
        return {
            "iss": self.iss,
            "aud": self.aud,
            "jti": self.jti,
            "iat": issued_at,
            "exp": issued_at + int(TTL.total_seconds()),
            "sub": self.sub,
            "sid": self.sid,
            "events": {EVENT: {}},
        }
