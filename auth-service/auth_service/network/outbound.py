"""Requests to URLs that clients registered, and to upstream providers: public addresses, https, bounded size and time.

The name is resolved once, here, and the connection goes to the address that was checked. So a name that resolves to
another machine a moment later (DNS rebinding) has no effect. TLS still verifies the name.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .public_addresses import is_public

if TYPE_CHECKING:
    import httpx2

MAX_SIZE = 64 * 1024  # octets
TOTAL_TIMEOUT = timedelta(seconds=3)  # from name resolution to the last octet
MAX_ADDRESSES = 2  # addresses of one name that are tried
JSON = {"Accept": "application/json"}

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class FetchFailed(Exception):
    """The reason why a request failed, for the log."""


@dataclass(frozen=True)
class Fetched:
    """A response. The names of its headers may be in any case."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Outbound:
    """Where requests may go, and whom they trust.

    Attributes:
        allowed_networks: allowed in addition to public addresses.
        ca_file: authorities trusted beside the system's.
        reads_http: documents may be read by plain http as well, from the allowed networks only.
    """

    allowed_networks: Sequence[Network] = ()
    ca_file: Path | None = None
    reads_http: bool = False

    async def fetch(self, url: str) -> bytes:
        """The document at an https URL. Redirects are not followed.

        Raises:
            FetchFailed: not allowed, unreachable, too slow, too large, or a status other than 200.
        """
        return (await self.fetch_whole(url, max_size=MAX_SIZE)).body

    async def fetch_whole(self, url: str, *, max_size: int, headers: Mapping[str, str] = JSON) -> Fetched:
        """The same with its headers, of at most `max_size` octets. `headers` are those of the request."""
        answer = await self.send("GET", url, headers, max_size=max_size)
        if answer.status != 200 or answer.headers.get("content-encoding", "identity") != "identity":
            raise FetchFailed(f"the answer is a {answer.status}, or encoded")
        return answer

    async def post(self, url: str, content: bytes, *, media_type: str) -> int:
        """The status of the response. Plain http is allowed only to the networks that the operator listed.

        Raises:
            FetchFailed: not allowed, unreachable, too slow, or the response is too large.
        """
        headers = {**JSON, "Content-Type": media_type}
        return (await self.send("POST", url, headers, content)).status

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes = b"", *, max_size: int = MAX_SIZE
    ) -> Fetched:
        """The response, whatever its status is.

        Raises:
            FetchFailed: not allowed, unreachable, too slow, or the response is too large.
        """
        import httpx2  # imported late: it takes 10 MB, and few processes ever fetch

        try:
            async with asyncio.timeout(TOTAL_TIMEOUT.total_seconds()):
                return await self._connect(method, url, headers, content, max_size)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise FetchFailed(f"{type(error).__name__}: {str(error)[:200]}") from error

    async def _connect(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, max_size: int
    ) -> Fetched:
        import httpx2

        parts = urlsplit(url)
        is_plain = parts.scheme == "http" and (method == "POST" or self.reads_http)
        host, port = parts.hostname, parts.port or (80 if is_plain else 443)
        if not host or not (is_plain or parts.scheme == "https"):
            raise FetchFailed("not https")
        addresses = await self._resolve(host, port)
        if is_plain and not all(self._is_listed(address) for address in addresses):
            raise FetchFailed("http is allowed only to listed networks")
        async with httpx2.AsyncClient(verify=self._trust, trust_env=False, follow_redirects=False) as client:
            for is_last, address in ((number == len(addresses), each) for number, each in enumerate(addresses, 1)):
                literal = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
                request = client.build_request(
                    method,
                    httpx2.URL(url).copy_with(host=literal),
                    headers={"Host": parts.netloc, "Accept-Encoding": "identity", **headers},
                    content=content or None,
                    extensions={"sni_hostname": host},
                )
                try:
                    return await _read(client, request, max_size)
                except httpx2.ConnectError:
                    if is_last:
                        raise
        raise FetchFailed("the name has no address")

    async def _resolve(self, host: str, port: int) -> list[Address]:
        """The first MAX_ADDRESSES addresses of a name. Raises FetchFailed if any of its addresses is not allowed."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]
        for address in addresses:
            if not self.may_reach(address):
                raise FetchFailed("an address of this name is not public")
        return addresses[:MAX_ADDRESSES]

    def may_reach(self, address: Address) -> bool:
        """Whether the address is public, or listed by the operator."""
        return self._is_listed(address) or is_public(address)

    def _is_listed(self, address: Address) -> bool:
        return any(address in network for network in self.allowed_networks)

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        import httpx2

        context: ssl.SSLContext = httpx2.create_ssl_context(trust_env=False)
        if self.ca_file is not None:
            context.load_verify_locations(self.ca_file)
        return context


async def _read(client: "httpx2.AsyncClient", request: "httpx2.Request", max_size: int) -> Fetched:
    response = await client.send(request, stream=True)
    try:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > max_size:
                raise FetchFailed(f"the document is larger than {max_size} octets")
        return Fetched(response.status_code, bytes(body), response.headers)
    finally:
        await response.aclose()
