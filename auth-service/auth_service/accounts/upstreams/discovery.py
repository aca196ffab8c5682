"""What upstream providers publish about themselves (OpenID Connect Discovery 1.0 §4), fetched within bounds and cached.

A sign-in page can be opened by anybody, so there is at most one fetch per COOLDOWN and provider, and simultaneous
requests share it. While a provider does not answer, what it said before is used until it is older than MAX_STALE.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from ...network.outbound import FetchFailed, Outbound
from ...oauth.strict_json import parse_object

WELL_KNOWN = "/.well-known/openid-configuration"
FRESH = timedelta(minutes=10)
MAX_STALE = timedelta(hours=24)
COOLDOWN = timedelta(seconds=5)
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
MAX_BRACKETS = 500
MAX_URL_LENGTH = 2048


class ProviderUnavailable(Exception):
    """The provider cannot be reached, or publishes nothing usable. The text is the reason, for the log."""


@dataclass(frozen=True)
class Discovered:
    """The members that are used, each checked."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    sends_iss: bool  # its answers name it (RFC 9207 §3)


def parse_metadata(document: Mapping[str, Any], issuer: str) -> Discovered:
    """Raises ValueError: the document is another issuer's, or lacks an endpoint."""
    if document.get("issuer") != issuer:
        raise ValueError("the metadata are another issuer's")
    endpoints = {name: _url(document, name, issuer) for name in ENDPOINTS}
    userinfo = None if document.get("userinfo_endpoint") is None else _url(document, "userinfo_endpoint", issuer)
    sends_iss = document.get("authorization_response_iss_parameter_supported") is True
    return Discovered(issuer=issuer, userinfo_endpoint=userinfo, sends_iss=sends_iss, **endpoints)


def _url(document: Mapping[str, Any], name: str, issuer: str) -> str:
    """An endpoint: https, or http if the issuer is."""
    value = document.get(name)
    if not isinstance(value, str) or len(value) > MAX_URL_LENGTH or not value.isascii() or not value.isprintable():
        raise ValueError(f"{name} is missing, or no URL")
    parts = urlsplit(value)
    _ = parts.port  # raises ValueError for a malformed URL
    schemes = ("https", "http") if issuer.startswith("http://") else ("https",)
    if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc or " " in value or parts.fragment:
        raise ValueError(f"{name} is no https URL")
    return value


@dataclass
class _Held:
    found: Discovered | None = None
    fetched_at: datetime | None = None
    tried_at: datetime | None = None
    problem: str = ""
    fetching: asyncio.Task[None] | None = None


@dataclass(frozen=True)
class ProviderMetadata:
    """For one event loop."""

    outbound: Outbound
    _held: dict[str, _Held] = field(default_factory=dict)  # as many as providers were ever registered

    async def get(self, issuer: str, *, now: datetime) -> Discovered:
        """Raises ProviderUnavailable."""
        held = self._held.setdefault(issuer, _Held())
        if not _is_younger(held.fetched_at, FRESH, now):
            await self._refresh(held, issuer, now)
        if held.found is None or not _is_younger(held.fetched_at, MAX_STALE, now):
            raise ProviderUnavailable(held.problem)
        return held.found

    def forget(self) -> None:
        self._held.clear()

    async def _refresh(self, held: _Held, issuer: str, now: datetime) -> None:
        """Wait for the running fetch, or start one unless the last was within COOLDOWN. It survives its caller."""
        if held.fetching is None or held.fetching.done():
            if _is_younger(held.tried_at, COOLDOWN, now):
                return
            held.tried_at = now
            held.fetching = asyncio.create_task(self._fetch(held, issuer, now))
        await asyncio.shield(held.fetching)

    async def _fetch(self, held: _Held, issuer: str, now: datetime) -> None:
        try:
            document = await self.outbound.fetch(issuer.rstrip("/") + WELL_KNOWN)
            held.found = parse_metadata(parse_object(document, max_brackets=MAX_BRACKETS), issuer)
        except (FetchFailed, ValueError) as error:
            held.problem = str(error)
        else:
            held.fetched_at = now


def _is_younger(instant: datetime | None, age: timedelta, now: datetime) -> bool:
    return instant is not None and timedelta() <= now - instant < age
