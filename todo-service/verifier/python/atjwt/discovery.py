"""Where the issuer's keys and status lists are: its metadata (RFC 8414, OpenID Connect Discovery 1.0).

The metadata are fetched from the issuer's own address, and must name exactly the configured issuer (RFC 8414 §3.3).
Keys and lists must be at the issuer's origin, so that no document can make this service fetch from elsewhere, such as a
neighbour on loopback. An issuer that keeps its keys at another origin is configured with `also_at`.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from . import outgoing, saved_copy, strict_json
from .jitter import jittered

MAX_LENGTH = 64 * 1024
_MAX_DEPTH = 8
_CONNECT_TIMEOUT, _TOTAL_TIMEOUT = timedelta(seconds=1), timedelta(seconds=3)
_INTERVAL = timedelta(hours=1)
_FIRST_RETRY, _LAST_RETRY = timedelta(seconds=1), timedelta(seconds=60)
_log = logging.getLogger(__name__)


class UnusableMetadata(ValueError):
    """The document is refused. The text says what an operator has to change."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The addresses of the issuer's documents. `status_lists` is the aggregation's; empty: there are no lists."""

    jwks_uri: str
    status_lists: str = ""


def check_issuer(issuer: str) -> None:
    """Raises ValueError if tokens of this issuer cannot be verified, or if its metadata could be forged on the way."""
    parts = urlsplit(issuer)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("the issuer is an https URL without query and fragment (RFC 8414 §2)")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("the issuer must be https, except on loopback")


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def addresses(issuer: str) -> tuple[str, ...]:
    """Where the metadata may be: RFC 8414 §3.1, then OpenID Connect Discovery 1.0 §4.1."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    return (
        f"{origin}/.well-known/oauth-authorization-server{path}",
        f"{origin}{path}/.well-known/openid-configuration",
    )


def parse(document: bytes, *, issuer: str, also_at: Collection[str] = ()) -> Endpoints:
    """Read the metadata.

    Raises:
        UnusableMetadata: not JSON, of another issuer, without keys, or with an address at a foreign origin.
    """
    try:
        members = strict_json.parse(document, max_depth=_MAX_DEPTH)
    except ValueError as error:
        raise UnusableMetadata(f"the metadata are {error}") from None
    if not isinstance(members, dict):
        raise UnusableMetadata("the metadata are no JSON object")
    named = members.get("issuer")
    if named != issuer:
        raise UnusableMetadata(_other_issuer(named, issuer))
    jwks_uri, lists = members.get("jwks_uri"), members.get("status_list_aggregation_endpoint", "")
    if not isinstance(jwks_uri, str) or not isinstance(lists, str):
        raise UnusableMetadata("the metadata name no jwks_uri, or an address that is no string")
    allowed = (_origin(issuer), *map(_origin, also_at))
    for name, url in (("jwks_uri", jwks_uri), ("status_list_aggregation_endpoint", lists)):
        if url and _origin(url) not in allowed:
            raise UnusableMetadata(f"{name} is not at the issuer's origin; if it may be elsewhere, name it in also_at")
    return Endpoints(jwks_uri, lists.rstrip("/"))


def _other_issuer(named: object, issuer: str) -> str:
    if isinstance(named, str) and named.rstrip("/") == issuer.rstrip("/"):
        longer = "document" if named.endswith("/") else "configuration"
        return f"the issuer differs by a slash at the end, which the {longer} has: write it exactly as the issuer does"
    return "the metadata name another issuer than the configured one"


def _origin(url: str) -> str:
    """Scheme, host and port. Two spellings of one origin count as different: that is refused, never accepted."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


class Discovery:
    """Finds the endpoints of one issuer. `address` turns a public address into the one that is reached from here."""

    def __init__(
        self, issuer: str, address: Callable[[str], str], *, also_at: Collection[str] = (), saved: Path | None = None
    ) -> None:
        self._issuer = issuer
        self._address = address
        self._also_at = also_at
        self._saved = saved
        self.problem = ""  # why the last attempt failed

    async def find(self) -> Endpoints:
        """The endpoints of the saved copy; without one those of the metadata, as soon as they can be fetched."""
        return await asyncio.to_thread(self._load) or await self._fetch_until_found()

    async def find_others(self, held: Endpoints) -> Endpoints:
        """Wait until the metadata name other endpoints than `held`. They are fetched once an hour."""
        while True:
            found = await self._fetch_until_found()
            if found != held:
                return found
            await asyncio.sleep(jittered(_INTERVAL.total_seconds(), 0.9, 1.1))

    async def _fetch_until_found(self) -> Endpoints:
        failures = 0
        while (found := await self._fetch()) is None:
            seconds = min(_FIRST_RETRY.total_seconds() * 2 ** min(failures, 8), _LAST_RETRY.total_seconds())
            failures += 1
            await asyncio.sleep(jittered(seconds, 0.5, 1))
        await asyncio.to_thread(self._save, found)
        return found

    async def _fetch(self) -> Endpoints | None:
        places = [self._address(place) for place in addresses(self._issuer)]
        async with outgoing.client(
            places[0], connect=_CONNECT_TIMEOUT, total=_TOTAL_TIMEOUT, headers={"Accept": "application/json"}
        ) as client:
            problems: list[str] = []
            for place in places:
                try:
                    async with asyncio.timeout(_TOTAL_TIMEOUT.total_seconds()):
                        document = await _download(client, place)
                    self.problem = ""
                    return parse(document, issuer=self._issuer, also_at=self._also_at)
                except UnusableMetadata as error:
                    problems.append(str(error))
                except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError) as error:
                    problems.append(f"the metadata cannot be fetched: {type(error).__name__}: {error}")
        problem = "; ".join(dict.fromkeys(problems))
        if problem != self.problem:
            _log.warning("no keys yet: %s", problem)
        self.problem = problem
        return None

    def _load(self) -> Endpoints | None:
        if self._saved is None:
            return None
        try:
            members = strict_json.parse(self._saved.read_bytes(), max_depth=2)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            _log.warning("the saved metadata are not used: %s", error)
            return None
        match members:
            case {"issuer": self._issuer, "jwks_uri": str(jwks_uri), "status_lists": str(lists)}:
                return Endpoints(jwks_uri, lists)
            case _:
                return None

    def _save(self, found: Endpoints) -> None:
        if self._saved is None:
            return
        try:
            saved_copy.write(self._saved, json.dumps({"issuer": self._issuer, **asdict(found)}))
        except OSError as error:
            _log.warning("the metadata cannot be saved: %s", error)


async def _download(client: httpx2.AsyncClient, address: str) -> bytes:
    async with client.stream("GET", address) as response:
        if response.status_code != 200 or response.headers.get("Content-Encoding", "identity") != "identity":
            raise UnusableMetadata(f"the response has status {response.status_code} or a content encoding")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_LENGTH:
                raise UnusableMetadata("the metadata are larger than 64 KiB")
        return bytes(body)
