"""When status lists are fetched."""

from dataclasses import dataclass
from datetime import timedelta

from .jitter import jittered


@dataclass(frozen=True, slots=True)
class Polling:
    """When to fetch. Tests set shorter times."""

    interval: timedelta = timedelta(seconds=2)
    last_retry: timedelta = timedelta(seconds=10)
    unknown_list_cooldown: timedelta = timedelta(seconds=2)
    between_hints: timedelta = timedelta(milliseconds=100)
    cached_for: timedelta = timedelta(seconds=3)  # after a hint: how long a cache on the way may answer with less
    between_saves: timedelta = timedelta(seconds=1)
    connect_timeout: timedelta = timedelta(seconds=1)
    total_timeout: timedelta = timedelta(seconds=3)

    def pause(self, failures: int) -> float:
        """Seconds until the next poll, after so many failures in a row; jittered (jitter.py)."""
        longest = max(self.interval, self.last_retry).total_seconds()
        seconds = min(self.interval.total_seconds() * float(2 ** min(failures, 8)), longest)
        return jittered(seconds, 0.9, 1.1)
