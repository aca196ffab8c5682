"""Times on pages. A page without a script does not know the person's time zone, so hours are in UTC."""

from datetime import datetime

from ...mail.languages.sentences import Sentence

LONG_AGO = 14  # days; from then on a date is shown


def moment(then: datetime) -> Sentence:
    """As in "3 March 2026, 09:05 UTC"."""
    return Sentence("{day}, {time} UTC", day=then.date(), time=f"{then:%H:%M}")


def day(then: datetime, now: datetime) -> Sentence:
    """As in "today", "5 days ago" or "on 3 March 2026"."""
    days = (now.date() - then.date()).days
    if days <= 0:
        return Sentence("today")
    if days == 1:
        return Sentence("yesterday")
    if days < LONG_AGO:
        return Sentence("1 day ago", "{number} days ago", number=days)
    return Sentence("on {day}", day=then.date())
