"""Recovery codes: ten for each account with a second factor, shown once, each for one use.

A code has 80 bits, in characters that cannot be mistaken for each other. It is stored as a SHA-256 that includes the
account's id, so that one search through a stolen database does not test all accounts.
"""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import ForeignKey, String, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ...store.instants import Instant
from ...store.rows import Row

COUNT = 10
MAX_LENGTH = 64  # characters of what may have been typed
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32: no l, o, 0, 1
_GROUPS, _GROUP_LENGTH = 4, 4


class RecoveryCode(Row):
    __tablename__ = "recovery_codes"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


async def replace_all(session: AsyncSession, account_id: str, *, now: datetime) -> list[str]:
    """Draw new codes for the account, to be shown once; the old ones work no longer. Lock the account first."""
    await delete_all(session, account_id)
    codes = [_draw() for _ in range(COUNT)]
    session.add_all(
        RecoveryCode(code_hash=hash_of(account_id, code), account_id=account_id, created_at=now) for code in codes
    )
    return codes


async def use(session: AsyncSession, account_id: str, code: str, *, now: datetime) -> bool:
    """Use up a code. False if the account has no such code, or it was used. Lock the account first."""
    if len(code) > MAX_LENGTH:
        return False
    unused = update(RecoveryCode).where(
        RecoveryCode.code_hash == hash_of(account_id, code),
        RecoveryCode.account_id == account_id,
        RecoveryCode.used_at.is_(None),
    )
    used = await session.execute(unused.values(used_at=now).returning(RecoveryCode.code_hash))
    return used.scalar_one_or_none() is not None


async def count_unused(session: AsyncSession, account_id: str) -> int:
    unused = select(func.count()).where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
    return await session.scalar(unused) or 0


async def delete_all(session: AsyncSession, account_id: str) -> None:
    await session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))


def hash_of(account_id: str, code: str) -> str:
    """The hash of a code as it was shown, or as people type it: in capitals, with spaces or without hyphens."""
    letters = "".join(letter for letter in code.lower() if letter in _LETTERS)
    return hashlib.sha256(f"{account_id} {letters}".encode()).hexdigest()


def _draw() -> str:
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)
