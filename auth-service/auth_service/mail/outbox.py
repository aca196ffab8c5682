"""The outbox of mails: one row for each mail that is to be sent, or that could not be sent.

    waiting    `next_at` is when it is due
    claimed    one worker is sending it, until `claimed_until`
    failed     `failed_at`: refused for good, given up, or handed over twice without an answer

Every change after a claim names it, so a worker whose claim has run out changes nothing. A mail that was accepted has
no row any more: nothing here tells who got which mail.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, String, Text, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..store import identifiers
from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Expiry, Row
from ..store.together import Asked
from .kinds import Kind, send_within

MAX_ERROR = 200  # characters of an error that are stored
MAX_HANDED_OVER = 2  # times that a mail is handed to a server whose answer is then lost
FAILED_KEPT = timedelta(days=7)
MAX_ROWS = 100_000
FIRST_RETRY, LAST_RETRY = timedelta(seconds=10), timedelta(hours=1)


class OutgoingMail(Row):
    __tablename__ = "outgoing_mails"
    # Anonymous requests fill it while no worker runs; theirs expire before all others.
    __expiry__ = Expiry(MAX_ROWS)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    recipient: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(8))
    facts: Mapped[str] = mapped_column(Text)  # JSON: what the letter needs to know
    created_at: Mapped[datetime] = mapped_column(Instant)
    send_before: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(Integer)
    handed_over: Mapped[int] = mapped_column(Integer)  # attempts of which nobody knows whether the server has the mail
    next_at: Mapped[datetime] = mapped_column(Instant, index=True)
    claimed_until: Mapped[datetime | None] = mapped_column(Instant)
    failed_at: Mapped[datetime | None] = mapped_column(Instant)
    last_error: Mapped[str | None] = mapped_column(String(MAX_ERROR))
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)

    @property
    def told(self) -> Mapping[str, str]:
        facts: dict[str, str] = json.loads(self.facts)
        return facts


@dataclass(frozen=True)
class Outbox:
    """Where mails are posted. If none is sent here, `is_on` is false and nothing is stored."""

    is_on: bool

    def post(
        self, session: AsyncSession, kind: Kind, recipient: str, *, language: str, now: datetime, **facts: str
    ) -> str | None:
        """Store a mail in the caller's transaction. Returns its id, or None if no mail is sent here.

        Args:
            recipient: an address as parse_email returns it.
            now: from when it is due. A later time is possible.
        """
        if not self.is_on:
            return None
        row = _row(kind, recipient, language, facts, now)
        session.add(OutgoingMail(**row))
        return str(row["id"])


def posting(kind: Kind, recipient: str, *, language: str, now: datetime, **facts: str) -> Asked:
    """The statement of `Outbox.post`, to be sent together with others. The caller has checked that mail `is_on`."""
    return Asked(_POST, _row(kind, recipient, language, facts, now))


def _row(kind: Kind, recipient: str, language: str, facts: Mapping[str, str], now: datetime) -> dict[str, object]:
    send_before = now + send_within(kind)
    return {
        "id": identifiers.draw(),
        "kind": kind.value,
        "recipient": recipient,
        "language": language,
        "facts": json.dumps(facts),
        "created_at": now,
        "send_before": send_before,
        "attempts": 0,
        "handed_over": 0,
        "next_at": now,
        "claimed_until": None,
        "failed_at": None,
        "last_error": None,
        "expires_at": send_before + FAILED_KEPT,
    }


_TABLE: Any = OutgoingMail.__table__
_POST = insert(_TABLE).values({column: bindparam(column.key) for column in _TABLE.c}).returning(_TABLE.c.id)


async def claim(database: Database, *, lasting: timedelta, now: datetime) -> OutgoingMail | None:
    """Claim the mail that is longest overdue, and count the attempt. None: nothing is due, or others have claimed it.

    One conditional UPDATE decides, so of several workers exactly one sends a mail.
    """
    is_free = or_(OutgoingMail.claimed_until.is_(None), OutgoingMail.claimed_until <= now)
    is_due = (OutgoingMail.failed_at.is_(None), OutgoingMail.next_at <= now, is_free)
    oldest = select(OutgoingMail.id).where(*is_due).order_by(OutgoingMail.next_at).limit(1)
    claimed = (
        update(OutgoingMail)
        .where(OutgoingMail.id == oldest.with_for_update(skip_locked=True).scalar_subquery(), *is_due)
        .values(claimed_until=now + lasting, attempts=OutgoingMail.attempts + 1)
        .returning(OutgoingMail)
    )
    async with database.writing() as session:
        return await session.scalar(claimed, execution_options={"synchronize_session": False})


async def hand_over(database: Database, mail: OutgoingMail) -> bool:
    """Note that the server is about to get the text. False: the claim has run out, so it must not get it."""
    changes = {"handed_over": OutgoingMail.handed_over + 1}
    return await _change(database, mail, changes)


async def finish(database: Database, mail: OutgoingMail) -> None:
    """Delete the row: the server has accepted the mail, or there is nobody to send it to."""
    async with database.writing() as session:
        await session.execute(delete(OutgoingMail).where(*_claimed_as(mail)))


async def postpone(database: Database, mail: OutgoingMail, reason: str, *, is_sure: bool, now: datetime) -> None:
    """Try again later.

    Args:
        is_sure: the server does not have the mail. Otherwise nobody knows, and the attempt stays counted.
    """
    pause = min(FIRST_RETRY * 2 ** min(mail.attempts - 1, 20), LAST_RETRY)
    changes: dict[str, object] = {"next_at": now + pause, "claimed_until": None, "last_error": reason[:MAX_ERROR]}
    await _change(database, mail, changes | ({"handed_over": mail.handed_over} if is_sure else {}))


async def fail(database: Database, mail: OutgoingMail, reason: str, *, now: datetime) -> None:
    """Give the mail up. The row stays for the operator, who may have it sent again."""
    kept: dict[str, object] = {"failed_at": now, "expires_at": now + FAILED_KEPT}
    await _change(database, mail, {**kept, "claimed_until": None, "last_error": reason[:MAX_ERROR]})


async def _change(database: Database, mail: OutgoingMail, changes: Mapping[str, object]) -> bool:
    changed = update(OutgoingMail).where(*_claimed_as(mail)).values(**changes).returning(OutgoingMail.id)
    async with database.writing() as session:
        return (await session.scalar(changed, execution_options={"synchronize_session": False})) is not None


def _claimed_as(mail: OutgoingMail) -> tuple[ColumnElement[bool], ...]:
    return OutgoingMail.id == mail.id, OutgoingMail.claimed_until == mail.claimed_until


async def count_mails(database: Database) -> tuple[int, int, datetime | None]:
    """Number of mails that wait, number of those that failed, and when the oldest waiting one was posted."""
    is_waiting = OutgoingMail.failed_at.is_(None)
    async with database.reading() as session:
        waiting = select(func.count(), func.min(OutgoingMail.created_at)).where(is_waiting)
        count, oldest = (await session.execute(waiting)).one()
        failed = await session.scalar(select(func.count()).select_from(OutgoingMail).where(~is_waiting))
    return count, failed or 0, oldest


async def list_mails(session: AsyncSession, *, failed_only: bool, after: str, limit: int) -> Sequence[OutgoingMail]:
    """A page of mails that are not sent, ordered by id; with `failed_only`, those that were given up."""
    query = select(OutgoingMail).where(OutgoingMail.id > after).order_by(OutgoingMail.id).limit(limit)
    return (await session.scalars(query.where(OutgoingMail.failed_at.is_not(None)) if failed_only else query)).all()


async def resend(session: AsyncSession, mail_id: str | None, *, now: datetime) -> Sequence[str]:
    """Send failed mails again, one or all (None), unless they are out of time. Returns their ids."""
    again = update(OutgoingMail).where(OutgoingMail.failed_at.is_not(None), OutgoingMail.send_before > now)
    if mail_id is not None:
        again = again.where(OutgoingMail.id == mail_id)
    afresh = {"failed_at": None, "claimed_until": None, "attempts": 0, "handed_over": 0, "next_at": now}
    quietly = {"synchronize_session": False}
    return (await session.scalars(again.values(**afresh).returning(OutgoingMail.id), execution_options=quietly)).all()
