"""The authenticator app of an account: its secret, and which of its codes was used last."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, or_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ...sealed.sealing import Seal
from ...sealed.versioned_secrets import Secrets
from ...store.instants import Instant
from ...store.rows import Row, insert_into
from ..accounts import Account
from . import totp


class TotpFactor(Row):
    __tablename__ = "totp_factors"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int | None] = mapped_column(BigInteger)  # whose code was used last
    created_at: Mapped[datetime] = mapped_column(Instant)
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)  # None: no code was entered yet


class AlreadyEnabled(Exception):
    """The account has a confirmed authenticator app."""


class UnreadableSecret(Exception):
    """A secret was sealed with a key-encryption key that is no longer configured."""


def seal_of(key_encryption_keys: Secrets) -> Seal:
    return Seal(key_encryption_keys, "totp secrets")


@dataclass(frozen=True)
class TotpFactors:
    seal: Seal

    async def begin(self, session: AsyncSession, account_id: str, *, now: datetime) -> str:
        """Draw a secret for the account, in place of one that was not confirmed. Lock the account first.

        Raises:
            AlreadyEnabled
        """
        secret = totp.draw_secret()
        values = {
            "sealed_secret": self.seal.seal(secret, place=account_id),
            "last_step": None,
            "created_at": now,
            "confirmed_at": None,
        }
        insert = insert_into(session, TotpFactor).values(account_id=account_id, **values)
        begun = insert.on_conflict_do_update(
            index_elements=[TotpFactor.account_id], set_=values, where=TotpFactor.confirmed_at.is_(None)
        )
        if (await session.execute(begun.returning(TotpFactor.account_id))).scalar_one_or_none() is None:
            raise AlreadyEnabled
        return secret

    def adopted(self, account_id: str, secret: str, *, now: datetime) -> TotpFactor:
        """The row of an app that the person uses already, for an account that is imported with it."""
        sealed = self.seal.seal(secret, place=account_id)
        return TotpFactor(account_id=account_id, sealed_secret=sealed, created_at=now, confirmed_at=now)

    async def find_secret(self, session: AsyncSession, account_id: str) -> str | None:
        """The secret, confirmed or not. None: the account has no authenticator app. Raises UnreadableSecret."""
        factor = await session.get(TotpFactor, account_id)
        return None if factor is None else self.open(factor)

    def open(self, factor: TotpFactor) -> str:
        """The secret. Raises UnreadableSecret."""
        secret = self.seal.open(factor.sealed_secret, place=factor.account_id)
        if secret is None:
            raise UnreadableSecret("the secret of an authenticator app needs a key-encryption key that is missing")
        return secret

    async def confirm(self, session: AsyncSession, account_id: str, code: str, *, now: datetime) -> bool:
        """Turn the account's second factor on by the first code. False if the code is wrong. Lock the account first."""
        if not await self._use(session, account_id, code, is_confirmed=False, now=now):
            return False
        enabled = update(Account).where(Account.id == account_id).values(second_factor_at=now, updated_at=now)
        await session.execute(enabled)
        return True

    async def use(self, session: AsyncSession, account_id: str, code: str, *, now: datetime) -> bool:
        """Use up a code of a confirmed app. False if it is wrong, or was used. Lock the account first."""
        return await self._use(session, account_id, code, is_confirmed=True, now=now)

    async def _use(
        self, session: AsyncSession, account_id: str, code: str, *, is_confirmed: bool, now: datetime
    ) -> bool:
        factor = await session.get(TotpFactor, account_id)
        if factor is None or (factor.confirmed_at is not None) is not is_confirmed:
            return False
        step = totp.find_step(self.open(factor), code, after=factor.last_step, now=now)
        if step is None:
            return False
        unused = update(TotpFactor).where(
            TotpFactor.account_id == account_id,
            TotpFactor.sealed_secret == factor.sealed_secret,
            or_(TotpFactor.last_step.is_(None), TotpFactor.last_step < step),
        )
        used = unused.values(last_step=step, **({} if is_confirmed else {"confirmed_at": now}))
        return (await session.execute(used.returning(TotpFactor.account_id))).scalar_one_or_none() is not None
