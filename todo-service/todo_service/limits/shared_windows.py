"""Windows that all processes count in together, in Redis: one atomic operation a request.

Redis makes limits exact and is never needed. When it does not answer, requests stop asking at once, all of them, until
a task in the background has found it again: an outage costs those of its first moment a few milliseconds, and what had
been counted.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from redis.exceptions import InvalidResponse

from ..verifier.jitter import jittered
from .redis_address import RedisAddress
from .redis_clients import open_clients
from .subjects import Window

# Redis counts the time, so no two clocks can disagree; a key that lost its end for whatever reason gets another, and so
# does one from a time when windows were longer.
_COUNT = """
local used = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 or left > tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {used, left}
"""
_CONNECTIONS = 32  # who finds them all in use waits for one
_STEPS = 4  # of one count: to connect, to authenticate, to ask, and one of them again
_PAUSE = timedelta(seconds=1)
_log = logging.getLogger(__name__)


class SharedWindows:
    def __init__(self, address: RedisAddress, *, prefix: str, timeout: timedelta, ca_file: Path | None = None) -> None:
        self._client, self._sentinels = open_clients(
            address, ca_file=ca_file, timeout=timeout.total_seconds(), connections=_CONNECTIONS + 1
        )
        self._nodes = address.nodes
        self._prefix = prefix
        self._deadline = _STEPS * timeout.total_seconds()
        self._places = asyncio.Semaphore(_CONNECTIONS)
        self.is_lost = False
        self._search: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Waits for nothing: what is wrong with Redis is in the log, soon after the start."""
        self._search = asyncio.create_task(self._look_for_it())
        try:
            yield
        finally:
            self._search.cancel()
            await asyncio.gather(self._search, return_exceptions=True)
            for client in (self._client, *self._sentinels):
                await client.aclose()

    async def count(self, key: str, seconds: int) -> Window | None:
        """The key's window with this request in it. None: Redis does not answer, and the caller counts by itself."""
        async with self._places:
            return None if self.is_lost else await self._try_to_count(f"{self._prefix}:requests:{key}", seconds)

    async def _try_to_count(self, key: str, seconds: int) -> Window | None:
        """Whatever goes wrong, Redis is lost by it, and neither a request nor the search ends.

        What can go wrong is no list of exceptions: redis-py stumbles over answers that it did not expect, too.
        """
        [counted] = await asyncio.gather(self._count(key, seconds), return_exceptions=True)
        if isinstance(counted, Window):
            return counted
        self._lose(counted)
        return None

    async def _count(self, key: str, seconds: int) -> Window:
        async with asyncio.timeout(self._deadline):
            counted = await self._client.eval(_COUNT, 1, key, str(seconds * 1000))
        match counted:
            case [int(used), int(left)] if used > 0 and left >= 0:
                return Window(used, left / 1000)
        raise InvalidResponse("the answer is no count")

    def _lose(self, error: BaseException) -> None:
        if self.is_lost:
            return
        self.is_lost = True
        _log.warning("Redis does not answer, each process limits by itself: %s: %s", type(error).__name__, error)
        if self._search is None or self._search.done():
            self._search = asyncio.create_task(self._look_for_it())

    async def _look_for_it(self) -> None:
        """Until it does what is asked of it: a server that answers may still refuse the password, or be a replica."""
        await self._look_up()
        while await self._try_to_count(f"{self._prefix}:probe", 1) is None:
            await asyncio.sleep(jittered(_PAUSE.total_seconds(), 0.5, 1))
            await self._look_up()
        if self.is_lost:
            self.is_lost = False
            _log.warning("Redis answers again: processes limit together")

    async def _look_up(self) -> None:
        """Its names, without a deadline: a look-up that is given up stays in its thread, and there are few threads.

        Keys and status lists are fetched from names, too, and must not wait for this one. What comes of it is left to
        the probe.
        """
        for host, port in self._nodes:
            await asyncio.gather(asyncio.get_running_loop().getaddrinfo(host, port), return_exceptions=True)
