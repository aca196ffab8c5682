"""Turns: how many costly requests of one subject run at once, and how much of the time.

A subject that sends more waits in a short line, and is refused when the line is full or the wait takes too long. After
its turn a subject rests in proportion to the time that it took, so it gets at most a `share` of the time, however many
connections it has. `Places` are shared by all subjects, and are held for moments only. Each process has its own
turns and places.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

LONGEST_REST = timedelta(seconds=5)


class Busy(Exception):
    """The subject has as many requests of this kind in progress and waiting as it may have."""


class Full(Exception):
    """All places stayed taken for as long as somebody may wait for one."""


@dataclass(slots=True)
class _Line:
    taken: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Turns:
    """For one event loop: between two awaits nothing changes, so no lock is needed."""

    def __init__(self, *, at_once: int, waiting: int, patience: timedelta, share: float = 1.0) -> None:
        """At most `at_once` of one subject run; `waiting` wait, each at most `patience`."""
        self._at_once = at_once
        self._waiting = waiting
        self._patience = patience.total_seconds()
        self._rest = 1 / share - 1
        self._lines: dict[str, _Line] = {}

    def __len__(self) -> int:
        """The number of subjects with a request that runs, waits or rests."""
        return len(self._lines)

    @asynccontextmanager
    async def turn(self, subject: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it until the block ends. Raises Busy."""
        deadline = time.monotonic() + self._patience
        line = self._lines.setdefault(subject, _Line())
        await self._take(subject, line, deadline)
        begun = time.monotonic()
        try:
            yield
        finally:
            rest = min((time.monotonic() - begun) * self._rest, LONGEST_REST.total_seconds())
            if rest > 0.001:
                asyncio.get_running_loop().call_later(rest, self._release, subject, line)
            else:
                self._release(subject, line)

    async def _take(self, subject: str, line: _Line, deadline: float) -> None:
        if line.taken < self._at_once:
            line.taken += 1
            return
        if len(line.waiting) >= self._waiting:
            raise Busy
        mine = asyncio.get_running_loop().create_future()
        line.waiting.append(mine)
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await mine
        except (TimeoutError, asyncio.CancelledError) as error:
            if mine.done() and not mine.cancelled():
                self._release(subject, line)  # the turn came at the same moment
            elif mine in line.waiting:
                line.waiting.remove(mine)
            if isinstance(error, TimeoutError):
                raise Busy from None
            raise

    def _release(self, subject: str, line: _Line) -> None:
        """Give the turn to the next in line."""
        while line.waiting:
            following = line.waiting.popleft()
            if not following.done():
                following.set_result(None)
                return
        line.taken -= 1
        if line.taken == 0:
            self._lines.pop(subject, None)


class Places:
    """A fixed number of places for everybody, given in the order in which they were asked for.

    A place is held while the service works, never while it waits for a client: a slow client would keep it from others.
    Whoever has a turn asks for one place at a time, so no subject takes all of them.
    """

    def __init__(self, number: int, *, patience: timedelta) -> None:
        self._free = asyncio.Semaphore(number)
        self._patience = patience.total_seconds()

    @asynccontextmanager
    async def place(self, *, may_fail: bool) -> AsyncIterator[None]:
        """A place until the block ends. Raises Full after the patience; with `may_fail` false it waits on."""
        try:
            async with asyncio.timeout(self._patience if may_fail else None):
                await self._free.acquire()
        except TimeoutError:
            raise Full from None
        try:
            yield
        finally:
            self._free.release()
