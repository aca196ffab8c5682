"""The due date of a todo: a date, or a time in a zone (RFC 3339, RFC 9557).

    2027-01-31                                  any time of that day
    2027-01-31T09:00:00+01:00                   an instant
    2027-01-31T09:00:00+01:00[Europe/Berlin]    nine o'clock in Berlin
    2027-01-31T09:00:00[Europe/Berlin]          the same; the offset follows from the zone

It is one string, so that a merge patch replaces it as a whole. With several members, a patch could combine an old date
with a new zone.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

NEVER = datetime.max.replace(tzinfo=UTC)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?)([Zz]|[+-]\d\d:\d\d)?(?:\[([A-Za-z0-9_+/-]{1,64})\])?", re.ASCII
)


class Due(NamedTuple):
    text: str
    at: datetime


def parse(text: str) -> Due:
    """Return the text to store and the instant, or raise ValueError with a text for the client.

    For sorting and comparing, a date counts as the beginning of its day in UTC.
    """
    if _DATE.fullmatch(text):
        return Due(text, _exists(text).replace(tzinfo=UTC))
    matched = _TIME.fullmatch(text)
    if matched is None or not (matched[2] or matched[3]):
        raise ValueError("must be a date, or a date and time with time zone, as in RFC 9557")
    local, offset, zone = matched.groups()
    given = _exists(f"{local.upper()}{(offset or '').upper()}")
    try:
        shown = given if zone is None else _in_zone(given, zone, utc=(offset or "").upper() == "Z")
        at = shown.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a date and time that exists") from None
    if (shown.utcoffset() or timedelta()) % timedelta(minutes=1):  # local mean time, before standard time
        raise ValueError("must have an offset in whole minutes")
    return Due(_render(shown, zone), at)


class Day(NamedTuple):
    """A day in a zone: the date, as due dates without a time are stored, and the instants between which it lasts."""

    date: datetime
    begin: datetime
    end: datetime


def parse_date(text: str) -> str:
    """The text, if it is a date without a time. Raises ValueError."""
    if not _DATE.fullmatch(text):
        raise ValueError("must be a date, such as 2027-01-31")
    _exists(text)
    return text


def parse_zone(name: str) -> str:
    """The name, if it is a zone's. Raises ValueError."""
    if name not in _zones():
        raise ValueError("must name a time zone of the IANA database")
    return name


def day_in(date: str, zone: str) -> Day:
    """The day in the zone: 23, 24 or 25 hours, or none where the zone skipped the date.

    A midnight that the clocks skip counts with the offset before it, which is the instant at which the day begins. Of a
    midnight that comes twice, the first one counts. Instants outside of all time are moved to its ends.
    """
    at = _exists(date)
    end = NEVER if at.date() == NEVER.date() else _midnight(at + timedelta(days=1), zone)
    return Day(at.replace(tzinfo=UTC), _midnight(at, zone), end)


def _midnight(at: datetime, zone: str) -> datetime:
    try:
        return at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except OverflowError:
        return NEVER if at.year > 1 else datetime.min.replace(tzinfo=UTC)


def _exists(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a date and time that exists") from None


def _in_zone(given: datetime, name: str, *, utc: bool) -> datetime:
    """The time in the zone. `Z` may stand for any offset (RFC 9557 §2.2); other offsets must be the zone's own."""
    zone = ZoneInfo(parse_zone(name))
    if given.tzinfo is None:
        # RFC 5545 §3.3.5: a time in the hour that is skipped in spring is an hour later; in the hour that comes twice
        # in autumn, the first one is meant.
        return given.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    shown = given.astimezone(zone)
    if not utc and shown.utcoffset() != given.utcoffset():
        raise ValueError("must have the offset that the zone has at that time")
    return shown


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _render(shown: datetime, zone: str | None) -> str:
    text = shown.isoformat()
    if zone is not None:
        return f"{text}[{zone}]"
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
