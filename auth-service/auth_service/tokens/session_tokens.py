"""Access tokens of sessions, cached for a second.

When a page opens, its components and tabs ask at once, and each `get-session` response carries a token. One signature
serves them all. Only signing is saved: each request still reads from the database whether the session is live.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..accounts.accounts import Account
from ..oauth.status_list import StatusReference
from ..sessions.browser_sessions import BrowserSession
from ..telemetry.counts import SESSION, RequestCounts
from .issuer import TokenIssuer

REUSED_FOR = timedelta(seconds=1)
CAPACITY = 10_000  # sessions


@dataclass(frozen=True)
class _Issued:
    token: str
    kid: str
    at: datetime


@dataclass(frozen=True)
class SessionTokens:
    """The cache. For one event loop: nothing awaits."""

    issuer: TokenIssuer
    counts: RequestCounts
    _issued: dict[str, _Issued] = field(default_factory=dict)

    def token_for(self, account: Account, session: BrowserSession, status: StatusReference, *, now: datetime) -> str:
        """An access token that is at most REUSED_FOR old, signed with the active key."""
        known = self._issued.get(session.id)
        if known is not None and self._is_young(known, now):
            return known.token
        token = self.issuer.issue_for_session(account, session, status, now=now)
        self.counts.tokens_issued.add(SESSION)
        self._issued.pop(session.id, None)
        if len(self._issued) >= CAPACITY:
            del self._issued[next(iter(self._issued))]  # the oldest
        self._issued[session.id] = _Issued(token, self.issuer.active_kid, now)
        return token

    def _is_young(self, issued: _Issued, now: datetime) -> bool:
        return timedelta() <= now - issued.at < REUSED_FOR and issued.kid == self.issuer.active_kid
