"""How many requests a subject may send, and what it is told of that (draft-ietf-httpapi-ratelimit-headers-11).

A window begins with a subject's first request and ends for good: so what is left until then is a fact, for one process
and for all that count together, and the header fields can say it. A window that slides, or a bucket that leaks, has
more to give with every second, and no pair of figures is true of it. The price is that a quota may be spent late in
one window and again early in the next. Refused requests count, too; they change nothing.
"""

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .windows import OwnWindows, QuotaPolicy, Window

if TYPE_CHECKING:  # it imports Redis' client, which takes many megabytes: only a service that uses one pays for it
    from .shared_windows import SharedWindows


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
