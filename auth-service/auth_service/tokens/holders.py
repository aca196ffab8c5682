"""A grant with its account and session, read in one query, and whether all of them are still live."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account
from ..clients.clients import Client
from ..grants.grants import Authorized, Grant
from ..sessions.browser_sessions import BrowserSession
from ..status_lists.epochs import ListName
from ..status_lists.indexes import NAMED, NOT_REVOKED, named
from ..status_lists.lists import StatusIndex
from ..store.database import Database
from ..store.rows import detached

A = TypeVar("A", bound=Authorized)
A_co = TypeVar("A_co", bound=Authorized, covariant=True)


@dataclass(frozen=True)
class Holder:
    """A grant, its account, and the expiry of its session (None: ended). Detached: changes are not stored."""

    grant: Grant
    account: Account
    session_expires_at: datetime | None

    def is_live(self, *, now: datetime) -> bool:
        """Whether the grant has not ended, its account is active, and, if it is online, its session is live."""
        lasts = self.grant.is_offline or self.has_session(now=now)
        return self.grant.ended_at is None and self.account.suspended_at is None and lasts

    def has_session(self, *, now: datetime) -> bool:
        return self.session_expires_at is not None and self.session_expires_at > now


@dataclass(frozen=True)
class Held(Generic[A_co]):
    """A code or refresh token family, with its grant."""

    authorized: A_co
    holder: Holder


_COLUMNS = (*Grant.__table__.columns, *Account.__table__.columns, BrowserSession.expires_at)


def select_held(kind: type[A]) -> Select[Any]:
    """The query for `held_of`. Build it once per kind: building takes longer than running it on SQLite."""
    return (
        select(*kind.__table__.columns, *_COLUMNS)
        .join_from(kind, Grant, Grant.id == kind.grant_id)
        .join(Account, Account.id == Grant.account_id)
        .outerjoin(BrowserSession, BrowserSession.id == Grant.sid)
    )


def held_of(kind: type[A], values: Iterable[Any]) -> Held[A]:
    rest = iter(values)
    return Held(detached(kind, rest), _holder(rest))


async def is_unchanged(database: Database, held: Held[Authorized]) -> bool:
    """Whether the stored code or family still grants what it granted when it was read."""
    kind = type(held.authorized)
    key = kind.__mapper__.primary_key[0]
    query = select(kind.resource, kind.scope).where(key == getattr(held.authorized, key.name))
    async with database.reading() as session:
        found = (await session.execute(query)).one_or_none()
    return found is not None and tuple(found) == (held.authorized.resource, held.authorized.scope)


# One statement finds the holder of a status index, and whether that index is revoked: in the database and not in a
# published list, so that a revocation counts at once.
_OF_INDEX = (
    select(*_COLUMNS)
    .join_from(StatusIndex, Grant, Grant.id == StatusIndex.holder_id)
    .join(Account, Account.id == Grant.account_id)
    .outerjoin(BrowserSession, BrowserSession.id == Grant.sid)
    .where(Grant.ended_at.is_(None))
)
_OF_CLIENT = _OF_INDEX.where(Grant.client_id == bindparam("client_id"))
_FIND_HOLDER = _OF_CLIENT.where(*NAMED)
_FIND_LIVE_HOLDER = _OF_CLIENT.where(*NOT_REVOKED)
_FIND_ANY_LIVE_HOLDER = _OF_INDEX.where(*NOT_REVOKED)
_FIND_SIGNED_IN = (
    select(*Account.__table__.columns)
    .join_from(BrowserSession, Account, Account.id == BrowserSession.account_id)
    .where(
        BrowserSession.id == bindparam("session_id"),
        BrowserSession.expires_at > bindparam("now"),
        Account.suspended_at.is_(None),
    )
)
_FIND_SIGNED_IN_BY_INDEX = _FIND_SIGNED_IN.where(*NOT_REVOKED, StatusIndex.holder_id == BrowserSession.id)
_FIND_CLIENT = select(Client.client_id).where(
    *NOT_REVOKED, StatusIndex.holder_id == Client.client_id, Client.client_id == bindparam("client_id")
)
Status: TypeAlias = tuple[ListName | None, int]


async def find_holder(
    database: Database, *, client_id: str | None, status: Status | None, revoked_too: bool = False
) -> Holder | None:
    """The grant of an access token, found by its status index; None if the index is revoked or the grant has ended.

    Args:
        client_id: the client of the grant. None: any, for a token whose client is not the grant's.
    """
    name, index = status or (None, 0)
    if name is None:
        return None
    if client_id is None:
        values = await database.find_row(_FIND_ANY_LIVE_HOLDER, named(name, index))
    else:
        statement = _FIND_HOLDER if revoked_too else _FIND_LIVE_HOLDER
        values = await database.find_row(statement, named(name, index) | {"client_id": client_id})
    return None if values is None else _holder(iter(values))


async def find_signed_in(
    database: Database, session_id: str, *, status: Status | None, now: datetime
) -> Account | None:
    """The account of a live session whose status index, if the token has one, is not revoked."""
    parameters: dict[str, object] = {"session_id": session_id, "now": now}
    if status is None:
        values = await database.find_row(_FIND_SIGNED_IN, parameters)
    elif status[0] is None:
        return None
    else:
        values = await database.find_row(_FIND_SIGNED_IN_BY_INDEX, parameters | named(status[0], status[1]))
    return None if values is None else detached(Account, iter(values))


async def is_client_live(database: Database, client_id: str, *, status: Status) -> bool:
    """Whether a client exists and its token's status index is not revoked."""
    if status[0] is None:
        return False
    return await database.find_row(_FIND_CLIENT, named(status[0], status[1]) | {"client_id": client_id}) is not None


async def hold_owners(session: AsyncSession, account_id: str, client_id: str) -> bool:
    """Whether account and client exist. Neither is deleted until the transaction ends.

    Call it first in a transaction that makes a consent, a grant or a code (store/__init__.py, "Locks").
    """
    both = select(Account.id).join(Client, Client.client_id == client_id).where(Account.id == account_id)
    return await session.scalar(both.with_for_update(read=True, key_share=True)) is not None


def _holder(values: Iterator[Any]) -> Holder:
    return Holder(detached(Grant, values), detached(Account, values), next(values))
