"""How many requests a subject may send, and what it is told of that (draft-ietf-httpapi-ratelimit-headers-11).

A window begins with a subject's first request and ends for good: so what is left until then is a fact, for one process
and for all that count together, and the header fields can say it. A window that slides, or a bucket that leaks, has
more to give with every second, and no pair of figures is true of it. The price is that a quota may be spent late in
one window and again early in the next. Refused requests count, too; they change nothing.
"""

import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it imports Redis' client, which takes many megabytes: only a service that uses one pays for it
    from .shared_windows import SharedWindows

CAPACITY = 10_000  # subjects that one process counts by itself


@dataclass(frozen=True, slots=True)
class QuotaPolicy:
    """So many requests, within a window of whole seconds."""

    requests: int
    window: timedelta

    @property
    def seconds(self) -> int:
        return int(self.window.total_seconds())


@dataclass(frozen=True, slots=True)
class Window:
    """How many requests it has seen, and how long it goes on."""

    used: int
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a subject stands with its request counted."""

    policy: QuotaPolicy
    window: Window

    @property
    def is_exceeded(self) -> bool:
        return self.window.used > self.policy.requests

    @property
    def seconds_left(self) -> int:
        """Rounded up: whoever waits so long finds a new window (§4.1.2)."""
        return math.ceil(self.window.seconds_left) or 1

    def header_fields(self) -> Mapping[str, str]:
        """RateLimit-Policy (§3) and RateLimit (§4)."""
        left = max(0, self.policy.requests - self.window.used)
        return {
            "RateLimit-Policy": f'"subject";q={self.policy.requests};w={self.policy.seconds}',
            "RateLimit": f'"subject";r={left};t={self.seconds_left}',
        }


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


class RateLimit:
    """One policy for every subject, counted together with other processes where they share a Redis."""

    def __init__(self, policy: QuotaPolicy, shared: "SharedWindows | None") -> None:
        self._policy = policy
        self._shared = shared
        self._own = OwnWindows()

    @property
    def has_lost_redis(self) -> bool:
        return self._shared is not None and self._shared.is_lost

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        if self._shared is None:
            yield
            return
        async with self._shared.running():
            yield

    async def spend(self, subject: str) -> Standing:
        """Count a request. Redis decides; while it does not answer, each process by itself, from nothing."""
        window = None
        if self._shared is not None:
            window = await self._shared.count(subject, self._policy.seconds)
        if window is None:
            window = self._own.count(subject, self._policy.seconds)
        return Standing(self._policy, window)
