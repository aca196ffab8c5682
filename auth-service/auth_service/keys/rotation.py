"""Rotation: the spare key becomes active, the active key retires, and a new spare is made (ROTATION.md).

A key may sign only when every verifier can know it. So the spare must have been stored for two minimum times:

* `published_for`, which covers verifiers and the caches in front of them;
* PROCESSES_RELOADED, which covers this service's own processes, so that none signs with a key that another does not
  publish yet. Nothing overrides it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..store.database import Database
from ..store.instants import Clock
from .ring import RELOAD_PERIOD
from .signing import ACTIVE, DESTROYED, GONE, NEXT, RETIRING, KeyStore, SigningKey

PROCESSES_RELOADED = 3 * RELOAD_PERIOD


class RotationRefused(Exception):
    """The reason why a rotation was refused. Nothing was changed."""


class SpareTooYoung(RotationRefused):
    """The spare has not been published long enough; `remaining` is the time that it still needs."""

    def __init__(self, kid: str, remaining: timedelta) -> None:
        super().__init__(f"the spare key {kid} has not been published long enough")
        self.remaining = remaining


@dataclass(frozen=True)
class Rotation:
    """The `kid`s after a rotation. `replaced` was active before, and is now retiring or withdrawn.

    None: the first key of its algorithm has become active.
    """

    replaced: str | None
    active: str
    next: str


async def rotate_keys(database: Database, store: KeyStore, clock: Clock, *, published_for: timedelta) -> Rotation:
    """Rotate once. If the algorithm has no active key yet, its first key becomes active.

    Raises:
        SpareTooYoung, RotationRefused, UnreadableKey: nothing is changed.
    """
    return await _replace_active(database, store, clock, published_for=published_for, becoming=RETIRING)


async def withdraw_active_key(database: Database, store: KeyStore, clock: Clock, *, kid: str | None = None) -> Rotation:
    """Remove the active key from the key set at once, because it is compromised.

    Each verifier refuses the key's tokens as soon as it has fetched the set again.

    Args:
        kid: refuse if another key is active by now.

    Raises:
        The same as `rotate_keys`, but SpareTooYoung only while the spare is younger than PROCESSES_RELOADED.
    """
    return await _replace_active(database, store, clock, published_for=PROCESSES_RELOADED, becoming=GONE, kid=kid)


async def withdraw_inactive_key(database: Database, store: KeyStore, key: SigningKey, clock: Clock) -> None:
    """Remove a key that does not sign from the key set at once: the spare, which gets a successor, or a retiring key.

    Raises:
        RotationRefused: its state has just changed. Nothing is changed.
    """
    made = [await asyncio.to_thread(store.generate, NEXT, clock())] if key.state == NEXT else []
    now = clock()
    async with database.writing() as session:
        await _move(session, key, GONE, retired_at=now, encrypted_private_key=DESTROYED)
        for spare in made:
            spare.created_at = now
        session.add_all(made)


async def withdraw_all_keys(session: AsyncSession, made: Sequence[SigningKey], *, now: datetime) -> None:
    """Withdraw every stored key, and store the new ones in their place: a restored backup may hold a leaked key."""
    gone = {"state": GONE, "retired_at": now, "encrypted_private_key": DESTROYED}
    withdrawn = update(SigningKey).where(SigningKey.state != GONE).values(gone)
    await session.execute(withdrawn.execution_options(synchronize_session=False))
    session.add_all(made)


async def _replace_active(
    database: Database,
    store: KeyStore,
    clock: Clock,
    *,
    published_for: timedelta,
    becoming: str,
    kid: str | None = None,
) -> Rotation:
    """Rotate in one transaction. Conditional UPDATEs and unique indexes let only one of two simultaneous calls pass."""
    keys = {key.state: key for key in await store.list_keys()}
    active, spare = keys.get(ACTIVE), keys.get(NEXT)
    if spare is None or (active is None and (store.begins_active or becoming == GONE)):
        raise RotationRefused(_nothing_to_rotate(store))
    if kid is not None and (active is None or active.kid != kid):
        raise RotationRefused(f"the key {kid} does not sign any more: see keys list")
    remaining = spare.created_at + max(published_for, PROCESSES_RELOADED) - clock()
    if remaining > timedelta(0):
        raise SpareTooYoung(spare.kid, remaining)
    await asyncio.to_thread(store.open, spare)  # fail now if it cannot be decrypted
    made = await asyncio.to_thread(store.generate, NEXT, clock())
    made.created_at = now = clock()  # taken after generation, which can be slow: the key is published only from now on
    async with database.writing() as session:
        # Processes sign with the old key from memory until their next reload; the stored private key is not needed.
        if active is not None:
            await _move(session, active, becoming, retired_at=now, encrypted_private_key=DESTROYED)
        await _move(session, spare, ACTIVE, activated_at=now)
        session.add(made)
    return Rotation(replaced=None if active is None else active.kid, active=spare.kid, next=made.kid)


def _nothing_to_rotate(store: KeyStore) -> str:
    if store.begins_active:
        return "there is no active key and spare yet: the service makes them at its first start"
    return f"there is no {store.alg} key: no API and no client uses this algorithm"


async def retire_keys(database: Database, store: KeyStore, clock: Clock) -> Sequence[str]:
    """Retire the keys of an algorithm that nobody uses any more. Returns the `kid`s of those that were published.

    The active key stays published for its tokens, like a key that was rotated. The spare has signed nothing; it is
    deleted, so that a client that registers and ends again and again leaves no rows.
    """
    keys = {key.state: key for key in await store.list_keys()}
    ending, now = [keys[state] for state in (ACTIVE, NEXT) if state in keys], clock()
    async with database.writing() as session:
        for key in ending:
            await _move(session, key, RETIRING, retired_at=now, encrypted_private_key=DESTROYED)
            if key.state == NEXT:
                await session.execute(delete(SigningKey).where(SigningKey.kid == key.kid))
    return [key.kid for key in ending]


async def _move(session: AsyncSession, key: SigningKey, state: str, **changes: datetime | bytes) -> None:
    moved = await session.execute(
        update(SigningKey)
        .where(SigningKey.kid == key.kid, SigningKey.state == key.state)
        .values(state=state, **changes)
        .returning(SigningKey.kid)
        .execution_options(synchronize_session=False)
    )
    if moved.scalar_one_or_none() is None:
        raise RotationRefused("another rotation happened at the same time")
