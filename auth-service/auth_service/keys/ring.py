"""The keys that a process signs with and publishes, kept up to date with the database.

Every process reads the keys every two seconds, so a rotation needs no restart. Processes notice it at different times.
That is safe: all of them have published the new active key as the spare, and the old one stays published as a retiring
key (rotation.py).
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import bindparam, or_, select
from sqlalchemy.exc import SQLAlchemyError

from ..oauth.algorithms import RS256
from ..sealed.versioned_secrets import Secrets
from ..store.database import Database
from ..store.instants import Clock, Instant
from .encryption import UnreadableKey
from .jws import Signer
from .signing import (
    ACTIVE,
    NEXT,
    OLDEST_FIRST,
    KeyStore,
    SigningKey,
    open_status_list_keys,
    open_token_stores,
)

RELOAD_PERIOD = timedelta(seconds=2)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class KeySet:
    """The keys of one purpose and algorithm: the one that signs, and the public keys that are published. Immutable."""

    active: Signer | None  # None: the first key of an algorithm, or the last ones; they are published and do not sign
    public_jwks: tuple[Mapping[str, str], ...]
    active_since: datetime | None
    spare_since: datetime | None  # None: there is no spare


@dataclass(frozen=True)
class HeldKeys:
    """The key sets that a process holds, by algorithm. One without published keys is left out. Immutable."""

    sets: Mapping[str, KeySet]
    active: Signer  # the RS256 key

    def signer(self, alg: str | None) -> Signer:
        """The active key of the algorithm; the RS256 key for None, and as long as the algorithm has none."""
        found = None if alg is None else self.sets.get(alg)
        return self.active if found is None or found.active is None else found.active

    @property
    def public_jwks(self) -> tuple[Mapping[str, str], ...]:
        return tuple(each for keys in self.sets.values() for each in keys.public_jwks)


class KeyRing:
    """Holds the current keys. They are replaced as a whole: read `current` once per operation."""

    def __init__(self, published: "_Published", current: HeldKeys) -> None:
        self._published = published
        self.current = current

    async def reload(self, *, now: datetime) -> None:
        """Read the keys. Raises UnreadableKey or the database's error; the old ones are then kept."""
        self.current = await self._published.load(now=now, held=self.current)


async def open_ring(*stores: KeyStore, now: datetime) -> KeyRing:
    """The ring of these stores; the first is RS256's, whose first keys are made here.

    Raises:
        UnreadableKey: nothing is changed.
    """
    for store in stores:
        await store.prepare(now=now)
    published = _Published(stores)
    return KeyRing(published, await published.load(now=now))


async def open_rings(
    database: Database, encryption_keys: Secrets, *, longest_token_ttl: timedelta, now: datetime
) -> tuple[KeyRing, KeyRing]:
    """The keys that sign tokens, and those that sign status lists; each is created if there is none.

    Raises:
        UnreadableKey: nothing is changed.
    """
    stores = open_token_stores(database, encryption_keys, longest_token_ttl=longest_token_ttl)
    keys = await open_ring(*stores, now=now)
    return keys, await open_ring(open_status_list_keys(database, encryption_keys), now=now)


class _Published:
    """Reads the published keys of several stores. The statement is built once, because it runs every two seconds."""

    def __init__(self, stores: Sequence[KeyStore]) -> None:
        self._stores = stores
        self._max_ages = {f"retired_after_{number}": store.retiring_max_age for number, store in enumerate(stores)}
        instants = (bindparam(name, type_=Instant) for name in self._max_ages)
        published = (store.is_published(retired_after=each) for store, each in zip(stores, instants, strict=True))
        self._select = select(SigningKey).where(or_(*published)).order_by(*OLDEST_FIRST)

    async def load(self, *, now: datetime, held: HeldKeys | None = None) -> HeldKeys:
        """The keys to publish now. An active key that `held` has already is not decrypted again.

        Raises:
            UnreadableKey
        """
        retired_after = {name: now - max_age for name, max_age in self._max_ages.items()}
        async with self._stores[0].database.reading() as session:
            keys = (await session.scalars(self._select, retired_after)).all()
        sets: dict[str, KeySet] = {}
        for store in self._stores:
            if own := [key for key in keys if key.purpose == store.purpose]:
                sets[store.alg] = await _read_set(store, own, held)
        signer = sets[RS256].active if RS256 in sets else None
        if signer is None:
            raise UnreadableKey("there is no active key yet: the service makes one at its first start")
        return HeldKeys(sets, signer)


async def _read_set(store: KeyStore, keys: Sequence[SigningKey], held: HeldKeys | None) -> KeySet:
    active = next((key for key in keys if key.state == ACTIVE), None)
    spare_since = next((key.created_at for key in keys if key.state == NEXT), None)
    jwks = tuple(json.loads(key.public_jwk) for key in keys)
    if active is None:
        return KeySet(None, jwks, None, spare_since)
    known = held.sets.get(store.alg) if held is not None else None
    signer = known.active if known is not None else None
    if signer is None or signer.kid != active.kid:
        signer = Signer(store.alg, active.kid, await asyncio.to_thread(store.open, active))
    return KeySet(signer, jwks, active.activated_at or active.created_at, spare_since)


async def reload_periodically(ring: KeyRing, clock: Clock) -> None:
    """Reload every RELOAD_PERIOD, until cancelled. A failure is logged when it begins or changes."""
    failing = ""
    while True:
        await asyncio.sleep(RELOAD_PERIOD.total_seconds())
        try:
            await ring.reload(now=clock())
            failure = ""
        except (SQLAlchemyError, OSError) as error:
            failure = type(error).__name__
        except UnreadableKey as error:
            failure = str(error)
        if failure and failure != failing:
            _log.error("key_reload_failed", error=failure)
        failing = failure
