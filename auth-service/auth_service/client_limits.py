"""How many requests a client may send to an endpoint, and what it is told (draft-ietf-httpapi-ratelimit-headers-11).

A window begins with a client's first request and ends for good: so what is left until then is a fact, for one process
and for all that count together, and the header fields can say it. A window that slides, or a bucket that leaks, has
more to give with every second, and no pair of figures is true of it. The price is that a quota may be spent late in
one window and again early in the next. No database is asked, and what is lost with a process is what it had counted.
"""

import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from .redis_address import parse_redis_url

if TYPE_CHECKING:  # it imports Redis' client, which takes many megabytes: only a service that uses one pays for it
    from .shared_windows import SharedWindows

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


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a client stands with its request counted."""

    is_exceeded: bool
    header_fields: dict[str, str]


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


UNLIMITED = Standing(is_exceeded=False, header_fields={})


class ClientLimits:
    """One policy for every client and endpoint, counted together with other processes where they share a Redis."""

    def __init__(self, policy: QuotaPolicy | None, shared: "SharedWindows | None") -> None:
        self._requests = None if policy is None else policy.requests
        self._seconds = 0 if policy is None else int(policy.window.total_seconds())
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

    async def spend(self, endpoint: str, client_id: str) -> Standing:
        """Count a request (§3, §4). Redis decides; while it does not answer, each process by itself, from nothing."""
        if self._requests is None:
            return UNLIMITED
        key, window = f"{endpoint}:{client_id}", None
        if self._shared is not None:
            window = await self._shared.count(key, self._seconds)
        window = window or self._own.count(key, self._seconds)
        left = self._requests - window.used
        seconds = math.ceil(window.seconds_left) or 1  # rounded up: whoever waits so long finds a new window
        fields = {
            "RateLimit-Policy": f'"{endpoint}";q={self._requests};w={self._seconds}',
            "RateLimit": f'"{endpoint}";r={max(0, left)};t={seconds}',
        }
        if left < 0:
            fields["Retry-After"] = str(seconds)
        return Standing(is_exceeded=left < 0, header_fields=fields)


def open_client_limits(
    policy: QuotaPolicy | None, redis_url: SecretStr | None, ca_file: Path | None, timeout: timedelta
) -> ClientLimits:
    if policy is None or redis_url is None:
        return ClientLimits(policy, None)
    from .shared_windows import SharedWindows  # see above

    address = parse_redis_url(redis_url.get_secret_value())
    return ClientLimits(policy, SharedWindows(address, prefix="auth", timeout=timeout, ca_file=ca_file))
