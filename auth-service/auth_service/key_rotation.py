"""Rotation: the spare signs from now on, the key that signed retires, and a new spare is made (DESIGN: "Keys").

A key signs only when everybody who verifies can know it. Two gates, by the time since the spare was stored:
CACHES_PASSED covers verifiers and caches between them and us; PROCESSES_RELOADED, which nothing overrides, covers our
own processes, so that none signs with a key that another one does not publish yet.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from .database import Database
from .instants import Clock
from .key_ring import RELOAD_PERIOD
from .signing_keys import ACTIVE, NEXT, RETIRING, KeyStore, SigningKey

CACHES_PASSED = timedelta(hours=1)
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
    """The keys by what each has become."""

    retiring: str
    active: str
    next: str


async def rotate_keys(database: Database, store: KeyStore, clock: Clock, *, published_for: timedelta) -> Rotation:
    """Rotate once, in one transaction.

    Conditional UPDATEs and the unique indexes decide, so of two simultaneous rotations exactly one happens.

    Raises:
        SpareTooYoung, RotationRefused: nothing is changed.
    """
    keys = {key.state: key for key in await store.list_keys()}
    if not {ACTIVE, NEXT} <= keys.keys():
        raise RotationRefused("there is no key and spare to rotate: the first start of the service makes them")
    active, spare = keys[ACTIVE], keys[NEXT]
    remaining = spare.created_at + published_for - clock()
    if remaining > timedelta(0):
        raise SpareTooYoung(spare.kid, remaining)
    made = await asyncio.to_thread(store.generate, NEXT, clock())
    made.created_at = now = clock()  # after the pair was found, which may take a while: nobody knew it before
    async with database.writing() as session:
        await _move(session, active, RETIRING, retired_at=now)
        await _move(session, spare, ACTIVE, activated_at=now)
        session.add(made)
    return Rotation(retiring=active.kid, active=spare.kid, next=made.kid)


async def _move(session: AsyncSession, key: SigningKey, state: str, **instants: datetime) -> None:
    moved = await session.execute(
        update(SigningKey)
        .where(SigningKey.kid == key.kid, SigningKey.state == key.state)
        .values(state=state, **instants)
        .returning(SigningKey.kid)
        .execution_options(synchronize_session=False)
    )
    if moved.scalar_one_or_none() is None:
        raise RotationRefused("another rotation was first")
