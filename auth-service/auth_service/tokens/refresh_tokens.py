"""Refresh tokens: one row per family, however often it rotates (GRANTS.md).

A token is `LOCATOR.SECRET`. All tokens of a family share the locator (128 random bits); each has its own secret (256
bits). Only a holder of one of the family's tokens can know the locator. So a known locator with a secret that is not
current means a used token, without a row for every old token. Both are stored as SHA-256.

Every refresh rotates. If a client lost the response or sent two requests at once, it may present the parent again
within GRACE and gets the same successor, which is stored encrypted for that time.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from sqlalchemy import LargeBinary, String, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..grants.grants import Authorized, make_room
from ..sealed import opaque
from ..sealed.sealing import Seal
from ..sealed.versioned_secrets import Secrets
from ..store.database import Database
from ..store.instants import Instant, is_recent
from ..store.rows import Expiry
from .holders import Held, held_of, select_held

GRACE = timedelta(seconds=60)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class RefreshLifetimes:
    """Lifetimes of families with `offline_access`. The others end with their session."""

    idle_ttl: timedelta
    absolute_max_age: timedelta

    def expiry(self, *, created_at: datetime, now: datetime) -> datetime:
        return min(now + self.idle_ttl, created_at + self.absolute_max_age)


class RefreshTokenFamily(Authorized):
    __tablename__ = "refresh_token_families"
    __expiry__ = Expiry()

    locator_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64))  # of the current token
    parent_hash: Mapped[str | None] = mapped_column(String(64))  # of the token that it replaced
    sealed_successor: Mapped[bytes | None] = mapped_column(LargeBinary)  # the current token, encrypted
    dpop_jkt: Mapped[str | None] = mapped_column(String(64))  # the thumbprint of the key that it is bound to
    rotated_at: Mapped[datetime | None] = mapped_column(Instant, index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant, index=True)  # None: ends with its session


class Standing(Enum):
    """The state of one token of a family."""

    CURRENT = auto()
    PARENT = auto()  # used within GRACE, and its successor is current
    SPENT = auto()


@dataclass(frozen=True)
class RefreshTokens:
    """Issues and rotates refresh tokens."""

    database: Database
    lifetimes: RefreshLifetimes
    seal: Seal

    async def issue(self, session: AsyncSession, held: Held[Authorized], *, dpop_jkt: str | None, now: datetime) -> str:
        """Create a family, and return its first token."""
        locator = secrets.token_urlsafe(16)
        token = _draw(locator)
        given, is_offline = held.authorized, held.holder.grant.is_offline
        await make_room(session, RefreshTokenFamily, given.grant_id, used_at=_USED_AT)
        session.add(
            RefreshTokenFamily(
                locator_hash=opaque.hash_of(locator),
                token_hash=opaque.hash_of(token),
                grant_id=given.grant_id,
                scope=given.scope,
                resource=given.resource,
                auth_time=given.auth_time,
                acr=given.acr,
                amr=given.amr,
                claims=given.claims,
                dpop_jkt=dpop_jkt,
                created_at=now,
                expires_at=self.lifetimes.expiry(created_at=now, now=now) if is_offline else None,
            )
        )
        return token

    async def find(self, token: str) -> Held[RefreshTokenFamily] | None:
        """The family of a token, current or not, or None."""
        if not _TOKEN.fullmatch(token):
            return None
        values = await self.database.find_row(_FIND, {"locator_hash": opaque.hash_of(_locator(token))})
        return None if values is None else held_of(RefreshTokenFamily, values)

    async def rotate(self, family: RefreshTokenFamily, token: str, *, now: datetime) -> str | None:
        """Replace the token by a successor, and return that. None if another request was first.

        One conditional UPDATE decides, so of simultaneous requests exactly one makes the successor, which all get.
        """
        successor = _draw(_locator(token))
        values = {
            "locator": family.locator_hash,
            "shown": opaque.hash_of(token),
            "successor": opaque.hash_of(successor),
            "sealed": self.seal.seal(successor, place=family.token_hash),
            "granted_resource": family.resource,
            "granted_scope": family.scope,
            "now": now,
            "expiry": family.expires_at and self.lifetimes.expiry(created_at=family.created_at, now=now),
        }
        return None if await self.database.change_row(_ROTATE, values) is None else successor

    async def keep(self, family: RefreshTokenFamily, token: str, *, now: datetime) -> str | None:
        """Note the use of a token that is not replaced, and return it. None if what it grants has just changed."""
        values = {
            "locator": family.locator_hash,
            "shown": opaque.hash_of(token),
            "granted_resource": family.resource,
            "granted_scope": family.scope,
            "now": now,
            "expiry": family.expires_at and self.lifetimes.expiry(created_at=family.created_at, now=now),
        }
        return None if await self.database.change_row(_KEEP, values) is None else token

    def successor_of(self, family: RefreshTokenFamily) -> str | None:
        """The successor of the parent. None if it is no longer stored, or its secret is no longer configured."""
        sealed, parent = family.sealed_successor, family.parent_hash
        return None if sealed is None or parent is None else self.seal.open(sealed, place=parent)


def open_refresh_tokens(database: Database, lifetimes: RefreshLifetimes, secrets: Secrets) -> RefreshTokens:
    return RefreshTokens(database, lifetimes, Seal(secrets, "refresh token successors"))


def standing_of(family: RefreshTokenFamily, token: str, *, now: datetime) -> Standing:
    hashed = opaque.hash_of(token)
    if hmac.compare_digest(hashed, family.token_hash):
        return Standing.CURRENT
    is_parent = hmac.compare_digest(hashed, family.parent_hash or "")
    has_grace = family.rotated_at is not None and is_recent(family.rotated_at, within=GRACE, now=now)
    return Standing.PARENT if is_parent and has_grace else Standing.SPENT


async def forget_successors(session: AsyncSession, *, limit: int, now: datetime) -> int:
    """Delete stored successors whose GRACE is over. Returns how many, at most `limit`."""
    chosen = (
        select(RefreshTokenFamily.locator_hash)
        .where(RefreshTokenFamily.rotated_at < now - GRACE, RefreshTokenFamily.sealed_successor.is_not(None))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    unlocked = (await session.scalars(chosen)).all()
    forgotten = update(RefreshTokenFamily).where(RefreshTokenFamily.locator_hash.in_(unlocked))
    await session.execute(forgotten.values(sealed_successor=None).execution_options(synchronize_session=False))
    return len(unlocked)


_USED_AT = func.coalesce(RefreshTokenFamily.rotated_at, RefreshTokenFamily.created_at)
_FIND = select_held(RefreshTokenFamily).where(RefreshTokenFamily.locator_hash == bindparam("locator_hash"))
_TABLE: Any = RefreshTokenFamily.__table__
_CHANGE = (
    update(_TABLE)
    .where(
        _TABLE.c.locator_hash == bindparam("locator"),
        _TABLE.c.token_hash == bindparam("shown"),
        _TABLE.c.resource == bindparam("granted_resource"),  # otherwise an API has been withdrawn since it was read
        _TABLE.c.scope == bindparam("granted_scope"),
    )
    .values(rotated_at=bindparam("now"), expires_at=bindparam("expiry"))
    .returning(_TABLE.c.locator_hash)
)
_ROTATE = _CHANGE.values(
    token_hash=bindparam("successor"), parent_hash=_TABLE.c.token_hash, sealed_successor=bindparam("sealed")
)
_KEEP = _CHANGE.values(parent_hash=None, sealed_successor=None)


def _draw(locator: str) -> str:
    return f"{locator}.{opaque.draw()}"


def _locator(token: str) -> str:
    return token.partition(".")[0]
