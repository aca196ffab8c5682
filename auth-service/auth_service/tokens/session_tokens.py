"""Access tokens of sessions, for the client `web`, cached for a second.

When a page opens, its components and tabs ask at once, and each `get-session` response carries a token. One signature
serves them all. Only signing is saved: each request still reads from the database whether the session is live.

What `web` may ask for is its registration, like any client's: its scopes and its default resource. While it is not
registered its tokens are for the issuer, without a scope, and open nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..accounts.accounts import Account
from ..clients.cache import ClientCache
from ..clients.clients import WEB_CLIENT_ID
from ..oauth import audiences
from ..oauth.audiences import Audience
from ..oauth.errors import InvalidScope
from ..oauth.status_list import StatusReference
from ..resources.cache import ResourceCache
from ..roles.held import find_held
from ..sessions.browser_sessions import BrowserSession
from ..store.database import Database
from ..telemetry.counts import SESSION, RequestCounts
from .issuer import TokenIssuer

REUSED_FOR = timedelta(seconds=1)
CAPACITY = 10_000  # sessions


@dataclass(frozen=True)
class SessionTarget:
    """What a session's token is for, and its scope."""

    audience: Audience
    scope: str


@dataclass(frozen=True)
class _Issued:
    token: str
    target: SessionTarget
    status: StatusReference
    kid: str
    at: datetime


@dataclass(frozen=True)
class SessionTokens:
    """The cache. For one event loop."""

    issuer: TokenIssuer
    database: Database
    counts: RequestCounts
    clients: ClientCache
    resources: ResourceCache
    _issued: dict[tuple[str, str], _Issued] = field(default_factory=dict)

    async def target_of(self, asked: Sequence[str], *, now: datetime) -> SessionTarget:
        """The audience of a token of `web`: the named resource, or the default, or else the issuer.

        Raises:
            InvalidTarget: a resource is named that `web` may not ask for.
        """
        client = await self.clients.find(WEB_CLIENT_ID, now=now)
        resources = await self.resources.naming(asked, None, now=now)
        scopes = () if client is None else client.registration.scope
        default = None if client is None else client.registration.default_resource
        may = resources.open_to(scopes, default)
        try:
            chosen = audiences.choose(resources, asked, None, granted=may, default=default)
        except InvalidScope:  # `web` has scopes of several APIs and no default
            chosen = resources.issuer
        return SessionTarget(resources.audience(chosen), " ".join(resources.of_audience(chosen, scopes)))

    async def token_for(
        self,
        account: Account,
        session: BrowserSession,
        target: SessionTarget,
        status: StatusReference,
        *,
        now: datetime,
    ) -> str:
        """An access token that is at most REUSED_FOR old, signed with the active key."""
        key = f"{session.id} {session.amr}", target.audience.identifier  # who has just entered a code is told so
        known = self._issued.get(key)
        if known is not None and (known.target, known.status) == (target, status) and self._is_young(known, now):
            return known.token
        api = target.audience.identifier if target.audience.names_roles else None
        held = await find_held(self.database, account.id, api, groups=target.audience.names_groups)
        token = self.issuer.issue_for_session(account, session, target.audience, target.scope, status, held, now=now)
        self.counts.tokens_issued.add(SESSION)
        self._issued.pop(key, None)
        if len(self._issued) >= CAPACITY:
            del self._issued[next(iter(self._issued))]  # the oldest
        self._issued[key] = _Issued(token, target, status, self.issuer.kid_for(target.audience), now)
        return token

    def _is_young(self, issued: _Issued, now: datetime) -> bool:
        is_active = issued.kid == self.issuer.kid_for(issued.target.audience)
        return is_active and timedelta() <= now - issued.at < REUSED_FOR
