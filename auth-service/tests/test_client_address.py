"""An address has one form in limits and logs, and a trusted proxy is known in each form."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from auth_service.telemetry.client_address import ClientAddress, canonical, in_both_forms

SPELLINGS = [
    ("192.0.2.1", "192.0.2.1"),
    ("192.0.2.1:4711", "192.0.2.1"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("::FFFF:c000:0201", "192.0.2.1"),
    ("0:0:0:0:0:ffff:c000:201", "192.0.2.1"),
    ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
    ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
    ("2001:0db8::0001", "2001:db8::1"),
    ("[2001:db8::1]", "2001:db8::1"),
    ("[2001:db8::1]:443", "2001:db8::1"),
    ("fe80::1%eth0", "fe80::1"),
    ("[fe80::1%25eth0]:80", "fe80::1"),
    ("", ""),
    ("unix:", ""),
    ("192.0.2.1.evil", ""),
    ("192.0.2.01", ""),
    ("192.0.2.1:", ""),
    ("[192.0.2.1", ""),
    ("\x9b31m", ""),
]


@pytest.mark.parametrize(("text", "address"), SPELLINGS)
def test_an_address_has_one_form(text: str, address: str) -> None:
    assert canonical(text) == address


async def seen_by(trusted: str, peer: str) -> object:
    """The client that the application sees."""
    seen: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["client"])

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        pass

    scope = {"type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", b"[2001:DB8::0:9]:77")]}
    outer: Any = ProxyHeadersMiddleware(ClientAddress(app), in_both_forms([trusted]))  # type: ignore[arg-type]  # another name of ASGI
    await outer(scope, receive, send)
    return seen[0]


@pytest.mark.parametrize(
    ("trusted", "peer"),
    [
        ("10.0.0.0/8", "10.1.2.3"),
        ("10.0.0.0/8", "::ffff:10.1.2.3"),
        ("::ffff:10.0.0.0/104", "10.1.2.3"),
        ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("FD00:0::/8", "fd00::1"),
        ("fe80::/10", "fe80::1%eth0"),
    ],
)
def test_a_trusted_proxy_is_known_in_each_form(trusted: str, peer: str) -> None:
    assert asyncio.run(seen_by(trusted, peer)) == ("2001:db8::9", 77)


@pytest.mark.parametrize("peer", ["11.0.0.1", "::ffff:11.0.0.1", "::a00:1"])
def test_anybody_else_is_named_by_the_own_address(peer: str) -> None:
    assert asyncio.run(seen_by("10.0.0.0/8", peer)) == (canonical(peer), 1)
