"""Key sets that clients publish (`jwks_uri`): fetched when needed and cached, with one fetch at a time per URI.

Anybody who knows a client_id can cause a fetch. So there is at most one fetch per COOLDOWN, however many requests come.
After a failed fetch the cached keys stay in use until they are older than MAX_STALE.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from ..network.outbound import FetchFailed, Outbound
from ..oauth.strict_json import parse_object
from .keys import ClientKey, UnusableKey, parse_key_set

FRESH = timedelta(minutes=5)  # after this the keys are fetched again, so a withdrawn key is refused
MAX_STALE = timedelta(hours=1)  # longest use of cached keys while the client's server does not answer
COOLDOWN = timedelta(seconds=30)
CAPACITY = 1000  # key sets
MAX_BRACKETS = 1000
_log = structlog.get_logger(__name__)


@dataclass
class _Held:
    keys: Sequence[ClientKey] = ()
    fetched_at: datetime | None = None
    tried_at: datetime | None = None
    fetching: asyncio.Task[None] | None = None


@dataclass(frozen=True)
class FetchedKeys:
    """For one event loop."""

    outbound: Outbound
    _held: dict[str, _Held] = field(default_factory=dict)

    async def get(self, jwks_uri: str, *, now: datetime) -> Sequence[ClientKey]:
        """The keys, fetched if they are not fresh. Empty if none could be fetched within MAX_STALE."""
        held = self._hold(jwks_uri)
        if not _is_younger(held.fetched_at, FRESH, now):
            await self._refresh(held, jwks_uri, now=now)
        return held.keys if _is_younger(held.fetched_at, MAX_STALE, now) else ()

    async def get_anew(self, jwks_uri: str, *, now: datetime) -> Sequence[ClientKey]:
        """The keys after another fetch, for a signature that no known key verifies: the client may have rotated."""
        held = self._hold(jwks_uri)
        await self._refresh(held, jwks_uri, now=now)
        return held.keys if _is_younger(held.fetched_at, MAX_STALE, now) else ()

    def _hold(self, jwks_uri: str) -> _Held:
        if jwks_uri not in self._held:
            if len(self._held) >= CAPACITY:
                del self._held[next(iter(self._held))]  # the oldest
            self._held[jwks_uri] = _Held()
        return self._held[jwks_uri]

    async def _refresh(self, held: _Held, jwks_uri: str, *, now: datetime) -> None:
        """Wait for the running fetch, or start one unless the last was within COOLDOWN.

        The fetch is shielded: if the caller that started it disconnects, the others still get the result.
        """
        if held.fetching is None or held.fetching.done():
            if _is_younger(held.tried_at, COOLDOWN, now):
                return
            held.tried_at = now
            held.fetching = asyncio.create_task(self._fetch(held, jwks_uri, now))
        await asyncio.shield(held.fetching)

    async def _fetch(self, held: _Held, jwks_uri: str, now: datetime) -> None:
        try:
            document = await self.outbound.fetch(jwks_uri)
            held.keys = parse_key_set(parse_object(document, max_brackets=MAX_BRACKETS), strictly=False)
        except (FetchFailed, UnusableKey, ValueError) as error:
            _log.warning("client_keys_not_fetched", reason=str(error))
        else:
            held.fetched_at = now


def _is_younger(instant: datetime | None, age: timedelta, now: datetime) -> bool:
    return instant is not None and timedelta() <= now - instant < age
