"""Fixed windows in which requests are counted, and the counts of one process."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

CAPACITY = 10_000  # windows in the memory of one process


@dataclass(frozen=True, slots=True)
class QuotaPolicy:
    """A number of requests per window; the window is in whole seconds."""

    requests: int
    window: timedelta

    @property
    def seconds(self) -> int:
        return int(self.window.total_seconds())


@dataclass(frozen=True, slots=True)
class Window:
    """The cost counted so far (a usual request costs 1), and the seconds until the window ends."""

    used: int
    seconds_left: float


class OwnWindows:
    """Windows in this process's memory. For one event loop: nothing awaits, so no lock is needed."""

    def __init__(self, *, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._clock = clock
        self._windows: dict[str, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._windows)

    def count(self, key: str, seconds: int, cost: int = 1) -> Window:
        now = self._clock()
        used, begun_at = self._windows.get(key, (0, -math.inf))
        if now - begun_at >= seconds:
            self._windows.pop(key, None)  # the new window goes to the end of the dict
            if len(self._windows) >= self._capacity:
                del self._windows[next(iter(self._windows))]  # the oldest window
            used, begun_at = 0, now
        self._windows[key] = used + cost, begun_at
        return Window(used + cost, seconds - (now - begun_at))  # never more than `seconds`, despite rounding
