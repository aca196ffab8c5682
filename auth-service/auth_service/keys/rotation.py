"""Rotation: the spare signs from now on, the key that signed retires, and a new spare is made (ROTATION.md).

A key signs only when everybody who verifies can know it. By the time since the spare was stored there are two gates:
`published_for` covers verifiers and caches between them and us; PROCESSES_RELOADED, which nothing overrides, covers our
own processes, so that none signs with a key that another one does not publish yet.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from ..store.database import Database
from ..store.instants import Clock
from .ring import RELOAD_PERIOD
from .signing import ACTIVE, DESTROYED, GONE, NEXT, RETIRING, KeyStore, SigningKey

PROCESSES_RELOADED = 3 * RELOAD_PERIOD


class RotationRefused(Exception):
    """Nothing was changed, and why."""


class SpareTooYoung(RotationRefused):
    """Not everybody can know the spare yet."""

    def __init__(self, kid: str, remaining: timedelta) -> None:
        super().__init__(f"the spare key {kid} may not be known everywhere yet")
        self.remaining = remaining


@dataclass(frozen=True)
class Rotation:
    """The keys by what each has become; `replaced` is the one that signed: retiring, or withdrawn."""

    replaced: str
    active: str
    next: str


async def rotate_keys(database: Database, store: KeyStore, clock: Clock, *, published_for: timedelta) -> Rotation:
    """Rotate once.

    Raises:
        SpareTooYoung, RotationRefused, UnreadableKey: nothing is changed.
    """
    return await _replace_active(database, store, clock, published_for=published_for, becoming=RETIRING)


async def withdraw_active_key(database: Database, store: KeyStore, clock: Clock) -> Rotation:
    """Take the active key out of the set at once: for a key that is in wrong hands.

    What it signed is refused by each verifier as soon as it has fetched the set again, which is the purpose.

    Raises:
        As `rotate_keys`; SpareTooYoung only while our own processes may not publish the spare.
    """
    return await _replace_active(database, store, clock, published_for=PROCESSES_RELOADED, becoming=GONE)


async def _replace_active(
    database: Database, store: KeyStore, clock: Clock, *, published_for: timedelta, becoming: str
) -> Rotation:
    """In one transaction. Conditional UPDATEs and the unique indexes decide, so of two at once exactly one happens."""
    keys = {key.state: key for key in await store.list_keys()}
    if not {ACTIVE, NEXT} <= keys.keys():
        raise RotationRefused("there is no key and spare to rotate: the first start of the service makes them")
    active, spare = keys[ACTIVE], keys[NEXT]
    remaining = spare.created_at + max(published_for, PROCESSES_RELOADED) - clock()
    if remaining > timedelta(0):
        raise SpareTooYoung(spare.kid, remaining)
    await asyncio.to_thread(store.open, spare)  # before it is the only one that signs
    made = await asyncio.to_thread(store.generate, NEXT, clock())
    made.created_at = now = clock()  # after the pair was found, which may take a while: nobody knew it before
    async with database.writing() as session:
        # Processes that hold the private key in memory sign with it for a reload longer; nobody needs the stored one.
        await _move(session, active, becoming, retired_at=now, encrypted_private_key=DESTROYED)
        await _move(session, spare, ACTIVE, activated_at=now)
        session.add(made)
    return Rotation(replaced=active.kid, active=spare.kid, next=made.kid)


async def _move(session: AsyncSession, key: SigningKey, state: str, **changes: datetime | bytes) -> None:
    moved = await session.execute(
        update(SigningKey)
        .where(SigningKey.kid == key.kid, SigningKey.state == key.state)
        .values(state=state, **changes)
        .returning(SigningKey.kid)
        .execution_options(synchronize_session=False)
    )
    if moved.scalar_one_or_none() is None:
        raise RotationRefused("another rotation was first")
