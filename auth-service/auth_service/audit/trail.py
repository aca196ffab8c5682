"""Events for a security review, in a table of their own."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import BigInteger, Index, Integer, String, Text, bindparam, case, func, literal, null, select
from sqlalchemy.event import listens_for
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, Session, mapped_column

from ..keys.rotation import Rotation
from ..store.client_ids import ClientKey, client_url, key_of, url_of
from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Row
from ..store.together import Asked, PerDatabase, send
from ..telemetry.logs import audit

MAX_PER_HOUR = 100  # events of one kind, account and client that have a row each
Fact = str | int | None
_COMMITTED = "audit events to log when the transaction is committed"
P = ParamSpec("P")
T = TypeVar("T")


class AuditEvent(Row):
    """One event, or the count of many of one kind, account, client and hour (then `counted_as` is set)."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_account_id", "account_id", "occurred_at"),
        Index("ix_audit_events_client_id", "client_id", "occurred_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    occurred_at: Mapped[datetime] = mapped_column(Instant, index=True)
    last_at: Mapped[datetime] = mapped_column(Instant)  # of the last one that was counted
    event: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[str | None] = mapped_column(String(32))  # no foreign key: the event outlives the account
    client_id: Mapped[str | None] = mapped_column(ClientKey)
    client_url: Mapped[str | None] = client_url()
    facts: Mapped[str] = mapped_column(Text)  # JSON: further ids
    count: Mapped[int] = mapped_column(Integer)
    counted_as: Mapped[str | None] = mapped_column(String(200), unique=True)


async def record(
    session: AsyncSession,
    event: str,
    *,
    now: datetime,
    account_id: str | None = None,
    client_id: str | None = None,
    most: int = MAX_PER_HOUR,
    **facts: Fact,
) -> None:
    """Write an event in the transaction that it is about, as one of its last statements. The commit logs it.

    Args:
        most: the number of such events in an hour that have a row each; others are only counted. 0: all are counted.
        facts: further ids. They are not stored for an event that is only counted.
    """
    told = {"account_id": account_id, "client_id": client_id, **facts}
    session.info.setdefault(_COMMITTED, []).append((event, told))
    await session.flush()
    kept = keeping(event, now=now, account_id=account_id, client_id=client_id, facts=facts, most=most)
    await send(session, {"event": kept})


async def record_alone(
    database: Database, event: str, *, now: datetime, account_id: str | None, most: int = MAX_PER_HOUR
) -> None:
    """Write an event in a transaction of its own, and log it. `most`: as for `record`."""
    kept = keeping(event, now=now, account_id=account_id, client_id=None, facts={}, most=most)
    await database.transact_together({"event": kept}, lambda _: None)
    tell(event, {"account_id": account_id})


async def record_each(session: AsyncSession, event: str, account_ids: Sequence[str], *, now: datetime) -> None:
    """Write one event for each account, in the transaction that it is about. The commit logs their number only."""
    session.add_all(
        AuditEvent(occurred_at=now, last_at=now, event=event, account_id=each, facts="{}", count=1)
        for each in account_ids
    )
    session.info.setdefault(_COMMITTED, []).append((event, {"accounts": len(account_ids)}))


def keeping(
    event: str,
    *,
    now: datetime,
    account_id: str | None,
    client_id: str | None,
    facts: Mapping[str, Fact],
    most: int = MAX_PER_HOUR,
) -> Asked:
    """The statement of `record`, the last of those that are sent together. `tell` logs the event after the commit."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    row = {
        "occurred_at": now, "last_at": now, "event": event, "account_id": account_id, "client_id": client_id,
        "client_url": url_of(client_id), "facts": json.dumps(dict(facts)),
        "counted_as": f"{event}|{account_id or ''}|{key_of(client_id or '')}|{hour:%Y%m%d%H}",
    }  # fmt: skip
    return Asked(_KEEP, {**row, "hour": hour, "most": most})


def tell(event: str, told: Mapping[str, Fact]) -> None:
    """Log an event that was committed."""
    audit(event, **{name: value for name, value in told.items() if value is not None})


def recorded(
    work: Callable[Concatenate[AsyncSession, P], Awaitable[T]],
    event: str,
    *,
    at: datetime,
    if_: Callable[[T], object] = lambda _: True,
    account_id: str | None = None,
    client_id: str | None = None,
    facts: Callable[[T], Mapping[str, Fact]] = lambda _: {},
) -> Callable[Concatenate[AsyncSession, P], Awaitable[T]]:
    """`work`, a transaction, that also records an event, if its result passes `if_`. `facts` come from the result."""

    @wraps(work)
    async def run(session: AsyncSession, /, *args: P.args, **named: P.kwargs) -> T:
        result = await work(session, *args, **named)
        if if_(result):
            told: Any = {"account_id": account_id, "client_id": client_id, **facts(result)}
            await record(session, event, now=at, **told)
        return result

    return run


@listens_for(Session, "after_commit")
def _log(session: Session) -> None:
    for event, told in session.info.pop(_COMMITTED, []):
        tell(event, told)


async def record_rotation(session: AsyncSession, event: str, rotation: Rotation, *, now: datetime) -> None:
    """Record the rotation or the withdrawal of a key."""
    await record(session, event, now=now, replaced=rotation.replaced, active=rotation.active, next=rotation.next)


def _keeping(insert: Any) -> Any:
    """One statement decides: the event gets a row of its own, or is counted in the one row of its hour."""
    table: Any = AuditEvent.__table__
    own = ("occurred_at", "last_at", "event", "account_id", "client_id", "client_url")
    given = {name: bindparam(name, type_=table.c[name].type) for name in (*own, "facts", "counted_as")}
    same = [table.c[name].is_not_distinct_from(given[name]) for name in ("account_id", "client_id")]
    same += [table.c.event == given["event"], table.c.occurred_at >= bindparam("hour")]
    most = bindparam("most", type_=Integer)
    listed = select(table.c.id).where(*same).limit(most).subquery()
    known = select(func.count().label("rows")).select_from(listed).subquery()
    is_full = known.c.rows >= most
    made = {
        **{name: given[name] for name in own},
        "facts": case((is_full, "{}"), else_=given["facts"]),
        "count": literal(1),
        "counted_as": case((is_full, given["counted_as"]), else_=null()),
    }
    inserted = insert(table).from_select([*made], select(*made.values()).where(known.c.rows >= 0))  # SQLite: a WHERE
    counted = {"count": table.c.count + 1, "last_at": inserted.excluded.last_at}
    return inserted.on_conflict_do_update(index_elements=[table.c.counted_as], set_=counted).returning(table.c.id)


_KEEP = PerDatabase(_keeping)


async def has_happened(session: AsyncSession, event: str, *, account_id: str, client_id: str, since: datetime) -> bool:
    """Whether the trail has such an event of this account and client at `since` or later."""
    known = select(AuditEvent.id).where(
        AuditEvent.event == event,
        AuditEvent.account_id == account_id,
        AuditEvent.client_id == client_id,
        AuditEvent.occurred_at >= since,
    )
    return await session.scalar(known.limit(1)) is not None
