"""User names of accounts. One that an account has had is never given to another account, not even after its deletion.

Clients may know people by their user names. So a new account with an old name would get what belongs to another person.
Names that were given are kept as SHA-256 of their folded form: enough to refuse one, and no list of deleted people.
"""

import hashlib
from datetime import datetime

from sqlalchemy import String, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..oauth.usernames import fold_username
from ..store.instants import Instant
from ..store.rows import Row, insert_into
from . import accounts
from .accounts import Account


class UsernameTaken(Exception):
    """Another account has this user name, or had it."""


class GivenUsername(Row):
    __tablename__ = "given_usernames"

    username_hash: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 of the folded name, in hex
    account_id: Mapped[str] = mapped_column(String(32))  # no foreign key: the row outlives the account
    created_at: Mapped[datetime] = mapped_column(Instant)


async def set_username(session: AsyncSession, account_id: str, username: str | None, *, now: datetime) -> None:
    """Give the account this user name, which `parse_username` has returned, or none (None).

    The primary key decides between simultaneous requests. An account may get a name of its own back.

    Raises:
        UsernameTaken
    """
    await accounts.lock(session, account_id)
    if username is not None:
        name_hash = hash_of(username)
        given = {"username_hash": name_hash, "account_id": account_id, "created_at": now}
        await session.execute(insert_into(session, GivenUsername).values(given).on_conflict_do_nothing())
        owner = select(GivenUsername.account_id).where(GivenUsername.username_hash == name_hash)
        if await session.scalar(owner) != account_id:
            raise UsernameTaken
    await session.execute(update(Account).where(Account.id == account_id).values(username=username, updated_at=now))


def hash_of(username: str) -> str:
    return hashlib.sha256(fold_username(username).encode()).hexdigest()
