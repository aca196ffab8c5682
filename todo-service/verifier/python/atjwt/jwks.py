"""The issuer's keys in memory, kept fresh by one background task (rules J1 to J15 of VERIFIER.md).

    disk ──> KeySet ──> requests          a request reads a reference: no lock, no I/O
               ↑
       fetch, one at a time  <── the schedule, every 30 s
                             <── an unknown kid, at most once in 30 s

No request can remove a known key. If a fetch fails or brings no usable set, the old set stays. If it succeeds, it
replaces the set as a whole, so a key that the issuer has withdrawn is removed by the next successful fetch.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import httpx2

from . import key_set, outgoing
from .jitter import jittered
from .key_set import KeySet, UnusableKeySet
from .refusals import KeysUnavailable

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to fetch, and how long to use what was fetched. Tests set shorter times."""

    interval: timedelta = timedelta(seconds=30)
    forced_cooldown: timedelta = timedelta(seconds=30)
    forced_wait: timedelta = timedelta(seconds=1)
    unknown_kid_ttl: timedelta = timedelta(seconds=60)
    first_retry: timedelta = timedelta(seconds=1)
    last_retry: timedelta = timedelta(seconds=60)
    connect_timeout: timedelta = timedelta(seconds=1)
    total_timeout: timedelta = timedelta(seconds=3)
    key_set_max_age: timedelta = timedelta(hours=24)
    saved_copy_max_age: timedelta = timedelta(hours=1)

    def pause(self, failures: int) -> float:
        """Seconds until the next scheduled fetch, after so many failures in a row; jittered (jitter.py)."""
        if failures == 0:
            return jittered(self.interval.total_seconds(), 0.9, 1.1)
        backoff = self.first_retry.total_seconds() * float(2 ** min(failures - 1, 16))
        return jittered(min(backoff, self.last_retry.total_seconds()), 0.5, 1)


@dataclass(slots=True)
class Counts:
    """Counts since the start (rule J14). `forced` counts searches for an unknown `kid`, by result."""

    attempted_at: float = 0
    succeeded_at: float = 0
    fetches: dict[str, int] = field(default_factory=lambda: {"changed": 0, "unchanged": 0, "failed": 0})
    forced: dict[str, int] = field(default_factory=lambda: {"found": 0, "not_found": 0, "refused": 0})
    unknown_kids: int = 0


class UnknownKids:
    """The last `kid`s that a fetch did not find. For `ttl` they cause no further fetch."""

    def __init__(self, ttl: timedelta, *, capacity: int = 256) -> None:
        self._ttl = ttl.total_seconds()
        self._capacity = capacity
        self._expires: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._expires)

    def add(self, kid: str, now: float) -> None:
        self._expires[kid] = now + self._ttl
        self._expires.move_to_end(kid)
        if len(self._expires) > self._capacity:
            self._expires.popitem(last=False)

    def has(self, kid: str, now: float) -> bool:
        if self._expires.get(kid, 0.0) <= now:
            self._expires.pop(kid, None)
            return False
        self._expires.move_to_end(kid)
        return True

    def clear(self) -> None:
        self._expires.clear()


class JwksCache:
    """The key set and its fetches. `clock` (since the epoch) measures its age, also across restarts.

    `monotonic` measures the pauses between fetches of this process.
    """

    def __init__(
        self,
        jwks_uri: str,
        *,
        saved_copy: Path | None = None,
        schedule: Schedule | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jwks_uri = jwks_uri
        self._saved_copy = saved_copy
        self._saved: KeySet | None = None
        self._schedule = schedule or Schedule()
        self._max_age = self._schedule.key_set_max_age.total_seconds()
        self._clock = clock
        self._monotonic = monotonic
        self._key_set: KeySet | None = None
        self._fetched_at = float("-inf")  # by the clock that nobody sets
        self._unknown = UnknownKids(self._schedule.unknown_kid_ttl)
        self._forced_at = float("-inf")
        self._fetching: asyncio.Task[bool] | None = None
        self._forced: asyncio.Task[bool] | None = None
        self.counts = Counts()
        self._client: httpx2.AsyncClient | None = None  # set while running()

    def get_key_set(self) -> KeySet:
        """Return the keys to verify with. Setting the clock back makes none of them younger.

        Raises:
            KeysUnavailable: no fetch has succeeded yet, or none in the last 24 h.
        """
        held, max_age = self._key_set, self._max_age
        if held is None or self._clock() - held.fetched_at > max_age or self._monotonic() - self._fetched_at > max_age:
            raise KeysUnavailable
        return held

    @property
    def held(self) -> KeySet | None:
        """The key set, even if it is too old to verify with: for metrics and reports."""
        return self._key_set

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load the saved copy and keep the set fresh until the block ends."""
        await asyncio.to_thread(self._load)
        async with outgoing.client(
            self._jwks_uri,
            connect=self._schedule.connect_timeout,
            total=self._schedule.total_timeout,
            headers={"Accept": "application/json"},
        ) as client:
            self._client = client
            refreshing = asyncio.create_task(self._refresh_forever())
            try:
                yield
            finally:
                tasks = [task for task in (refreshing, self._forced, self._fetching) if task is not None]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self._client = None

    async def learn(self, kid: str) -> bool:
        """Whether a new fetch finds `kid`. Waits at most a second; there is at most one such fetch in 30 s (rule J5).

        The 30 s count from the last attempt, even if it failed: an issuer that is down gets no more requests. Scheduled
        fetches do not count: one that ended just before a rotation would otherwise delay finding the new key. Outside
        of `running()` nothing is fetched.
        """
        self.counts.unknown_kids += 1
        cannot_be_found = self._client is None or self._unknown.has(kid, self._monotonic())
        forced = None if cannot_be_found else self._force()
        if forced is None:
            self.counts.forced["refused"] += 1
            return False
        await asyncio.wait({forced}, timeout=self._schedule.forced_wait.total_seconds())
        if self._key_set is not None and self._key_set.has(kid):
            self.counts.forced["found"] += 1
            return True
        self.counts.forced["not_found"] += 1
        if forced.done() and not forced.cancelled() and forced.result():
            self._unknown.add(kid, self._monotonic())
        return False

    def replace(self, key_set: KeySet) -> None:
        """Use this key set from now on, as if it had been fetched."""
        self._swap(key_set)

    async def refresh(self) -> bool:
        """Fetch now, besides the schedule and the limit of `learn`: the caller has a reason that is rare."""
        return await self._fetch_anew()

    def _force(self) -> asyncio.Task[bool] | None:
        """The forced fetch under way, which all callers share; otherwise a new one, or None during the cooldown."""
        if self._forced is None or self._forced.done():
            if self._monotonic() - self._forced_at < self._schedule.forced_cooldown.total_seconds():
                return None
            self._forced_at = self._monotonic()
            self._forced = asyncio.create_task(self._fetch_anew())
        return self._forced

    async def _fetch_anew(self) -> bool:
        """Begin a fetch after the one under way: the issuer may have answered that one before it published the key."""
        if self._fetching is not None:
            await asyncio.wait({self._fetching})
        return await asyncio.shield(self._fetch_once())

    async def _refresh_forever(self) -> None:
        failures = 0
        while True:
            # A cancelled wait must not cancel the fetch for the requests that share it.
            succeeded = await asyncio.shield(self._fetch_once())
            if succeeded:
                await self._save()
            failures = 0 if succeeded else failures + 1
            await asyncio.sleep(self._schedule.pause(failures))

    def _fetch_once(self) -> asyncio.Task[bool]:
        """The fetch under way, or a new one; two never run at once."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> bool:
        """Fetch and replace the key set. If that fails, log it and return False."""
        self.counts.attempted_at = self._clock()
        try:
            async with asyncio.timeout(self._schedule.total_timeout.total_seconds()):
                fetched = await self._download()
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError, ValueError) as error:
            _log.warning("the issuer's keys cannot be fetched: %s: %s", type(error).__name__, error)
            self.counts.fetches["failed"] += 1
            return False
        self._swap(fetched)
        return True

    async def _download(self) -> KeySet:
        held = self._key_set
        headers = {"If-None-Match": held.etag} if held is not None and held.etag is not None else {}
        client = self._client
        if client is None:
            raise RuntimeError("keys are fetched only while the verifier runs")
        client.cookies.clear()
        async with client.stream("GET", self._jwks_uri, headers=headers) as response:
            if response.status_code == 304 and held is not None:
                return replace(held, fetched_at=self._clock())
            if response.status_code != 200 or response.headers.get("Content-Encoding", "identity") != "identity":
                raise UnusableKeySet(f"the response has status {response.status_code} or a content encoding")
            document = await _read(response)
        if held is not None and document == held.document:
            return replace(held, etag=response.headers.get("ETag"), fetched_at=self._clock())
        return KeySet(key_set.parse_keys(document), document, response.headers.get("ETag"), self._clock())

    def _swap(self, fetched: KeySet) -> None:
        held, self._key_set, self._fetched_at = self._key_set, fetched, self._monotonic()
        changed = held is None or held.published is not fetched.published
        self.counts.fetches["changed" if changed else "unchanged"] += 1
        self.counts.succeeded_at = fetched.fetched_at
        if changed:
            self._unknown.clear()
            _log.info("the issuer's keys are now: %s", ", ".join((*fetched.keys, *fetched.published.status_lists)))

    def _load(self) -> None:
        if self._saved_copy is None:
            return
        try:
            now = self._clock()
            loaded = key_set.load(self._saved_copy, jwks_uri=self._jwks_uri, now=now, max_stale=self._max_age)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            _log.warning("the saved key set is not used: %s", error)
        else:
            self._key_set = self._saved = loaded
            self._fetched_at = self._monotonic() - max(0.0, now - loaded.fetched_at)

    async def _save(self) -> None:
        """Write the saved copy if the set has changed, and once an hour to renew the time of the last fetch in it."""
        held = self._key_set
        if self._saved_copy is None or held is None or self._is_saved(held):
            return
        try:
            await asyncio.to_thread(key_set.save, held, self._saved_copy, jwks_uri=self._jwks_uri)
        except OSError as error:
            _log.warning("the key set cannot be saved: %s", error)
        else:
            self._saved = held

    def _is_saved(self, held: KeySet) -> bool:
        saved, max_age = self._saved, self._schedule.saved_copy_max_age.total_seconds()
        return saved is not None and saved.published is held.published and held.fetched_at - saved.fetched_at < max_age


async def _read(response: httpx2.Response) -> bytes:
    """The body. Raises UnusableKeySet as soon as it is too long."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > key_set.MAX_LENGTH:
            raise UnusableKeySet("the key set is larger than 64 KiB")
    return bytes(body)
