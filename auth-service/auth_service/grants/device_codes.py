"""Device codes (RFC 8628): what a device asks for, until a person has typed its user code and allowed or denied it.

The device holds the device code and polls with it; the person types the user code. The first browser that brings the
user code takes it: afterwards it is worth nothing in another one. The code is allowed or denied once, in the
transaction that answers the authorization request of that browser. If it is allowed, an authorization code is issued
for it (tokens/authorization_codes.py), which no browser ever sees: the device's next poll redeems that.

A row is kept for a day after its code has expired, so that a late poll learns that it did.
"""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..oauth.authorization_request import AuthorizationRequest
from ..sealed import opaque
from ..store.instants import Instant
from ..store.rows import Expiry, Row

TTL = timedelta(minutes=10)
KEPT_FOR = timedelta(days=1)
INTERVAL = 5  # seconds between two polls
SLOWER_BY = 5  # seconds, after each poll that came too early (RFC 8628 §3.5)
MAX_INTERVAL = 60  # seconds
EARLY = timedelta(seconds=1)  # a poll may come by this much too early: networks do not deliver evenly
MAX_OPEN = 5_000  # codes of one client that nobody has answered
MAX_ROWS = 100_000  # anybody can make one; beyond this the oldest are deleted


class DeviceCode(Row):
    __tablename__ = "device_codes"
    __expiry__ = Expiry(MAX_ROWS, surplus_first=("created_at",))
    __table_args__ = (Index("ix_device_codes_client_hash", "client_hash", "ends_at"),)

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    # None: the client has a metadata document, and perhaps no row; then `client_metadata` is what the document said
    client_id: Mapped[str | None] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    client_metadata: Mapped[str | None] = mapped_column(Text)
    client_hash: Mapped[str] = mapped_column(String(64))  # of the client_id, to count a client's codes
    parameters: Mapped[str] = mapped_column(Text)  # JSON of the authorization request
    interval: Mapped[int] = mapped_column(Integer)  # seconds
    next_poll_at: Mapped[datetime] = mapped_column(Instant)
    browser_hash: Mapped[str | None] = mapped_column(String(64))  # the browser that has brought the user code
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    is_allowed: Mapped[bool | None] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)  # of the code
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)  # of the row

    @property
    def request(self) -> AuthorizationRequest:
        return AuthorizationRequest.restore(self.parameters)


def grant_code_of(code_hash: str) -> str:
    """The authorization code of an allowed device code, named by the hash of that. Only our own code uses it.

    A device could compute it, but not redeem it as a code: it was issued without a redirect_uri.
    """
    return f"device {code_hash}"


async def store(
    session: AsyncSession,
    code: str,
    user_code_hash: str,
    request: AuthorizationRequest,
    *,
    client_metadata: str | None,
    now: datetime,
) -> None:
    """Store what a device asks for. `request.device` has the hash of its code."""
    session.add(
        DeviceCode(
            code_hash=opaque.hash_of(code),
            user_code_hash=user_code_hash,
            client_id=request.client_id if client_metadata is None else None,
            client_metadata=client_metadata,
            client_hash=_hash(request.client_id),
            parameters=request.render(),
            interval=INTERVAL,
            next_poll_at=now,
            created_at=now,
            ends_at=now + TTL,
            expires_at=now + TTL + KEPT_FOR,
        )
    )


async def has_room(session: AsyncSession, client_id: str, *, now: datetime) -> bool:
    """Whether the client has fewer than MAX_OPEN codes that wait for an answer."""
    row = DeviceCode
    waiting = (row.client_hash == _hash(client_id), row.ends_at > now, row.answered_at.is_(None))
    counted = select(row.code_hash).where(*waiting).limit(MAX_OPEN).subquery()
    return (await session.scalar(select(func.count()).select_from(counted)) or 0) < MAX_OPEN


async def find(session: AsyncSession, code: str) -> DeviceCode | None:
    return await session.get(DeviceCode, opaque.hash_of(code))


async def note_poll(session: AsyncSession, device: DeviceCode, *, now: datetime) -> bool:
    """Record a poll. False if it came too early: the interval is longer from now on (RFC 8628 §3.5).

    One conditional UPDATE decides, so of simultaneous polls one is in time.
    """
    row, pause = DeviceCode, timedelta(seconds=device.interval)
    due = (row.code_hash == device.code_hash, row.next_poll_at <= now + EARLY)
    noted = await session.execute(update(row).where(*due).values(next_poll_at=now + pause).returning(row.code_hash))
    if noted.scalar_one_or_none() is not None:
        return True
    slower = min(device.interval + SLOWER_BY, MAX_INTERVAL)
    changed = {"interval": slower, "next_poll_at": now + timedelta(seconds=slower)}
    await session.execute(update(row).where(row.code_hash == device.code_hash).values(changed))
    return False


async def take(
    session: AsyncSession, user_code_hashes: Collection[str], browser: str, *, now: datetime
) -> DeviceCode | None:
    """Take the code of a user code for this browser. None if there is none that waits, or another browser has it.

    The same browser may take it again, because its person may type the code again.
    """
    row, taker = DeviceCode, opaque.hash_of(browser)
    free = or_(row.browser_hash.is_(None), row.browser_hash == taker)
    which = (row.user_code_hash.in_(user_code_hashes), row.ends_at > now, row.answered_at.is_(None), free)
    taken = await session.scalars(update(row).where(*which).values(browser_hash=taker).returning(row))
    return taken.one_or_none()


async def answer(session: AsyncSession, code_hash: str, *, is_allowed: bool, now: datetime) -> datetime | None:
    """Allow or deny it. Returns when the code ends; None if it has ended, or was answered before."""
    row = DeviceCode
    which = (row.code_hash == code_hash, row.answered_at.is_(None), row.ends_at > now)
    answered = update(row).where(*which).values(answered_at=now, is_allowed=is_allowed)
    return (await session.execute(answered.returning(row.ends_at))).scalar_one_or_none()


def _hash(client_id: str) -> str:
    return hashlib.sha256(client_id.encode()).hexdigest()
