"""Codes to sign in with, in mails. A code counts only in the browser that asked for it, and only the newest one.

A code is an HMAC of its mail's id, so whoever writes the mail derives it, and no row holds it. What is stored is an
HMAC of browser, address and code: a plain hash of eight digits would tell them. The row is stored for every address,
also for one without an account, whose mail has no code.
"""

import hmac
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Integer, String, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..sealed.opaque import hash_of
from ..sealed.versioned_secrets import Secrets, derive_key
from ..store.instants import Instant
from ..store.rows import Expiry, Row, insert_into
from .kinds import LINK_TTL, Kind

DIGITS = 8  # with MAX_TRIES, and five mails an hour to an address: a stranger hits one in 160,000 days
MAX_TRIES = 5
MAX_ROWS = 100_000
TTL: timedelta = LINK_TTL[Kind.SIGN_IN]  # the mail has a link, too


class SignInCode(Row):
    __tablename__ = "sign_in_codes"
    __expiry__ = Expiry(MAX_ROWS)  # anonymous requests fill it

    browser_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    tries: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class MailedCodes:
    def __init__(self, secrets: Secrets) -> None:
        self._key = derive_key(next(iter(secrets.values())), "auth-service mailed codes")

    def code_of(self, mail_id: str) -> str:
        """The code in a mail. The same mail always has the same one."""
        number = int.from_bytes(self._digest("code", mail_id)[:16], "big")  # the remainder's bias is below 2^-100
        return f"{number % 10**DIGITS:0{DIGITS}}"

    async def keep(self, session: AsyncSession, browser: str, email: str, mail_id: str, *, now: datetime) -> None:
        """Store that this browser has asked for the code of this mail. An earlier code of the browser ends."""
        values = {
            "email": email,
            "code_hash": self._hash(hash_of(browser), email, self.code_of(mail_id)),
            "tries": 0,
            "created_at": now,
            "expires_at": now + TTL,
        }
        insert = insert_into(session, SignInCode).values(browser_hash=hash_of(browser), **values)
        await session.execute(insert.on_conflict_do_update(index_elements=["browser_hash"], set_=values))

    def is_right(self, asked: SignInCode, code: str) -> bool:
        return hmac.compare_digest(asked.code_hash, self._hash(asked.browser_hash, asked.email, code))

    def _hash(self, *parts: str) -> str:
        return self._digest("stored", *parts).hex()

    def _digest(self, *parts: str) -> bytes:
        return hmac.digest(self._key, "\0".join(parts).encode(), "sha256")


async def find_asked(session: AsyncSession, browser: str, *, now: datetime) -> SignInCode | None:
    """The code that this browser has asked for, unless it has expired, was used, or takes no more tries."""
    live = (SignInCode.expires_at > now, SignInCode.tries < MAX_TRIES)
    return await session.scalar(select(SignInCode).where(SignInCode.browser_hash == hash_of(browser), *live))


async def count_try(session: AsyncSession, asked: SignInCode) -> bool:
    """Count a try before it is compared. False: there were too many, or the browser has asked for another code."""
    counted = update(SignInCode).where(*_same(asked), SignInCode.tries < MAX_TRIES).values(tries=SignInCode.tries + 1)
    found = await session.execute(
        counted.returning(SignInCode.browser_hash), execution_options={"synchronize_session": False}
    )
    return found.scalar_one_or_none() is not None


async def use_up(session: AsyncSession, asked: SignInCode) -> bool:
    """Delete the code, since it was right. Of two simultaneous requests one returns True. Lock the account first."""
    used = delete(SignInCode).where(*_same(asked)).returning(SignInCode.browser_hash)
    found = await session.execute(used, execution_options={"synchronize_session": False})
    return found.scalar_one_or_none() is not None


async def void_codes(session: AsyncSession, email: str) -> None:
    """End all codes that were mailed to an address, since one of its mails was used. Lock the account first."""
    await session.execute(delete(SignInCode).where(SignInCode.email == email))


def _same(asked: SignInCode) -> tuple[ColumnElement[bool], ...]:
    return SignInCode.browser_hash == asked.browser_hash, SignInCode.code_hash == asked.code_hash
