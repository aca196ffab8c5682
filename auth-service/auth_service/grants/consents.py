"""Consents: the scope that a person allowed a client, remembered so that the person is asked only once."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Select, String, Text, bindparam, delete, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..store.client_ids import ClientKey, NamesClient, key_of, url_of
from ..store.instants import Instant
from ..store.rows import Row, insert_into
from ..store.together import Asked, Rows, send
from . import grants


class Consent(NamesClient, Row):
    """The scope that an account allowed a client at a resource. Later consents are added to it."""

    __tablename__ = "consents"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    client_key: Mapped[str] = mapped_column(
        "client_id", ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True, index=True
    )
    resource: Mapped[str] = mapped_column(String(2048), primary_key=True)
    scope: Mapped[str] = mapped_column(Text)  # JSON, sorted
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(json.loads(self.scope))


_FIND_AGREED = (
    select(Consent.resource, Consent.scope)
    .where(Consent.account_id == bindparam("account_id"), Consent.client_id == bindparam("client_id", type_=ClientKey))
    .order_by(Consent.resource)
)
_LOCK_AGREED = _FIND_AGREED.with_for_update(read=True)


def locking_agreed(account_id: str, client_id: str) -> Asked:
    """What was consented to, for `agreed`. The rows are held for the transaction."""
    return Asked(_LOCK_AGREED, {"account_id": account_id, "client_id": client_id})


def agreed(rows: Rows) -> Mapping[str, frozenset[str]]:
    """The scopes that were consented to, by resource."""
    return {resource: frozenset(json.loads(scope)) for resource, scope in rows}


async def find_agreed(
    session: AsyncSession, account_id: str, client_id: str, *, lock: bool = False
) -> Mapping[str, frozenset[str]]:
    """The scopes that were consented to, by resource. `lock` holds the rows for the transaction."""
    if lock:
        return agreed((await send(session, {"agreed": locking_agreed(account_id, client_id)}))["agreed"])
    found = await session.execute(_FIND_AGREED, {"account_id": account_id, "client_id": client_id})
    return agreed(found.all())


async def remember(
    session: AsyncSession, account_id: str, client_id: str, agreed: Mapping[str, Collection[str]], *, now: datetime
) -> None:
    """Add the scopes to the consent for each resource. Simultaneous calls both take effect."""
    for resource in sorted(agreed):  # in this order, so that two calls cannot deadlock
        await _add(session, account_id, client_id, resource, agreed[resource], now=now)


async def _add(
    session: AsyncSession, account_id: str, client_id: str, resource: str, scope: Collection[str], *, now: datetime
) -> None:
    insert = insert_into(session, Consent)
    nothing = insert.values(
        account_id=account_id, client_id=client_id, client_url=url_of(client_id), resource=resource, scope="[]",
        created_at=now, updated_at=now,
    )  # fmt: skip
    consent = None
    while consent is None:  # more than once only if the consent is withdrawn between the two statements
        await session.execute(nothing.on_conflict_do_nothing())
        consent = await session.scalar(_select(account_id, client_id, resource).with_for_update())
    consent.scope, consent.updated_at = json.dumps(sorted(consent.scopes | set(scope))), now


async def list_consents(
    session: AsyncSession, *, account_id: str | None, after: tuple[str, str, str] = ("", "", ""), limit: int
) -> Sequence[Consent]:
    """A page of consents ordered by key, starting after `after`; of one account, or of all (None)."""
    key = (Consent.account_id, Consent.client_id, Consent.resource)
    place = (after[0], key_of(after[1]), after[2])
    query = select(Consent).where(tuple_(*key) > tuple_(*map(literal, place))).order_by(*key).limit(limit)
    if account_id is not None:
        query = query.where(Consent.account_id == account_id)
    return (await session.scalars(query)).all()


@dataclass(frozen=True)
class Withdrawn:
    """Numbers of deleted consents, and of grants that ended or lost something."""

    consents: int
    grants: int


async def withdraw(session: AsyncSession, account_id: str, client_id: str, *, now: datetime) -> Withdrawn:
    """Delete an account's consents to a client, and end the client's grants for that account.

    The grants end even if there is no consent: a first-party client gets grants without one.
    """
    await lock(session, account_id=account_id, client_id=client_id)
    which = delete(Consent).where(Consent.account_id == account_id, Consent.client_id == client_id)
    count = len((await session.execute(which.returning(Consent.resource))).all())
    return Withdrawn(count, await grants.end_for_client(session, client_id, account_id=account_id, now=now))


async def forget(session: AsyncSession, client_id: str) -> None:
    """Delete everybody's consents to a client, so that all are asked again. Its grants go on."""
    await lock(session, client_id=client_id)
    await session.execute(delete(Consent).where(Consent.client_id == client_id))


async def lock(session: AsyncSession, **which: str) -> None:
    """Lock the consents with these values of columns until the transaction ends (store/__init__.py, "Locks")."""
    key = (Consent.account_id, Consent.client_id, Consent.resource)
    locked = select(Consent.resource).filter_by(**which).order_by(*key).with_for_update()
    await session.execute(select(func.count()).select_from(locked.subquery()))


def _select(account_id: str, client_id: str, resource: str) -> Select[Consent]:
    return select(Consent).where(
        Consent.account_id == account_id, Consent.client_id == client_id, Consent.resource == resource
    )
