"""Verifier reports: the keys and status lists that each resource server process holds, as evidence for a rotation.

A verifier is a client with a `protected_resource` (ROTATION.md). Each of its instances reports every 30 s, at once when
its key set has changed, and within seconds when a status list has. A report is deleted after a day of silence: without
fresh keys for so long the verifier answers 503 anyway. A process that ended without sign-off delays a rotation by at
most an hour (worker/schedule.py).
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
SILENT_AFTER = timedelta(seconds=90)  # three missing reports
MAX_INSTANCES = 100  # per client
MAX_KIDS = 64
MAX_STATUS_LISTS = 64
_INSTANCE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KID = re.compile(r"[A-Za-z0-9_-]{1,128}")
# A URI has no `|` (RFC 3986 §2), so it can separate the URI from the list's version and `iat`.
_LIST = re.compile(r"(https?://[\x21-\x7b\x7d\x7e]{1,500})(?:\|([0-9]{1,9})\|([0-9]{1,11}))?")


class InvalidReport(Exception):
    """The reason why a report is not valid, in ASCII: it is sent to the client."""


@dataclass(frozen=True)
class HeldList:
    """A status list that a verifier holds.

    `version` is the number of its changes until it was signed, `iat` the time of its signature, `since` the time by our
    clock when this version was first reported.
    """

    uri: str
    version: int | None = None
    iat: int | None = None
    since: str | None = None

    def following(self, before: Sequence["HeldList"], *, now: datetime) -> "HeldList":
        """The same list with `since`: taken from the previous report if it has this version, otherwise now."""
        known = (each for each in before if each.uri == self.uri and each.version == self.version)
        return replace(self, since=next((each.since for each in known), None) or now.isoformat(timespec="milliseconds"))


class VerifierReport(Row):
    __tablename__ = "verifier_reports"
    __expiry__ = Expiry()

    key: Mapped[str] = mapped_column(String(160), primary_key=True)  # client_id/instance
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    instance: Mapped[str] = mapped_column(String(64))
    kids: Mapped[str] = mapped_column(Text)  # JSON, like `status_lists`
    status_lists: Mapped[str] = mapped_column(Text)
    held_since: Mapped[datetime] = mapped_column(Instant)  # when these kids were first reported
    reported_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)

    def holds(self, kid: str) -> bool:
        return kid in json.loads(self.kids)

    def is_silent(self, *, now: datetime) -> bool:
        """Whether the process stopped reporting: it ended without sign-off, or cannot reach this service."""
        return now - self.reported_at > SILENT_AFTER

    @property
    def lists(self) -> Sequence[HeldList]:
        """The reported lists. Rows from before versions were reported hold plain URIs."""
        stored = json.loads(self.status_lists)
        return [HeldList(each) if isinstance(each, str) else HeldList(**each) for each in stored]

    @property
    def name(self) -> str:
        return f"{self.client_id}/{self.instance}"


@dataclass(frozen=True)
class Report:
    """The keys and status lists that one process holds, sorted."""

    instance: str
    kids: tuple[str, ...]
    status_lists: tuple[HeldList, ...]


def parse_report(instance: str, kids: str, status_lists: str) -> Report:
    """Check a report. Items are separated by spaces; a list is `URI` or `URI|version|iat`. Raises InvalidReport."""
    if not _INSTANCE.fullmatch(instance):
        raise InvalidReport("instance: 1 to 64 letters, digits, dots, dashes or underscores.")
    words = sorted(set(kids.split()))
    if len(words) > MAX_KIDS or not all(map(_KID.fullmatch, words)):
        raise InvalidReport(f"kids: at most {MAX_KIDS}, each of 1 to 128 base64url characters.")
    return Report(instance, tuple(words), tuple(_parse_lists(status_lists.split())))


def _parse_lists(words: Sequence[str]) -> Sequence[HeldList]:
    lists = {held.uri: held for held in map(_parse_list, words)}
    if len(lists) != len(words) or len(words) > MAX_STATUS_LISTS:
        raise InvalidReport(f"status_lists: at most {MAX_STATUS_LISTS}, each once.")
    return [lists[uri] for uri in sorted(lists)]


def _parse_list(word: str) -> HeldList:
    found = _LIST.fullmatch(word)
    if found is None:
        raise InvalidReport("status_lists: each must be URI or URI|version|iat.")
    uri, version, iat = found.groups()
    return HeldList(uri, None if version is None else int(version), None if iat is None else int(iat))


async def store_report(session: AsyncSession, client_id: str, report: Report, *, now: datetime) -> None:
    """Replace the instance's previous report. A report without keys is a sign-off: it deletes the previous one.

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
        raise InvalidReport(f"instance: the client already has {MAX_INSTANCES}.")
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
    """The last report of every instance, unless expired."""
    live = select(VerifierReport).where(VerifierReport.expires_at > now).order_by(VerifierReport.key)
    return (await session.scalars(live.execution_options(populate_existing=True))).all()
