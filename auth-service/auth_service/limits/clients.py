"""How many requests a client may send to an endpoint, and what it is told (draft-ietf-httpapi-ratelimit-headers-11).

A window begins with a client's first request and ends for good: so what is left until then is a fact, for one process
and for all that count together, and the header fields can say it. A window that slides, or a bucket that leaks, has
more to give with every second, and no pair of figures is true of it. The price is that a quota may be spent late in
one window and again early in the next. No database is asked, and what is lost with a process is what it had counted.
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

if TYPE_CHECKING:  # it imports Redis' client, which takes many megabytes: only a service that uses one pays for it
    from .shared_windows import SharedWindows


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a client stands with its request counted."""

    is_exceeded: bool
    header_fields: dict[str, str]


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
