"""The streams of events of one process: which owners' changes they wait for, and the two tasks that wake them.

`follow_forever` looks for changes. One that this process has written wakes its streams at once. For those of other
processes it asks each second whether anybody has written anything (`Database.mark`), which reads no table. Only then it
reads the numbers of the watched owners, some hundred with one statement. So an idle stream costs no read of its own,
and an idle system one small statement per process and second, however many streams there are.

`check_forever` ends the streams whose token has expired, was revoked or lost its key, and sends a heartbeat on those
that were silent. A stream itself is a coroutine that waits for one event.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from atjwt import AccessToken, Refused, Verifier

from ..store.database import Database
from ..telemetry.metrics import Metric
from . import heads

MOST_OF_ONE = 8  # open streams of one subject in this process
MOST = 10_000  # of all
HEARTBEAT = timedelta(seconds=25)  # of silence; proxies close a connection that is silent for 60 s
CHECK = timedelta(seconds=2)  # between two looks at the tokens, as between two polls of the status lists
LOOK = timedelta(seconds=1)  # between two looks for what other processes have written
_PAUSE = 0.05  # seconds between two looks for what this process has written
_AT_ONCE = 200  # owners of one statement, and streams that are checked before others have a turn
_log = structlog.get_logger(__name__)

T = TypeVar("T")
Followed = Callable[[str], Awaitable[Collection[str]]]


class TooManyStreams(Exception):
    """The subject, or everybody together, has as many open streams as it may have. `most` is that number."""

    def __init__(self, most: int, *, of_one: bool) -> None:
        super().__init__()
        self.most, self.of_one = most, of_one


class Stream:
    """One open stream. Its coroutine waits with `wait`; the tasks of Streams wake it."""

    __slots__ = ("_news", "has_changed", "is_over", "owner", "owners", "silent_since", "token")

    def __init__(self, token: AccessToken) -> None:
        self.owner, self.token = token.sub, token
        self.owners: frozenset[str] = frozenset()
        self.has_changed = self.is_over = False
        self.silent_since = time.monotonic()
        self._news = asyncio.Event()

    async def wait(self) -> bool:
        """Wait for a change, a heartbeat or the end; whether it is the end."""
        await self._news.wait()
        self._news.clear()
        self.silent_since = time.monotonic()
        return self.is_over

    def wake(self, *, changed: bool = False, over: bool = False) -> None:
        self.has_changed |= changed
        self.is_over |= over
        self._news.set()


class Streams:
    """For one event loop: between two awaits nothing changes, so no lock is needed."""

    def __init__(self, database: Database, verifier: Verifier, gauge: Metric, followed: Followed) -> None:
        """`followed` finds whose changes a subject sees, the subject included."""
        self._database, self._verifier, self._gauge, self._followed = database, verifier, gauge, followed
        self._open: set[Stream] = set()
        self._number_of: Counter[str] = Counter()
        self._watching: dict[str, set[Stream]] = {}
        self._heads: dict[str, int] = {}
        self._written: set[str] = set()
        self._asked = asyncio.Event()
        self._mark = ""
        self._is_closed = False
        database.on_commit.append(self._wrote)

    def __len__(self) -> int:
        return len(self._open)

    async def open(self, token: AccessToken) -> Stream:
        """A new stream, to be closed with `close`. Raises TooManyStreams."""
        if self._number_of[token.sub] >= MOST_OF_ONE:
            raise TooManyStreams(MOST_OF_ONE, of_one=True)
        if len(self._open) >= MOST:
            raise TooManyStreams(MOST, of_one=False)
        stream = Stream(token)
        self._open.add(stream)
        self._number_of[token.sub] += 1
        self._gauge.set(to=len(self._open))
        is_open = False
        try:
            await self.renew(stream)
            is_open = True
        finally:
            if not is_open:
                self.close(stream)
        if self._is_closed:
            stream.wake(over=True)
        return stream

    def close(self, stream: Stream) -> None:
        self._open.discard(stream)
        self._number_of[stream.owner] -= 1
        if not self._number_of[stream.owner]:
            del self._number_of[stream.owner]
        self._watch(stream, frozenset())
        self._gauge.set(to=len(self._open))

    async def renew(self, stream: Stream) -> str:
        """Find anew whose changes the stream waits for, and return its position: the id of its next event."""
        stream.has_changed = False
        self._watch(stream, frozenset(await self._followed(stream.owner)))
        if unread := [owner for owner in stream.owners if owner not in self._heads]:
            await self._read(unread)
        return heads.position(stream.owner, {owner: self._heads.get(owner, 0) for owner in stream.owners})

    def end_all(self) -> None:
        """End all streams, and those that are opened from now on: the process is about to stop."""
        self._is_closed = True
        for stream in self._open:
            stream.wake(over=True)

    async def follow_forever(self) -> None:
        """Wake the streams whose owners have changes. Until cancelled; a failing database is tried again."""
        due, is_failing = time.monotonic(), False
        while True:
            await self._wait_until(due)
            try:
                if time.monotonic() >= due:
                    due = time.monotonic() + LOOK.total_seconds()
                    await self._look_at_all()
                else:
                    written, self._written = self._written, set()
                    await self._look_at(written & self._watching.keys())
                is_failing = False
            except (SQLAlchemyError, OSError) as error:
                self._mark = ""
                if not is_failing:
                    _log.warning("streams cannot look for changes", error=type(error).__name__)
                is_failing = True
            await asyncio.sleep(_PAUSE)

    async def check_forever(self) -> None:
        """End the streams whose token is not valid any more, and keep the others alive. Until cancelled.

        If this task fails, all streams end: nobody would notice that a token is revoked.
        """
        try:
            while True:
                await asyncio.sleep(CHECK.total_seconds())
                for some in _pieces(self._open):
                    self._check(some)
                    await asyncio.sleep(0)
        finally:
            self.end_all()

    def _check(self, some: Iterable[Stream]) -> None:
        silent_before = time.monotonic() - HEARTBEAT.total_seconds()
        for stream in some:
            try:
                self._verifier.check_again(stream.token)
            except Refused:
                stream.wake(over=True)
            else:
                if stream.silent_since <= silent_before:
                    stream.wake()

    async def _wait_until(self, due: float) -> None:
        try:
            async with asyncio.timeout(max(0, due - time.monotonic())):
                await self._asked.wait()
        except TimeoutError:
            pass
        self._asked.clear()

    async def _look_at_all(self) -> None:
        if not self._watching:
            return
        mark = await self._database.mark()  # before the numbers are read: what is written in between is seen next time
        if mark != self._mark:
            self._written.clear()
            await self._look_at(self._watching)
            self._mark = mark

    async def _look_at(self, watched: Collection[str]) -> None:
        for some in _pieces(watched):
            for owner in await self._read(some):
                for stream in self._watching.get(owner, ()):
                    stream.wake(changed=True)
            await asyncio.sleep(0)

    async def _read(self, some: Sequence[str]) -> list[str]:
        """Read the numbers of these owners, and return those whose number is another than before."""
        async with self._database.watching(some) as connection:
            found = await heads.find_heads(connection, some)
        changed = [owner for owner in some if found.get(owner, 0) != self._heads.get(owner)]
        for owner in changed:
            if owner in self._watching:
                self._heads[owner] = found.get(owner, 0)
        return changed

    def _watch(self, stream: Stream, watched: frozenset[str]) -> None:
        for owner in watched - stream.owners:
            self._watching.setdefault(owner, set()).add(stream)
        for owner in stream.owners - watched:
            self._watching[owner].discard(stream)
            if not self._watching[owner]:
                del self._watching[owner]
                self._heads.pop(owner, None)
        stream.owners = watched

    def _wrote(self, owner: str) -> None:
        if owner in self._watching:
            self._written.add(owner)
            self._asked.set()


def _pieces(all_: Iterable[T]) -> Iterator[tuple[T, ...]]:
    left = iter(tuple(all_))
    while some := tuple(islice(left, _AT_ONCE)):
        yield some
