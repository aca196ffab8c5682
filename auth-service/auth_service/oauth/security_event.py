"""Security Event Tokens (RFC 8417) as values: RISC and CAEP events about an account and its sessions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

TYP = "secevent+jwt"
MEDIA_TYPE = "application/secevent+jwt"

_SCHEMAS = "https://schemas.openid.net/secevent"
ACCOUNT_PURGED = f"{_SCHEMAS}/risc/event-type/account-purged"
ACCOUNT_DISABLED = f"{_SCHEMAS}/risc/event-type/account-disabled"
SESSION_REVOKED = f"{_SCHEMAS}/caep/event-type/session-revoked"


@dataclass(frozen=True)
class SecurityEvent:
    """One event for one receiver. `jti` stays the same when it is sent again; `issued_at` is the time of signing."""

    iss: str
    aud: str
    jti: str
    type: str
    sub: str
    sid: str | None
    occurred_at: datetime
    issued_at: datetime

    def claims(self) -> Mapping[str, Any]:
        """The claims on the wire (RFC 8417 §2.2): no `exp`, and the subject is `sub_id` (RFC 9493), never `sub`."""
        occurred_at = int(self.occurred_at.timestamp())
        return {
            "iss": self.iss,
            "aud": self.aud,
            "jti": self.jti,
            "iat": int(self.issued_at.timestamp()),
            "toe": occurred_at,
            "sub_id": self._subject(),
            "events": {self.type: {"event_timestamp": occurred_at} if self.type == SESSION_REVOKED else {}},
        }

    def _subject(self) -> Mapping[str, Any]:
        user = {"format": "iss_sub", "iss": self.iss, "sub": self.sub}
        if self.sid is None:
            return user
        return {"format": "complex", "session": {"format": "opaque", "id": self.sid}, "user": user}
