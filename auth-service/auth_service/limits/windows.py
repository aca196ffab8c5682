"""Windows in which requests are counted, and one process's own count of them."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

CAPACITY = 10_000  # windows that one process counts by itself


@dataclass(frozen=True, slots=True)
class QuotaPolicy:
    """So many requests, within a window of whole seconds."""

    requests: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Window:
    """How many requests it has seen, and how long it goes on."""

    used: int
    seconds_left: float


class OwnWindows:
    """Windows in this process's memory. For one event loop: nothing in it awaits, so nothing in it needs a lock."""

    def __init__(self, *, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._clock = clock
        self._windows: dict[str, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._windows)

    def count(self, key: str, seconds: int) -> Window:
        now = self._clock()
        used, begun_at = self._windows.get(key, (0, -math.inf))
        if now - begun_at >= seconds:
            self._windows.pop(key, None)  # so that the new one goes to the end of the queue
            if len(self._windows) >= self._capacity:
                del self._windows[next(iter(self._windows))]  # the oldest, which is nearest to its end
            used, begun_at = 0, now
        self._windows[key] = used + 1, begun_at
        return Window(used + 1, seconds - (now - begun_at))  # at first it is the whole, and no fraction more
