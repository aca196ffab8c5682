"""The issuer's status lists in memory, kept fresh in the background. They say whether a token is revoked.

    disk ──> StatusList, by URI ──> requests      a request reads a bit: no lock, no I/O
                    ↑
            fetch, one at a time for each list  <── the poll, every 2 s: the aggregation, then each list
                                                <── a token that names a list which is not in memory
                                                <── a hint that a list has changed (status_hints.py)

The age of a list counts from its signed `iat`. A set bit stays set, whatever is fetched later. If an older list
arrives, its set bits are added to the list in memory. A list is removed when the issuer no longer lists it, or no
longer publishes its key, or after a restore of the issuer (epochs.py).
"""

import asyncio
import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from . import epochs, outgoing, saved_copy, status_list, strict_json
from .access_token import AccessToken
from .epochs import Epochs
from .jwks import JwksCache
from .polling import Polling
from .refusals import InvalidToken, Reason, StatusUnknown
from .status_list import Freshness, StatusList, UnknownStatusKey, UnusableStatusList

_FETCHED_AT_ONCE = 4
_EPOCH, _PREFIX = "epoch", "prefix"  # members of the saved copy, beside the lists by their URIs
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Counts:
    """Counts since the start."""

    fetches: dict[str, int] = field(default_factory=lambda: {"changed": 0, "unchanged": 0, "older": 0, "failed": 0})
    checks: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("revoked", "out_of_range", "older_epoch", "unknown_list", "lagging", "stale"), 0
        )
    )
    hints: dict[str, int] = field(default_factory=lambda: {"followed": 0, "known": 0, "foreign": 0})


class StatusLists:
    """All lists, and their fetches in one event loop. `check` may be called in any thread: it reads whole tables.

    `clock` (since the epoch) measures the age of lists, `monotonic` the pauses between fetches.
    """

    def __init__(
        self,
        uri: str,
        jwks: JwksCache,
        *,
        fetched_from: str | None = None,
        saved_copy: Path | None = None,
        polling: Polling | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`uri` is the aggregation's; all lists are under it. `fetched_from` is its address inside the network."""
        self._uri = uri
        self.prefix = f"{uri}/"
        self._epochs = Epochs(self.prefix)
        self._fetched_from = fetched_from or uri
        self._jwks = jwks
        self._saved_copy = saved_copy
        self._polling = polling or Polling()
        self._clock = clock
        self._monotonic = monotonic
        self._listed: tuple[str, ...] = ()
        self._held: dict[str, StatusList] = {}
        self._etags: dict[str, str | None] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._wanted: OrderedDict[str, int | None] = OrderedDict()  # the hinted version; None: any
        self._followed: dict[str, int] = {}
        self._hinted_at: dict[str, float] = {}
        self._asked_at: OrderedDict[str, float] = OrderedDict()
        self._wakes = asyncio.Event()
        self._unsaved = asyncio.Event()
        self._failure = ""
        self.counts = Counts()
        # True once the first poll has ended and there are lists: fetched ones, or the saved copy's if the issuer is
        # down. It stays True: if the lists are lost later, requests get a 503 that names the reason.
        self.is_ready = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._client: httpx2.AsyncClient  # set while running()

    def check(self, token: AccessToken, *, now: float) -> Freshness:
        """How fresh the list is that marks the token as not revoked. A token that names no list counts as LIVE.

        Raises:
            InvalidToken: the token has been revoked, its list is too short for its index, or it is of an older epoch.
            StatusUnknown: its list is not in memory; a fetch is requested.
        """
        status = token.status
        if status is None:
            return Freshness.LIVE
        held = self._held.get(status.uri)
        if held is None:
            if self._epochs.is_over(status.uri, listed=self._listed):
                self.counts.checks["older_epoch"] += 1
                raise InvalidToken(Reason.OLDER_EPOCH, "the token is from before the issuer's last restore")
            self.counts.checks["unknown_list"] += 1
            self._want_unknown(status.uri)
            raise StatusUnknown
        try:
            is_revoked = held.is_set(status.index)
        except IndexError:
            self.counts.checks["out_of_range"] += 1
            raise InvalidToken(Reason.BAD_STATUS, "the index is behind the end of the status list") from None
        if is_revoked:
            self.counts.checks["revoked"] += 1
            raise InvalidToken(Reason.REVOKED, "the token has been revoked")
        freshness = held.freshness(now, token_ttl=token.exp - token.iat)
        if freshness is not Freshness.LIVE:
            self.counts.checks[freshness] += 1
        return freshness

    @property
    def held(self) -> Iterable[StatusList]:
        """The lists in memory: for metrics and reports."""
        return self._held.values()

    def replace(self, uri: str, document: str) -> None:
        """Use this signed list from now on, as if it had been fetched. Raises UnusableStatusList."""
        self._swap(uri, self._verify(uri, document.encode()), None)
        self.is_ready = True

    def hint(self, uri: str, version: int) -> None:
        """Request a fetch of a list that has changed, according to the issuer's stream.

        If several hints for a list arrive before its fetch begins, one fetch follows all of them. A cache on the way
        may answer with an older version, so the list is fetched again for some seconds (`Polling.cached_for`), at most
        every `between_hints`. That is also what a hint costs whose version does not exist.
        """
        if uri not in self._held:
            self.counts.hints["foreign"] += 1
        elif self._followed.get(uri) == version or self._wanted.get(uri) == version:
            self.counts.hints["known"] += 1
        else:
            self._hinted_at[uri] = self._monotonic()
            self._want(uri, version)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load the saved copy and keep the lists fresh until the block ends. The key set must already be running."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        await asyncio.to_thread(self._load)
        timeouts = {"connect": self._polling.connect_timeout, "total": self._polling.total_timeout}
        async with outgoing.client(self._fetched_from, **timeouts, headers={}) as client:
            self._client = client
            tasks = [
                asyncio.create_task(work()) for work in (self._poll_forever, self._fetch_wanted, self._save_changes)
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self._loop = None

    def _want_unknown(self, uri: str) -> None:
        """Request a fetch of a list that a verified token names, at most once per cooldown and list."""
        if self._loop is not None and threading.get_ident() != self._thread:
            self._loop.call_soon_threadsafe(self._want_unknown, uri)
            return
        now, cooldown = self._monotonic(), self._polling.unknown_list_cooldown.total_seconds()
        if now - self._asked_at.get(uri, float("-inf")) < cooldown:
            return
        self._asked_at[uri] = now
        self._asked_at.move_to_end(uri)
        if len(self._asked_at) > status_list.MAX_LISTS:
            self._asked_at.popitem(last=False)
        self._want(uri, None)

    def _want(self, uri: str, version: int | None) -> None:
        if uri in self._wanted or len(self._wanted) < status_list.MAX_LISTS:
            self._wanted[uri] = version
            self._wakes.set()

    async def _fetch_wanted(self) -> None:
        while True:
            await self._wakes.wait()
            self._wakes.clear()
            wanted, self._wanted = self._wanted, OrderedDict()
            for uri, version in wanted.items():
                if version is not None and self._followed.get(uri) != version:
                    self._followed[uri] = version
                    self.counts.hints["followed"] += 1
                await self._refresh(uri, version)
                if self._is_behind(uri, version) and uri not in self._wanted:
                    self._want(uri, version)
            await asyncio.sleep(self._polling.between_hints.total_seconds())

    def _is_behind(self, uri: str, version: int | None) -> bool:
        """Whether the list is still older than a hint has said a moment ago."""
        held, since = self._held.get(uri), self._monotonic() - self._hinted_at.get(uri, float("-inf"))
        is_older = held is not None and version is not None and held.version < version
        return is_older and since < self._polling.cached_for.total_seconds()

    async def _poll_forever(self) -> None:
        failures = 0
        while True:
            if self._jwks.held is None:  # without keys no list can be verified; wait for the key set's own fetch
                await asyncio.sleep(0.05)
                continue
            succeeded = await self._poll()
            self.is_ready = self.is_ready or bool(self._held)
            failures = 0 if succeeded else failures + 1
            self._failure = "" if succeeded else self._failure
            await asyncio.sleep(self._polling.pause(failures))

    async def _poll(self) -> bool:
        """Fetch the aggregation, then every list that it names. True if all fetches succeeded."""
        self._forget_withdrawn_keys()
        try:
            uris = await self._list()
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError, ValueError) as error:
            self._failed("the aggregation of status lists cannot be fetched", error)
            return False
        self._keep(uris)
        if self._epochs.is_announced(uris):
            await self._jwks.refresh()
        at_once = asyncio.Semaphore(_FETCHED_AT_ONCE)

        async def refresh(uri: str) -> bool:
            async with at_once:
                return await self._refresh(uri)

        current = [uri for uri in uris if not self._epochs.is_over(uri, listed=uris)]
        return all(await asyncio.gather(*map(refresh, current)))

    async def _list(self) -> tuple[str, ...]:
        async with asyncio.timeout(self._polling.total_timeout.total_seconds()):
            status, body, etag = await self._get(self._fetched_from, self._etags.get(self._uri), "application/json")
        if status != 304:
            self._listed = status_list.parse_aggregation(body, prefix=self.prefix)
            self._etags[self._uri] = etag
        return self._listed

    async def _refresh(self, uri: str, version: int | None = None) -> bool:
        """Fetch one list. Two fetches of one list never run at once. If it fails, log it and return False."""
        async with self._locks.setdefault(uri, asyncio.Lock()):
            try:
                async with asyncio.timeout(self._polling.total_timeout.total_seconds()):
                    await self._fetch(uri, version)
            except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError, ValueError) as error:
                self._failed("a status list cannot be fetched", error)
                return False
        return True

    async def _fetch(self, uri: str, version: int | None) -> None:
        address = f"{self._fetched_from}/{uri.removeprefix(self.prefix)}" + ("" if version is None else f"?v={version}")
        etag = self._etags.get(uri) if uri in self._held else None
        status, body, etag = await self._get(address, etag, status_list.MEDIA_TYPE)
        if status == 304:
            self.counts.fetches["unchanged"] += 1
            return
        try:
            fetched = self._verify(uri, body)
        except UnknownStatusKey as error:
            if not await self._jwks.learn(error.kid):
                raise
            fetched = self._verify(uri, body)
        self._swap(uri, fetched, etag)

    def _verify(self, uri: str, body: bytes) -> StatusList:
        held = self._jwks.held
        keys = {} if held is None else held.published.status_lists
        return status_list.verify(body.decode("ascii"), uri=uri, keys=keys, now=self._clock())

    def _swap(self, uri: str, fetched: StatusList, etag: str | None) -> None:
        self._begin_epoch(uri)
        held = self._held.get(uri)
        if held is not None:
            if fetched.iat < held.iat and not status_list.is_from_future(held.iat, self._clock()):
                # The sender may be a node or cache that lags behind. Or the clock of the other node was ahead: then
                # this list is in fact newer, so the tokens that it marks count as revoked in any case.
                self.counts.fetches["older"] += 1
                self._held = {**self._held, uri: held.succeeding(fetched)}
                return
            fetched = fetched.succeeding(held)
        elif len(self._held) >= status_list.MAX_LISTS:
            raise UnusableStatusList("there are too many lists in memory")
        self._held = {**self._held, uri: fetched}
        self._etags[uri] = etag
        self.counts.fetches["changed"] += 1
        self._unsaved.set()

    def _begin_epoch(self, uri: str) -> None:
        """Follow the epoch of a verified list. Raises UnusableStatusList if it is an older one."""
        if self._epochs.follow(uri):
            of, newest = self._epochs.of, self._epochs.newest
            self._held = {each: held for each, held in self._held.items() if of(each) in (0, newest)}

    def _keep(self, uris: Iterable[str]) -> None:
        """Remove the lists that the issuer no longer lists: all their tokens have expired."""
        listed = set(uris)
        for uri in self._held.keys() - listed:
            _log.info("the issuer no longer lists a status list: %s", uri)
        self._held = {uri: held for uri, held in self._held.items() if uri in listed}
        known = listed | {self._uri}
        self._etags = {uri: etag for uri, etag in self._etags.items() if uri in known}
        self._locks = {uri: lock for uri, lock in self._locks.items() if uri in known}
        self._followed = {uri: version for uri, version in self._followed.items() if uri in known}
        self._hinted_at = {uri: at for uri, at in self._hinted_at.items() if uri in known}

    def _forget_withdrawn_keys(self) -> None:
        """Drop lists signed by a withdrawn key, even if no newer list has been fetched yet."""
        published = self._jwks.held
        if published is not None:
            known = published.published.status_lists
            self._held = {uri: held for uri, held in self._held.items() if held.kid in known}

    def _failed(self, what: str, error: Exception) -> None:
        """Count a failure. Log it only if it differs from the one before, since polls are frequent."""
        self.counts.fetches["failed"] += 1
        failure = f"{what}: {type(error).__name__}: {error}"
        if failure != self._failure:
            _log.warning(failure)
        self._failure = failure

    async def _get(self, address: str, etag: str | None, media_type: str) -> tuple[int, bytes, str | None]:
        """Status (200, or 304 if an ETag was sent), body and ETag.

        Raises:
            UnusableStatusList: another status, another media type, or a body that is too long.
        """
        headers = {"Accept": media_type} | ({} if etag is None else {"If-None-Match": etag})
        self._client.cookies.clear()
        async with self._client.stream("GET", address, headers=headers) as response:
            if response.status_code == 304 and etag is not None:
                return 304, b"", etag
            if response.status_code != 200 or response.headers.get("Content-Encoding", "identity") != "identity":
                raise UnusableStatusList(f"the response has status {response.status_code} or a content encoding")
            if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() != media_type:
                raise UnusableStatusList("the response has another media type")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > status_list.MAX_LENGTH:
                    raise UnusableStatusList("the response is too long")
            return 200, bytes(body), response.headers.get("ETag")

    def _load(self) -> None:
        published = self._jwks.held
        if self._saved_copy is None or published is None:
            return
        try:
            text = self._saved_copy.read_bytes()
            documents = strict_json.parse(text, max_depth=2)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            _log.warning("the saved status lists are not used: %s", error)
            return
        if not isinstance(documents, dict):
            return
        if documents.get(_PREFIX, self.prefix) != self.prefix:
            _log.warning("the saved status lists are another issuer's")
            return
        epoch = documents.get(_EPOCH)
        self._epochs.newest = epoch if isinstance(epoch, int) and 0 <= epoch < epochs.LIMIT else 0
        for uri, document in documents.items():
            if not (isinstance(document, str) and status_list.is_under(uri, self.prefix)):
                continue
            try:
                keys = published.published.status_lists
                restored = status_list.restore(document, uri=uri, keys=keys, now=self._clock())
                self._begin_epoch(uri)
                self._held[uri] = restored
            except UnusableStatusList as error:
                _log.warning("a saved status list is not used: %s", error)

    async def _save_changes(self) -> None:
        while self._saved_copy is not None:
            await self._unsaved.wait()
            self._unsaved.clear()
            documents: dict[str, str | int] = {uri: held.document for uri, held in self._held.items()}
            text = json.dumps({_PREFIX: self.prefix, _EPOCH: self._epochs.newest, **documents})
            try:
                await asyncio.to_thread(saved_copy.write, self._saved_copy, text)
            except OSError as error:
                _log.warning("the status lists cannot be saved: %s", error)
            await asyncio.sleep(self._polling.between_saves.total_seconds())
