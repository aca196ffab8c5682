"""How long a browser session lives."""

from dataclasses import dataclass
from datetime import timedelta

UNREMEMBERED_TTL = timedelta(days=1)  # of a session whose person chose not to be remembered; it never slides


@dataclass(frozen=True)
class Lifetimes:
    """Of a remembered session.

    Attributes:
        ttl: how long it lives from its start, and again from each time it slides.
        update_age: how old it must be, counted from its last slide, before it slides.
        absolute_max_age: it ends at this age, however often it was used.
    """

    ttl: timedelta
    update_age: timedelta
    absolute_max_age: timedelta
