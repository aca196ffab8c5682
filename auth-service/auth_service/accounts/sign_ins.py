"""What a sign-in with a password reads: the account and its hash, or another account's hash; and the renewal of a hash.

The time of a refused sign-in must not tell whether an address has an account. An unknown address is therefore compared
with some account's hash, and the result is dropped. It is always the same account's for an address, chosen by an HMAC,
so imported hashes and those of older parameters stand in as often as accounts have them. If every unknown address took
the time of a new hash, each slower refusal would be that of an account.
"""

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from ..sealed.versioned_secrets import Secrets, derive_key
from ..store import identifiers
from ..store.database import Database
from ..store.rows import detached
from . import accounts
from .accounts import CREDENTIAL, Account, Identity


@dataclass(frozen=True)
class ForSignIn:
    """What there is about an address. `stand_in`: the hash of another account; None: there is no account after it."""

    account: Account | None
    password_hash: str | None = field(repr=False)
    stand_in: str | None = field(repr=False)


class StandIns:
    """Chooses the account whose hash stands in for an address. It changes with the newest secret."""

    def __init__(self, secrets: Secrets) -> None:
        self._key = derive_key(next(iter(secrets.values())), "auth-service stand-ins")

    def place_of(self, email: str) -> str:
        """A place among the ids of identities, which are random: the next one after it is the stand-in's."""
        return identifiers.from_octets(hmac.digest(self._key, email.encode(), "sha512"))


async def find_for_sign_in(database: Database, email: str, *, place: str) -> ForSignIn:
    """What there is about an address, in one statement that does the same work for every address.

    Args:
        place: that of the address in `StandIns`.
    """
    [(stand_in, password_hash, *columns)] = await database.find_rows(_FIND, {"email": email, "place": place})
    is_known = any(column is not None for column in columns)
    return ForSignIn(detached(Account, iter(columns)) if is_known else None, password_hash, stand_in)


async def lock_or_renew(
    session: AsyncSession, account_id: str, password_hash: str, renewed: str | None, *, now: datetime
) -> bool:
    """Whether the account is active and still has this password. It is locked, and the hash renewed if there is one.

    One conditional UPDATE decides, so a password that was changed meanwhile stays.

    Args:
        renewed: another hash of the same password (None: the hash stays).
    """
    if renewed is None:
        return await accounts.lock_password(session, account_id, password_hash)
    if not await accounts.lock(session, account_id, active_only=True):
        return False
    return await accounts.replace_password_hash(session, account_id, renewed, replacing=password_hash, now=now)


def _finding() -> Select[Any]:
    other = aliased(Identity)
    after = other.provider_id == CREDENTIAL, other.password_hash.is_not(None), other.id >= bindparam("place")
    stand_in = select(other.password_hash).where(*after).order_by(other.id).limit(1).scalar_subquery()
    base = select(stand_in.label("stand_in")).subquery()
    credential = (Identity.account_id == Account.id) & (Identity.provider_id == CREDENTIAL)
    return (
        select(base.c.stand_in, Identity.password_hash, *Account.__table__.columns)
        .select_from(base)
        .outerjoin(Account, Account.email == bindparam("email"))
        .outerjoin(Identity, credential)
    )


_FIND = _finding()
