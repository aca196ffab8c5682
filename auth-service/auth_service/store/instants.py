"""Instants: aware datetimes in UTC, with one column type for both databases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Dialect
from sqlalchemy.types import TypeDecorator

Clock = Callable[[], datetime]
CLOCK_SKEW = timedelta(seconds=60)  # that the clocks of two nodes may differ


def utc_now() -> datetime:
    return datetime.now(UTC)


def is_recent(instant: datetime, *, within: timedelta, now: datetime) -> bool:
    """Whether the instant is at most this long ago.

    An instant of the future has an unknown age: a clock has stepped back, or another node's clock is ahead. It counts
    as recent only within CLOCK_SKEW.
    """
    return -CLOCK_SKEW <= now - instant <= within


class Instant(TypeDecorator[datetime]):
    """An aware datetime. SQLite has no time zones, so there it is stored as UTC and read back as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        return _text_of if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _in_utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return value.astimezone(UTC)


def _text_of(value: datetime | None) -> str | None:
    """What SQLAlchemy stores in SQLite, in a fifth of its time. A sign-in stores or compares forty instants."""
    return None if value is None else _in_utc(value).replace(tzinfo=None).isoformat(" ", "microseconds")
