"""URLs that a client names are fetched only from public addresses, with limits (against SSRF)."""

import asyncio
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from auth_service.network import outbound
from auth_service.network.outbound import MAX_SIZE, FetchFailed, Outbound

from .conftest import Service, Start
from .https_server import HttpsServer, https_server
from .oauth_client import OAuthClient, public_jwk, register

LOOPBACK = ip_network("127.0.0.0/8")

ADDRESSES = {
    "93.184.216.34": True, "2606:2800:220:1:248:1893:25c8:1946": True, "1.1.1.1": True,
    "127.0.0.1": False, "127.255.0.1": False, "::1": False, "0.0.0.0": False, "::": False,
    "10.0.0.1": False, "172.16.0.1": False, "172.31.255.255": False, "192.168.1.1": False, "100.64.0.1": False,
    "169.254.169.254": False, "fe80::1": False, "fd00:ec2::254": False, "fc00::1": False,
    "192.0.0.1": False, "192.0.2.1": False, "198.18.0.1": False, "203.0.113.9": False, "2001:db8::1": False,
    "224.0.0.1": False, "ff02::1": False, "ff0e::1": False, "240.0.0.1": False, "255.255.255.255": False,
    "::ffff:127.0.0.1": False, "::ffff:93.184.216.34": False, "::127.0.0.1": False,
    "192.0.0.9": False, "192.0.0.192": False, "192.31.196.1": False, "192.52.193.1": False, "192.88.99.1": False,
    "192.175.48.1": False, "198.19.255.255": False, "198.51.100.1": False, "239.255.255.255": False,
    "168.63.129.16": False, "168.63.129.15": True, "100.63.255.255": True, "100.128.0.0": True, "198.20.0.0": True,
    "fec0::1": False, "3fff::1": False, "3fff:fff:ffff::": False, "3fff:1000::": True, "5f00::1": False,
    "100::1": False, "100:0:0:1::1": False, "2001:1::1": False, "2001:2::1": False, "2001:3::1": False,
    "2001:20::1": False, "2001:1ff::1": False, "2001:200::1": True, "2620:4f:8000::1": False, "4000::1": False,
    "64:ff9b::7f00:1": False, "64:ff9b:1::a00:1": False, "2002:7f00:1::": False, "2001:0:a00:1::": False,
}  # fmt: skip


@pytest.mark.parametrize(("address", "is_reached"), ADDRESSES.items(), ids=ADDRESSES)
def test_only_public_addresses_are_reached(address: str, is_reached: bool) -> None:
    assert Outbound().may_reach(ip_address(address)) is is_reached


def test_an_operator_may_list_networks() -> None:
    outbound = Outbound([ip_network("10.1.0.0/16"), ip_network("fd00:1::/32")])
    reached = [outbound.may_reach(ip_address(each)) for each in ("10.1.2.3", "fd00:1::9", "10.2.0.1", "fd00:2::1")]
    assert reached == [True, True, False, False]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HttpsServer]:
    with https_server(tmp_path) as serving:
        yield serving


def fetch(url: str, outbound: Outbound) -> bytes:
    return asyncio.run(outbound.fetch(url))


def trusting(server: HttpsServer) -> Outbound:
    return Outbound([LOOPBACK, ip_network("::1/128")], server.ca_file)


def test_a_document_is_fetched(server: HttpsServer) -> None:
    assert fetch(server.url, trusting(server)) == server.body
    assert server.requests == [(f"localhost:{server.port}", "/jwks")]


def test_what_is_not_listed_is_not_even_connected_to(server: HttpsServer) -> None:
    for url in (
        server.url,
        server.url.replace("localhost", "127.0.0.1"),
        server.url.replace("localhost", "2130706433"),
    ):
        with pytest.raises(FetchFailed, match="not public"):
            fetch(url, Outbound((), server.ca_file))
    assert server.requests == []


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "not found": ({"status": 404}, "the answer is a 404"),
    "a redirect": ({"status": 302, "headers": {"Location": "/elsewhere"}}, "the answer is a 302"),
    "compressed": ({"headers": {"Content-Encoding": "gzip"}}, "encoded"),
    "too large": ({"body": b" " * (MAX_SIZE + 1)}, "larger than 65536 octets"),
    "an octet a second": ({"body": b" " * 60, "pause": 1.0}, "TimeoutError"),
}


@pytest.mark.parametrize(("changes", "reason"), REFUSED.values(), ids=REFUSED)
def test_answers_out_of_bounds(
    server: HttpsServer, changes: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in changes.items():
        setattr(server, name, value)
    if reason == "TimeoutError":
        monkeypatch.setattr(outbound, "TOTAL_TIMEOUT", timedelta(seconds=3))
    with pytest.raises(FetchFailed, match=reason):
        fetch(server.url, trusting(server))
    assert len(server.requests) == 1


def test_tls_proves_the_name(server: HttpsServer, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(server.url, Outbound([LOOPBACK, ip_network("::1/128")]))  # the certificate's authority is unknown
    other = tmp_path / "other"
    other.mkdir()
    with (
        https_server(other, "elsewhere.example.com") as elsewhere,
        pytest.raises(FetchFailed, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        fetch(elsewhere.url, trusting(elsewhere))
    assert server.requests == elsewhere.requests == []


@pytest.mark.parametrize(
    "url", ["http://localhost/", "file:///etc/passwd", "https:///x", "https://[::1", "https://a:x/"]
)
def test_only_https_is_fetched(url: str) -> None:
    with pytest.raises(FetchFailed):
        fetch(url, Outbound([LOOPBACK]))


def test_a_name_is_resolved_once(server: HttpsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: a second look-up would give another machine. Host and TLS still use the name."""
    answers = iter([[("127.0.0.1", server.port)], [("10.0.0.1", server.port)]])

    def resolve(host: str | bytes, *args: object, **options: object) -> list[Any]:
        if host not in ("localhost", b"localhost"):  # numeric addresses need no look-up
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, server.port))]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in next(answers)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert fetch(server.url, trusting(server)) == server.body
    assert server.requests == [(f"localhost:{server.port}", "/jwks")]
    assert len(list(answers)) == 1


def test_one_address_that_is_not_public_spoils_the_name(server: HttpsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [("127.0.0.1", server.port), ("10.0.0.1", server.port)]
    resolved = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: resolved)
    with pytest.raises(FetchFailed, match="not public"):
        fetch(server.url, trusting(server))
    assert server.requests == []


@pytest.fixture
def service(start: Start, sqlite_url: str, server: HttpsServer) -> Service:
    """A service that may fetch from the test's server."""
    networks = {"AUTH_OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128", "AUTH_OUTBOUND_CA_FILE": str(server.ca_file)}
    service = start(sqlite_url, **networks)
    service.clock.stop()
    return service


def publish(server: HttpsServer, *names: str) -> None:
    server.body = json.dumps({"keys": [public_jwk(name) for name in names]}).encode()


def publisher(service: Service, server: HttpsServer) -> OAuthClient:
    return register(service, token_endpoint_auth_method="private_key_jwt", jwks_uri=server.url)


def statuses(client: OAuthClient, *keys: str) -> list[int]:
    return [client.token_by_assertion(client.assertion(key)).status_code for key in keys]


def test_published_keys_are_fetched_once_and_kept(service: Service, server: HttpsServer) -> None:
    publish(server, "rsa")
    client = publisher(service, server)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: statuses(client, "rsa"), range(16)))
    assert found == [[200]] * 16
    assert len(server.requests) == 1, "parallel requests must share one fetch"
    service.clock.advance(minutes=4)
    assert statuses(client, "rsa") == [200]
    assert len(server.requests) == 1


def test_a_rotated_key_is_looked_for_once_in_30_seconds(service: Service, server: HttpsServer) -> None:
    publish(server, "rsa")
    client = publisher(service, server)
    assert statuses(client, "rsa") == [200]
    publish(server, "rsa", "rsa2")
    assert statuses(client, "rsa2", "thief", "rsa2", "rsa") == [401, 401, 401, 200]
    assert len(server.requests) == 1
    service.clock.advance(seconds=30)
    assert statuses(client, "rsa2", "thief", "thief") == [200, 401, 401]
    assert len(server.requests) == 2


def test_a_withdrawn_key_is_believed_for_five_minutes(service: Service, server: HttpsServer) -> None:
    publish(server, "rsa", "rsa2")
    client = publisher(service, server)
    assert statuses(client, "rsa") == [200]
    publish(server, "rsa2")
    service.clock.advance(minutes=5)
    assert statuses(client, "rsa", "rsa2") == [401, 200]


def test_an_outage_of_an_hour_takes_no_key_away(service: Service, server: HttpsServer) -> None:
    publish(server, "rsa")
    client = publisher(service, server)
    assert statuses(client, "rsa") == [200]
    server.status = 500
    service.clock.advance(minutes=59)
    assert statuses(client, "rsa") == [200]
    service.clock.advance(minutes=1)
    assert statuses(client, "rsa") == [401]
    server.status = 200
    service.clock.advance(seconds=30)
    assert statuses(client, "rsa") == [200]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": []}', b"\xff", b"[" * 60_000], ids=repr)
def test_a_key_set_that_is_none_opens_nothing(service: Service, server: HttpsServer, body: bytes) -> None:
    server.body = body
    assert statuses(publisher(service, server), "rsa") == [401]


def test_a_private_place_for_keys_opens_nothing(start: Start, sqlite_url: str, server: HttpsServer) -> None:
    publish(server, "rsa")
    service = start(sqlite_url, AUTH_OUTBOUND_CA_FILE=str(server.ca_file))
    assert statuses(publisher(service, server), "rsa") == [401]
    assert server.requests == []
