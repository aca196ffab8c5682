"""The rate limit per client and endpoint, and its RateLimit headers (draft-ietf-httpapi-ratelimit-headers-11).

Windows are fixed: a window begins with a client's first request and ends after its length. So the headers can state
exactly how many requests are left until when, for one process or for all that share a Redis. With a sliding window or a
leaky bucket the quota grows all the time, and no such pair of numbers is exact. The price: a client may use its
whole quota late in one window, and again early in the next.

No database is used. Counts that are kept in a process are lost when it ends.
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from .redis_address import parse_redis_url
from .windows import OwnWindows, QuotaPolicy

if TYPE_CHECKING:  # it imports the Redis client, many megabytes: only with AUTH_REDIS_URL
    from .shared_windows import SharedWindows


@dataclass(frozen=True, slots=True)
class Standing:
    """A client's quota after its request was counted."""

    is_exceeded: bool
    header_fields: dict[str, str]


UNLIMITED = Standing(is_exceeded=False, header_fields={})


class ClientLimits:
    """Counts requests per client and endpoint, under one policy. With Redis all processes count together."""

    def __init__(self, policy: QuotaPolicy | None, shared: "SharedWindows | None") -> None:
        self._requests = None if policy is None else policy.requests
        self._seconds = 0 if policy is None else policy.seconds
        self._shared = shared
        self._own = OwnWindows()

    def with_policy(self, policy: QuotaPolicy) -> "ClientLimits":
        """Other limits that count in the same Redis. Unlimited if these are. `running` is for these only."""
        return ClientLimits(None if self._requests is None else policy, self._shared)

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
        """Count a request (§3, §4). If Redis does not answer, this process counts alone, from zero."""
        if self._requests is None:
            return UNLIMITED
        key, window = f"{endpoint}:{client_id}", None
        if self._shared is not None:
            window = await self._shared.count(key, self._seconds)
        window = window or self._own.count(key, self._seconds)
        left = self._requests - window.used
        seconds = math.ceil(window.seconds_left) or 1  # rounded up: after that time a new window has begun
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
    from .shared_windows import SharedWindows  # imported late, see above

    address = parse_redis_url(redis_url.get_secret_value())
    return ClientLimits(policy, SharedWindows(address, prefix="auth", timeout=timeout, ca_file=ca_file))
