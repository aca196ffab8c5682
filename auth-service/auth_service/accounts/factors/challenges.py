"""Sign-ins that wait for a second factor: the password was right, and no session exists yet.

A challenge belongs to the browser that has its secret, in a cookie (http/factor_cookies.py). It lasts ten minutes,
takes five codes, and is used up by one conditional DELETE. It remembers the password that began it, so a change of the
password ends it.
"""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Boolean, ForeignKey, Integer, String, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ...sealed import opaque
from ...store.database import Database
from ...store.instants import Instant
from ...store.rows import Expiry, Row

TTL = timedelta(minutes=10)
MAX_CODES = 5
MAX_ROWS = 100_000


class Challenge(Row):
    __tablename__ = "sign_in_challenges"
    __expiry__ = Expiry(MAX_ROWS)

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    credential_hash: Mapped[str] = mapped_column(String(64))  # of the password's hash
    amr: Mapped[str] = mapped_column(String(64))  # what was proved, separated by spaces (RFC 8176 §2)
    is_remembered: Mapped[bool] = mapped_column(Boolean)
    codes: Mapped[int] = mapped_column(Integer)  # that were tried
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


def begin(
    session: AsyncSession,
    account_id: str,
    *,
    password_hash: str | None,
    methods: tuple[str, ...],
    remember: bool,
    now: datetime,
) -> str:
    """Store a challenge, and return its secret for the browser's cookie."""
    token = opaque.draw()
    session.add(
        Challenge(
            token_hash=opaque.hash_of(token),
            account_id=account_id,
            credential_hash=hash_of_credential(password_hash),
            amr=" ".join(methods),
            is_remembered=remember,
            codes=0,
            created_at=now,
            expires_at=now + TTL,
        )
    )
    return token


async def find(database: Database, token: str, *, now: datetime) -> Challenge | None:
    """The challenge of a browser's cookie, also one that takes no more codes. None: it has expired, or was used up."""
    async with database.reading() as session:
        wanted = select(Challenge).where(Challenge.token_hash == opaque.hash_of(token), Challenge.expires_at > now)
        return await session.scalar(wanted)


async def count_code(session: AsyncSession, challenge: Challenge) -> bool:
    """Count a code before it is checked. False: there were too many, so the person has to sign in anew."""
    counted = (
        update(Challenge)
        .where(Challenge.token_hash == challenge.token_hash, Challenge.codes < MAX_CODES)
        .values(codes=Challenge.codes + 1)
        .execution_options(synchronize_session=False)
    )
    return (await session.execute(counted.returning(Challenge.token_hash))).scalar_one_or_none() is not None


async def use_up(session: AsyncSession, challenge: Challenge) -> bool:
    """Delete the challenge, since it was passed or given up. False: another request was first."""
    gone = delete(Challenge).where(Challenge.token_hash == challenge.token_hash)
    return (await session.execute(gone.returning(Challenge.token_hash))).scalar_one_or_none() is not None


async def end_all(session: AsyncSession, account_id: str) -> None:
    """End the sign-ins of the account that wait. Lock the account first.

    A challenge knows the password that it began with, but not by which identity it did.
    """
    gone = delete(Challenge).where(Challenge.account_id == account_id)
    await session.execute(gone, execution_options={"synchronize_session": False})


def hash_of_credential(password_hash: str | None) -> str:
    return hashlib.sha256((password_hash or "").encode()).hexdigest()
