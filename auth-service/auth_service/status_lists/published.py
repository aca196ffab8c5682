"""The status lists that this process publishes: read, packed and signed when they change, and at least every 30 s.

A list is always read from the database before it is signed. So while the database is down the signed `iat` grows old,
and verifiers see that the list is not fresh. Packing and signing run in a thread, and not per request.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ..keys import jws
from ..keys.ring import KeyRing
from ..oauth import status_list
from ..store.database import Database
from ..store.instants import Clock
from . import indexes as status_indexes
from . import lists as status_lists
from .epochs import ListName
from .lists import CLOSED, CLOSED_MARGIN, ListState
from .set_back import SetBackWatch

PATH = "/oauth/status-lists"
LOOK_PERIOD = timedelta(milliseconds=200)
SIGNED_EVERY = timedelta(seconds=30)  # or a third of access_token_ttl, if shorter: verifiers distrust older lists
MAX_LISTENERS = 64
_BACKLOG = 64  # unread hints per listener; the oldest is dropped above it, and the next poll makes up for it
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PublishedList:
    name: ListName
    state: str
    version: int
    statuses: bytes
    kid: str
    signed_at: datetime
    token: str

    @property
    def etag(self) -> str:
        return f'"{self.version}.{int(self.signed_at.timestamp())}.{self.kid[:8]}"'


@dataclass(frozen=True)
class Hint:
    uri: str
    version: int


class PublishedStatusLists:
    """The published lists. For one event loop; `current` is replaced as a whole."""

    def __init__(
        self, issuer: str, database: Database, keys: KeyRing, *, access_token_ttl: timedelta, longest_ttl: timedelta
    ) -> None:
        self._issuer = issuer
        self._database = database
        self._keys = keys
        self._shown_for = longest_ttl + CLOSED_MARGIN
        self._signed_every = min(SIGNED_EVERY, access_token_ttl / 3)
        self._refreshing = asyncio.Lock()
        self._next_look: asyncio.Task[None] | None = None
        self._listeners: set[asyncio.Queue[Hint | None]] = set()
        self._set_back = SetBackWatch()
        self.current: Mapping[int, PublishedList] = {}

    @property
    def uris(self) -> list[str]:
        return [self._uri(each.name) for each in self.current.values()]

    def uri(self, list_id: int) -> str:
        """The URI of a published list."""
        return self._uri(self.current[list_id].name)

    def find(self, name: ListName | None) -> PublishedList | None:
        """The published list of this name. A list of the same number in another epoch is another list."""
        found = None if name is None else self.current.get(name.id)
        return found if found is not None and found.name == name else None

    def _uri(self, name: ListName) -> str:
        return f"{self._issuer}{PATH}/{name}"

    @property
    def is_set_back(self) -> bool:
        """Whether the database was set back without `restore` (set_back.py)."""
        return self._set_back.is_set_back

    def is_usable(self, list_id: int | None, index: int | None) -> bool:
        """Whether a token may be issued with this index: its list is not closed, and the index is not revoked."""
        found = None if list_id is None else self.current.get(list_id)
        if found is None or found.state == CLOSED or index is None:
            return False
        return not status_list.is_set(found.statuses, index)

    async def refresh(self, *, now: datetime) -> None:
        """Read and sign the lists that changed or are due. Raises the database's errors."""
        async with self._refreshing:
            await self._refresh(now)

    async def look(self, *, now: datetime) -> None:
        """Refresh because a caller knows of a newer version. Calls during a refresh share the next one."""
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look_next(now))
        await asyncio.shield(self._next_look)

    async def compare_held(self, held: Mapping[str, int], *, now: datetime) -> None:
        """Compare the versions that a verifier holds, by URI, with the database, if one is newer than what is here."""
        known = {self._uri(each.name): each for each in self.current.values()}
        ahead = {known[uri].name: version for uri, version in held.items() if uri in known}
        if any(version > self.current[name.id].version for name, version in ahead.items()):
            await self.look(now=now)  # another process may have signed it a moment ago
            self._set_back.compare(ahead, {each.name: each.version for each in self.current.values()})

    async def _look_next(self, now: datetime) -> None:
        async with self._refreshing:
            self._next_look = None  # later callers need a newer read than the one that begins here
            await self._refresh(now)

    async def _refresh(self, now: datetime) -> None:
        states = await status_lists.find_states(self._database, closed_after=now - self._shown_for)
        signed = {each.name: each.version for each in self.current.values() if each.state != CLOSED}
        self._set_back.compare(signed, {ListName(state.epoch, state.id): state.version for state in states})
        published = {state.id: await self._publish(state, now) for state in states}
        changed = [each for each in published.values() if self._is_news(each)]
        self.current = published
        for each in changed:
            self._tell(Hint(self._uri(each.name), each.version))

    def _is_news(self, published: PublishedList) -> bool:
        before = self.find(published.name)
        return before is not None and before.version != published.version

    async def _publish(self, state: ListState, now: datetime) -> PublishedList:
        held = self.find(ListName(state.epoch, state.id))
        if held is not None and held.state == state.state and not self._is_due(held, state, now):
            return held
        async with self._database.reading() as session:
            revoked = await status_indexes.find_revoked(session, state.id)
        return await asyncio.to_thread(self._sign, state, revoked, now)

    def _is_due(self, held: PublishedList, state: ListState, now: datetime) -> bool:
        is_old = not timedelta() <= now - held.signed_at < self._signed_every
        return is_old or held.version != state.version or held.kid != self._keys.current.active.kid

    def _sign(self, state: ListState, revoked: Sequence[int], now: datetime) -> PublishedList:
        signer, statuses = self._keys.current.active, status_list.set_bits(revoked)
        name = ListName(state.epoch, state.id)
        claims = status_list.claims(self._uri(name), statuses, version=state.version, signed_at=now)
        token = jws.sign(claims, typ=status_list.TYP, by=signer)
        return PublishedList(name, state.state, state.version, statuses, signer.kid, now, token)

    @contextmanager
    def listening(self) -> "Iterator[asyncio.Queue[Hint | None]]":
        """A queue of hints; None is the end of the stream. Above MAX_LISTENERS it ends at once."""
        queue: asyncio.Queue[Hint | None] = asyncio.Queue(_BACKLOG)
        if len(self._listeners) >= MAX_LISTENERS:
            queue.put_nowait(None)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    def dismiss(self) -> None:
        """End all streams, so that a stopping process does not wait for its listeners."""
        self._tell(None)

    def _tell(self, hint: Hint | None) -> None:
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(hint)


async def refresh_periodically(lists: PublishedStatusLists, clock: Clock) -> None:
    """Refresh every LOOK_PERIOD, until cancelled. A failure is logged when it begins or changes."""
    failing = ""
    while True:
        await asyncio.sleep(LOOK_PERIOD.total_seconds())
        failure = ""
        try:
            await lists.refresh(now=clock())
        except (SQLAlchemyError, OSError) as error:
            failure = type(error).__name__
        if failure and failure != failing:
            _log.error("status_lists_not_refreshed", error=failure)
        failing = failure
