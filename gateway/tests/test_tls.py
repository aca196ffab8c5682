"""TLS terminated by the gateway (RFC 9325; rules G12 and G13 in README.md)."""

from __future__ import annotations

import http.client
import socket
import ssl
import warnings
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from gateway.tests.test_forwarding import forwarded
from gateway.tests.test_problems import check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.tests.conftest import RunningGateway, Starter

V1_1, V1_2, V1_3 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
ISSUER = "https://localhost"


@pytest.fixture(scope="module")
def secure(starter: Starter) -> Iterator[RunningGateway]:
    with starter.start(tls=True, issuer=ISSUER) as running:
        yield running


def client(gateway: RunningGateway, version: ssl.TLSVersion | None = None, ciphers: str = "DEFAULT") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=gateway.folder / "authority.crt")
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")  # what is refused must be refused by the gateway, not by us
    if version:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python's, of the old versions
            context.minimum_version = context.maximum_version = version
    return context


def shake_hands(
    gateway: RunningGateway, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    try:
        return context.wrap_socket(plain, server_hostname="localhost", session=session)
    except ssl.SSLError:
        plain.close()
        raise


@pytest.mark.parametrize("version", [V1_2, V1_3])
def test_versions_in_use_are_spoken(secure: RunningGateway, version: ssl.TLSVersion) -> None:
    with shake_hands(secure, client(secure, version)) as connection:
        assert connection.version() == version.name.replace("_", ".")


@pytest.mark.parametrize("ciphers", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"])
def test_ciphers_without_forward_secrecy_or_aead_are_refused(secure: RunningGateway, ciphers: str) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake"):
        shake_hands(secure, client(secure, V1_2, ciphers))


def test_older_version_is_refused(secure: RunningGateway) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)version"):
        shake_hands(secure, client(secure, V1_1))


def test_sessions_are_resumed_from_the_gateways_memory_only(secure: RunningGateway) -> None:
    """A ticket has the session's secrets, encrypted with a key that nginx would keep as long as it runs."""
    context = client(secure, V1_2)
    with shake_hands(secure, context) as first:
        first.sendall(f"GET /healthz HTTP/1.1\r\nHost: {secure.host}\r\n\r\n".encode())
        assert first.recv(1)  # a worker that answers has put the session into the memory that it shares with the others
        session = first.session
        assert session is not None
        assert not session.has_ticket
        with shake_hands(secure, context, session) as second:
            assert second.session_reused


@pytest.mark.parametrize(("offered", "chosen"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1")])
def test_http2_is_offered(secure: RunningGateway, offered: list[str], chosen: str) -> None:
    context = client(secure)
    context.set_alpn_protocols(offered)
    with shake_hands(secure, context) as connection:
        assert connection.selected_alpn_protocol() == chosen


@pytest.mark.parametrize("host", ["localhost", "localhost:{port}", "127.0.0.1:{port}"])
def test_service_is_reached_under_the_issuers_names(secure: RunningGateway, host: str) -> None:
    with closing(http.client.HTTPSConnection("127.0.0.1", secure.port, timeout=10, context=client(secure))) as tls:
        tls.request("GET", "/api/auth/ok", headers={"Host": host.format(port=secure.port)})
        assert tls.getresponse().status == 200
    assert forwarded(secure.auth)["x-forwarded-proto"] == ["https"]


def test_another_name_is_misdirected(secure: RunningGateway) -> None:
    with closing(http.client.HTTPSConnection("127.0.0.1", secure.port, timeout=10, context=client(secure))) as tls:
        tls.request("GET", "/api/auth/ok", headers={"Host": "localhost:80"})
        assert tls.getresponse().status == 421


def test_plain_http_on_this_port_is_a_problem(secure: RunningGateway) -> None:
    """nginx has the internal status 497 for it, with an HTML page."""
    check(secure.request("/healthz"), 400)
