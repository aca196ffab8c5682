"""Windows in Redis that all processes count in, with one atomic operation per request.

Redis makes limits exact across processes, but the service works without it. When Redis fails, all requests stop asking
it at once, until a background task reaches it again. So an outage delays only the requests of its first moment, by a
few milliseconds; the counts in Redis are lost.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import structlog
from redis.exceptions import InvalidResponse

from .redis_address import RedisAddress
from .redis_clients import open_clients
from .windows import Window

# Redis measures the time, so that clocks cannot disagree. A key without an expiry gets one, and so does a key that was
# set when windows were longer. A cost above 1 is counted one by one: INCRBY would be one more right of our Redis user.
_COUNT = """
local used = 0
for _ = 1, tonumber(ARGV[2]) do used = redis.call('INCR', KEYS[1]) end
local left = redis.call('PTTL', KEYS[1])
if left < 0 or left > tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {used, left}
"""
_CONNECTIONS = 32  # if all are in use, a request waits for one
_STEPS = 4  # timeouts that one count may take: to connect, authenticate, ask, and repeat one of them
_PAUSE = timedelta(seconds=1)
_LOST = "redis_lost"
_FOUND = "redis_found"
_ARGUMENTS = ", with args"  # what follows in an error quotes a refused command; AUTH's arguments are the password
_RANDOM = random.SystemRandom()
_log = structlog.get_logger(__name__)


class SharedWindows:
    def __init__(self, address: RedisAddress, *, prefix: str, timeout: timedelta, ca_file: Path | None = None) -> None:
        self._client, self._sentinels = open_clients(
            address, ca_file=ca_file, timeout=timeout.total_seconds(), connections=_CONNECTIONS + 1
        )
        self._nodes = address.nodes
        self._passwords = tuple(filter(None, (address.password, address.sentinel_password)))
        self._prefix = prefix
        self._deadline = _STEPS * timeout.total_seconds()
        self._places = asyncio.Semaphore(_CONNECTIONS)
        self.is_lost = False
        self._search: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look for Redis in the background; the start does not wait. A problem is logged soon after the start."""
        self._search = asyncio.create_task(self._look_for_it())
        try:
            yield
        finally:
            self._search.cancel()
            await asyncio.gather(self._search, return_exceptions=True)
            for client in (self._client, *self._sentinels):
                await client.aclose()

    async def count(self, key: str, seconds: int, cost: int = 1) -> Window | None:
        """The key's window with this cost counted. None if Redis does not answer: the caller then counts itself."""
        async with self._places:
            return None if self.is_lost else await self._try_to_count(f"{self._prefix}:requests:{key}", seconds, cost)

    async def _try_to_count(self, key: str, seconds: int, cost: int = 1) -> Window | None:
        """Count, or mark Redis as lost after any exception; neither a request nor the search may fail.

        There is no complete list of exceptions to catch: redis-py also fails in its own code on unexpected answers.
        """
        [counted] = await asyncio.gather(self._count(key, seconds, cost), return_exceptions=True)
        if isinstance(counted, Window):
            return counted
        self._lose(counted)
        return None

    async def _count(self, key: str, seconds: int, cost: int) -> Window:
        async with asyncio.timeout(self._deadline):
            counted = await self._client.eval(_COUNT, 1, key, str(seconds * 1000), str(cost))
        match counted:
            case [int(used), int(left)] if used > 0 and left >= 0:
                return Window(used, left / 1000)
        raise InvalidResponse("the answer is not a count")

    def _lose(self, error: BaseException) -> None:
        if self.is_lost:
            return
        self.is_lost = True
        reason = str(error).partition(_ARGUMENTS)[0]
        if any(password in reason for password in self._passwords):
            reason = "not shown, because it quotes a password"
        _log.warning(_LOST, error=type(error).__name__, reason=reason)
        if self._search is None or self._search.done():
            self._search = asyncio.create_task(self._look_for_it())

    async def _look_for_it(self) -> None:
        """Try to count until it works. A ping is not enough: the server may refuse the password, or be a replica."""
        await self._look_up()
        while await self._try_to_count(f"{self._prefix}:probe", 1) is None:
            await asyncio.sleep(_PAUSE.total_seconds() * _RANDOM.uniform(0.5, 1))
            await self._look_up()
        if self.is_lost:
            self.is_lost = False
            _log.warning(_FOUND)

    async def _look_up(self) -> None:
        """Resolve the hosts' names, without a deadline: an abandoned look-up still occupies one of the few threads.

        Other requests by name need these threads, too. The result does not matter here; the probe shows it.
        """
        for host, port in self._nodes:
            await asyncio.gather(asyncio.get_running_loop().getaddrinfo(host, port), return_exceptions=True)
