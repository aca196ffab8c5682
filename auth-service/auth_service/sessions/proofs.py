"""How a person was authenticated, and that it is enough for their account.

Every session begins or is renewed in starting.py, which asks `require_second_factor`: a way of signing in that knows
nothing of second factors starts no session for an account that has one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account
from ..oauth.authentication_context import MULTIPLE, PASSWORD
from .browser_sessions import BrowserSession


class SecondFactorMissing(Exception):
    """The account has a second factor, and this way of signing in has not asked for it. No session is started."""


@dataclass(frozen=True)
class Proof:
    """How a person was authenticated.

    Attributes:
        methods: as in the claim `amr` (RFC 8176 §2).
        second_factor_at: when a second factor was proved. None: it was not.
        is_trusted: the browser need not prove one, as its person has done so before and trusts it, or since the proof
            is a live session's.
    """

    methods: tuple[str, ...]
    second_factor_at: datetime | None = None
    is_trusted: bool = False

    @property
    def is_enough(self) -> bool:
        """Whether it is enough for every account."""
        return self.second_factor_at is not None or self.is_trusted

    def with_second_factor(self, *methods: str, at: datetime) -> Self:
        added = (*self.methods, *methods, MULTIPLE)
        return type(self)(tuple(dict.fromkeys(added)), at)


BY_PASSWORD = Proof((PASSWORD,))


def proof_of(session: BrowserSession) -> Proof:
    """The proof with which this live session goes on, or another one takes its place."""
    return Proof(session.methods, session.second_factor_at, is_trusted=True)


async def require_second_factor(session: AsyncSession, account_id: str, proof: Proof) -> None:
    """Raises SecondFactorMissing unless the proof is enough for the account."""
    if proof.is_enough:
        return
    if await find_second_factor_at(session, account_id) is not None:
        raise SecondFactorMissing


async def find_second_factor_at(session: AsyncSession, account_id: str) -> datetime | None:
    """Since when the account has a second factor. None: it has none."""
    return await session.scalar(_FIND_SECOND_FACTOR_AT, {"account_id": account_id})


_FIND_SECOND_FACTOR_AT = select(Account.second_factor_at).where(Account.id == bindparam("account_id"))
