"""One form for each client address, however it was spelled, in limits and logs.

A peer that connects to a dual-stack socket by IPv4 has an address of IPv6 (::ffff:192.0.2.1), and a proxy may write
upper case, zeros, brackets, a port or a zone into X-Forwarded-For. Counted as text, one client would be many.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

_MAPPED = IPv6Network("::ffff:0:0/96")
_BRACKETED = re.compile(r"\[([^\]]*)\](?::[0-9]{1,5})?")
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}")


class ClientAddress:
    """The outermost middleware: everything inside it sees the canonical address, or "" if there was no address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        await self._app({**scope, "client": (canonical(client[0]), client[1])} if client else scope, receive, send)


@lru_cache(maxsize=1024)  # most requests come from a gateway, or from whoever has just asked
def canonical(text: str) -> str:
    """The address in its canonical form (RFC 5952), without brackets, port and zone. "" if the text is no address."""
    if found := _BRACKETED.fullmatch(text) or _WITH_PORT.fullmatch(text):
        text = found[1]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def in_both_forms(networks: Iterable[str]) -> list[str]:
    """The networks; those of IPv4 also as they appear in IPv6, and the other way round."""
    forms: list[str] = []
    for network in map(ip_network, networks):
        forms.append(str(network))
        if isinstance(network, IPv4Network):
            forms.append(f"::ffff:{network.network_address}/{network.prefixlen + 96}")
        elif network.subnet_of(_MAPPED):
            forms.append(f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}")
    return forms
