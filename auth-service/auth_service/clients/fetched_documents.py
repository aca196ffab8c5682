"""Metadata documents of clients (oauth/client_documents.py): fetched when a person comes, cached by their headers.

A failure is not cached (draft §5.1 and §5.2): the next request tries again, within the budgets. Simultaneous requests
for one document share one fetch.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..limits.documents import DocumentLimits
from ..network.outbound import FetchFailed, Outbound
from ..oauth.client_documents import MAX_SIZE, host_of
from ..oauth.strict_json import has_more_values, parse_object

FRESH = timedelta(minutes=5)  # of a document whose headers do not say it
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
CAPACITY = 1000  # documents
MAX_AT_ONCE = 16  # fetches
MAX_VALUES, MAX_BRACKETS = 200, 100
_MAX_AGE = re.compile(r"(?:^|,)\s*max-age\s*=\s*\"?([0-9]{1,9})\"?\s*(?:,|$)", re.IGNORECASE)
_JSON = re.compile(r"application/(json|[a-z0-9!#$&^_.-]+\+json)\s*(;.*)?", re.IGNORECASE | re.DOTALL)


class NoDocument(Exception):
    """The reason why there is no document: in words for the client's developer, and in detail for the log."""

    def __init__(self, told: str, reason: str = "") -> None:
        super().__init__(told)
        self.told = told
        self.reason = reason or told


class TooManyFetches(Exception):
    def __init__(self, header_fields: Mapping[str, str]) -> None:
        super().__init__()
        self.retry_after = header_fields.get("Retry-After", "1")


@dataclass(frozen=True)
class _Held:
    document: Mapping[str, Any]
    until: datetime


@dataclass(frozen=True)
class FetchedDocuments:
    """For one event loop."""

    outbound: Outbound
    limits: DocumentLimits
    _held: dict[str, _Held] = field(default_factory=dict)
    _fetching: dict[str, asyncio.Task[Mapping[str, Any]]] = field(default_factory=dict)

    async def get(self, url: str, networks: Sequence[str], *, now: datetime) -> Mapping[str, Any]:
        """The JSON object at the URL, fetched unless it is cached and fresh.

        Args:
            networks: those of the person who causes it, the narrowest first.

        Raises:
            NoDocument, TooManyFetches
        """
        held = self._held.get(url)
        if held is not None and held.until - LONGEST <= now < held.until:
            return held.document
        if url not in self._fetching:
            standing = await self.limits.spend(host_of(url), networks)
            if standing.is_exceeded or len(self._fetching) >= MAX_AT_ONCE:
                raise TooManyFetches(standing.header_fields)
        if url not in self._fetching:  # nothing has awaited since this look
            self._fetching[url] = asyncio.create_task(self._fetch(url, now))
        return await asyncio.shield(self._fetching[url])

    def forget(self) -> None:
        self._held.clear()

    async def _fetch(self, url: str, now: datetime) -> Mapping[str, Any]:
        try:
            return await self._read(url, now)
        finally:
            del self._fetching[url]

    async def _read(self, url: str, now: datetime) -> Mapping[str, Any]:
        self._held.pop(url, None)
        try:
            fetched = await self.outbound.fetch_whole(url, max_size=MAX_SIZE)
        except FetchFailed as error:
            raise NoDocument("its metadata document cannot be fetched", str(error)) from None
        if not _JSON.fullmatch(fetched.headers.get("content-type", "")):
            raise NoDocument("its metadata document is not application/json")
        if has_more_values(fetched.body, MAX_VALUES):
            raise NoDocument("its metadata document has too many members")
        try:
            document = parse_object(fetched.body, max_brackets=MAX_BRACKETS)
        except ValueError as error:
            raise NoDocument(f"its metadata document is not a JSON object: {error}") from None
        if len(self._held) >= CAPACITY:
            del self._held[next(iter(self._held))]  # the oldest
        self._held[url] = _Held(document, now + freshness(fetched.headers.get("cache-control", "")))
        return document


def freshness(cache_control: str) -> timedelta:
    """How long a document may be used, from SHORTEST to LONGEST: `no-store` cannot cause a fetch for each click."""
    words = {word.strip().partition("=")[0].lower() for word in cache_control.split(",")}
    if words & {"no-store", "no-cache"}:
        return SHORTEST
    found = _MAX_AGE.search(cache_control)
    return FRESH if found is None else max(SHORTEST, min(timedelta(seconds=int(found[1])), LONGEST))
