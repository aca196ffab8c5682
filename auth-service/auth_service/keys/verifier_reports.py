"""Verifiers: what the resource servers' processes say that they hold, as evidence for a rotation (ROTATION.md).

A verifier is a client that is a protected resource; each of its instances reports every half minute, at once when its
key set has changed, and within seconds when a status list has. Who is silent for a day is forgotten: without fresh keys
for so long it answers 503 anyway. A process that was taken away without a good-bye puts no rotation off for longer than
an hour (key_schedule.py).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, Text, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..store.instants import Instant
from ..store.rows import Expiry, Row, insert_into

REPORT_TTL = timedelta(days=1)
SILENT_AFTER = timedelta(seconds=90)  # three reports that did not come
MAX_INSTANCES = 100  # of one client
MAX_KIDS = 64
MAX_STATUS_LISTS = 64
_INSTANCE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KID = re.compile(r"[A-Za-z0-9_-]{1,128}")
# No URI has a bar in it (RFC 3986 §2), so that it can separate one from the list's version and `iat`.
_LIST = re.compile(r"(https?://[\x21-\x7b\x7d\x7e]{1,500})(?:\|([0-9]{1,9})\|([0-9]{1,11}))?")


class InvalidReport(Exception):
    """What is wrong with a report; ASCII."""


@dataclass(frozen=True)
class HeldList:
    """A status list as it is held: how many are revoked in it, the `iat` of its signature; since when by our clock."""

    uri: str
    version: int | None = None
    iat: int | None = None
    since: str | None = None

    def following(self, before: Sequence["HeldList"], *, now: datetime) -> "HeldList":
        """As it is to be remembered: since when at least this version has been reported."""
        known = (each for each in before if each.uri == self.uri and each.version == self.version)
        return replace(self, since=next((each.since for each in known), None) or now.isoformat(timespec="milliseconds"))


class VerifierReport(Row):
    __tablename__ = "verifier_reports"
    __expiry__ = Expiry()

    key: Mapped[str] = mapped_column(String(160), primary_key=True)  # client and instance
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    instance: Mapped[str] = mapped_column(String(64))
    kids: Mapped[str] = mapped_column(Text)  # JSON, as the next
    status_lists: Mapped[str] = mapped_column(Text)
    held_since: Mapped[datetime] = mapped_column(Instant)  # when these kids were reported first
    reported_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)

    def holds(self, kid: str) -> bool:
        return kid in json.loads(self.kids)

    def is_silent(self, *, now: datetime) -> bool:
        """Ended without a good-bye, or cut off from us: from here the two look alike."""
        return now - self.reported_at > SILENT_AFTER

    @property
    def lists(self) -> Sequence[HeldList]:
        """Those that were stored before versions were reported are words."""
        stored = json.loads(self.status_lists)
        return [HeldList(each) if isinstance(each, str) else HeldList(**each) for each in stored]

    @property
    def name(self) -> str:
        return f"{self.client_id}/{self.instance}"


@dataclass(frozen=True)
class Report:
    """What one process holds, in order."""

    instance: str
    kids: tuple[str, ...]
    status_lists: tuple[HeldList, ...]


def parse_report(instance: str, kids: str, status_lists: str) -> Report:
    """Check what was sent, words separated by spaces; a list is `URI` or `URI|version|iat`. Raises InvalidReport."""
    if not _INSTANCE.fullmatch(instance):
        raise InvalidReport("instance: 1 to 64 letters, digits, dots, dashes or underscores.")
    words = sorted(set(kids.split()))
    if len(words) > MAX_KIDS or not all(map(_KID.fullmatch, words)):
        raise InvalidReport(f"kids: at most {MAX_KIDS}, each of 1 to 128 letters of base64url.")
    return Report(instance, tuple(words), tuple(_parse_lists(status_lists.split())))


def _parse_lists(words: Sequence[str]) -> Sequence[HeldList]:
    lists = {held.uri: held for held in map(_parse_list, words)}
    if len(lists) != len(words) or len(words) > MAX_STATUS_LISTS:
        raise InvalidReport(f"status_lists: at most {MAX_STATUS_LISTS}, each once.")
    return [lists[uri] for uri in sorted(lists)]


def _parse_list(word: str) -> HeldList:
    found = _LIST.fullmatch(word)
    if found is None:
        raise InvalidReport("status_lists: each as URI or URI|version|iat.")
    uri, version, iat = found.groups()
    return HeldList(uri, None if version is None else int(version), None if iat is None else int(iat))


async def store_report(session: AsyncSession, client_id: str, report: Report, *, now: datetime) -> None:
    """Put it in the place of the instance's last one; who holds nothing any more says good-bye, and is forgotten.

    Raises:
        InvalidReport: the client has too many instances.
    """
    key = f"{client_id}/{report.instance}"
    if not report.kids:
        await session.execute(delete(VerifierReport).where(VerifierReport.key == key))
        return
    others = (VerifierReport.client_id == client_id, VerifierReport.instance != report.instance)
    live = select(func.count()).select_from(VerifierReport).where(*others, VerifierReport.expires_at > now)
    if (await session.scalar(live) or 0) >= MAX_INSTANCES:
        raise InvalidReport(f"instance: the client has {MAX_INSTANCES} already.")
    insert = insert_into(session, VerifierReport)
    known = await session.scalar(select(VerifierReport).where(VerifierReport.key == key))
    before = [] if known is None else known.lists
    lists = [asdict(each.following(before, now=now)) for each in report.status_lists]
    held = {"kids": json.dumps(report.kids), "status_lists": json.dumps(lists)}
    timed = {"reported_at": now, "expires_at": now + REPORT_TTL}
    held_since = known.held_since if known is not None and known.kids == held["kids"] else now
    await session.execute(
        insert.values(
            key=key, client_id=client_id, instance=report.instance, held_since=held_since, **held, **timed
        ).on_conflict_do_update(index_elements=[VerifierReport.key], set_={"held_since": held_since, **held, **timed})
    )


async def list_reports(session: AsyncSession, *, now: datetime) -> Sequence[VerifierReport]:
    """The last report of every instance that is not forgotten."""
    live = select(VerifierReport).where(VerifierReport.expires_at > now).order_by(VerifierReport.key)
    return (await session.scalars(live.execution_options(populate_existing=True))).all()


async def find_lacking(session: AsyncSession, kid: str, *, now: datetime) -> list[str]:
    """The names of the instances that do not hold a key, as far as they have told."""
    return [report.name for report in await list_reports(session, now=now) if not report.holds(kid)]
