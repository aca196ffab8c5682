"""Lifetimes of browser sessions."""

from dataclasses import dataclass
from datetime import timedelta

UNREMEMBERED_TTL = timedelta(days=1)  # of a session whose person chose not to be remembered; it never slides


@dataclass(frozen=True)
class Lifetimes:
    """Lifetimes of a remembered session.

    Attributes:
        ttl: lifetime from the start, and again from each extension.
        update_age: minimum time between two extensions.
        absolute_max_age: the session ends at this age, however often it is used.
    """

    ttl: timedelta
    update_age: timedelta
    absolute_max_age: timedelta
