"""Times on pages. A page without a script does not know the person's time zone, so hours are in UTC."""

from datetime import datetime

LONG_AGO = 14  # days; from then on a date is shown


def moment(then: datetime) -> str:
    """As in "3 March 2026, 09:05 UTC"."""
    return f"{_date(then)}, {then:%H:%M} UTC"


def day(then: datetime, now: datetime) -> str:
    """As in "today", "5 days ago" or "on 3 March 2026"."""
    days = (now.date() - then.date()).days
    if days <= 0:
        return "today"
    if days == 1:
        return "yesterday"
    return f"{days} days ago" if days < LONG_AGO else f"on {_date(then)}"


def _date(then: datetime) -> str:
    return f"{then.day} {then:%B %Y}"
