"""The rate limit per subject, and its RateLimit header fields (draft-ietf-httpapi-ratelimit-headers-11).

A window begins with a subject's first request and has a fixed length. The header fields say how many requests are left
in it and when it ends; that is exact, also when several processes count together. A sliding window or a leaky bucket
regains requests every second, so these two numbers could not describe it. The price of fixed windows: a subject may
spend its quota at the end of one window and again at the beginning of the next. Refused requests count, too, but
change nothing.
"""

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .windows import OwnWindows, QuotaPolicy, Window

if TYPE_CHECKING:  # shared_windows imports Redis' client, which takes many megabytes; without Redis it is not loaded
    from .shared_windows import SharedWindows


@dataclass(frozen=True, slots=True)
class Standing:
    """A subject's window, with the present request counted."""

    policy: QuotaPolicy
    window: Window

    @property
    def is_exceeded(self) -> bool:
        return self.window.used > self.policy.requests

    @property
    def seconds_left(self) -> int:
        """Seconds until the window ends, rounded up: after this wait a new window begins (§4.1.2)."""
        return math.ceil(self.window.seconds_left) or 1

    def header_fields(self) -> Mapping[str, str]:
        """The fields RateLimit-Policy (§3) and RateLimit (§4)."""
        left = max(0, self.policy.requests - self.window.used)
        return {
            "RateLimit-Policy": f'"subject";q={self.policy.requests};w={self.policy.seconds}',
            "RateLimit": f'"subject";r={left};t={self.seconds_left}',
        }


class RateLimit:
    """One policy for every subject. Processes that share a Redis count together."""

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

    async def spend(self, subject: str, cost: int = 1) -> Standing:
        """Count a request in Redis. While Redis does not answer, count in this process, beginning at 0.

        What a costly request costs besides itself is at most the rest of a whole quota, or it could never succeed.
        """
        cost = min(cost, max(1, self._policy.requests - 1))
        window = None
        if self._shared is not None:
            window = await self._shared.count(subject, self._policy.seconds, cost)
        if window is None:
            window = self._own.count(subject, self._policy.seconds, cost)
        return Standing(self._policy, window)
