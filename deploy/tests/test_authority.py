"""The gateway's certificate and the authority that signs it, checked by a strict client."""

from __future__ import annotations

import ssl
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from socket import socketpair
from typing import TYPE_CHECKING

import pytest
from deploy import authority

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["localhost", "127.0.0.1", "::1"]
NOW = datetime.now(UTC)


def certify(folder: Path, names: list[str] = NAMES, now: datetime = NOW) -> tuple[bytes, bytes]:
    """Runs certify(), and returns the authority's and the gateway's certificate."""
    authority.certify(folder / "authority", folder / "gateway", names, now=now)
    return (folder / "authority/authority.crt").read_bytes(), (folder / "gateway/gateway.crt").read_bytes()


def reach(folder: Path, name: str) -> None:
    """A handshake between a server with the gateway's certificate and a client that trusts the authority."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "gateway/gateway.crt", folder / "gateway/gateway.key")
    client = ssl.create_default_context(cafile=folder / "authority/authority.crt")
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # Python 3.13's default

    def answer() -> None:
        with closing(there):
            try:
                server.wrap_socket(there, server_side=True).close()
            except OSError:
                return  # the client has closed the connection, and raises the reason

    here, there = socketpair()
    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with closing(here):
            client.wrap_socket(here, server_hostname=name).close()
    finally:
        thread.join()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_trusted(tmp_path: Path, name: str) -> None:
    certify(tmp_path)
    reach(tmp_path, name)


def test_another_name_is_not(tmp_path: Path) -> None:
    certify(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        reach(tmp_path, "example.com")


@pytest.mark.parametrize("name", ["example.com", "192.0.2.1"])
def test_authority_is_trusted_with_nothing_else(tmp_path: Path, name: str) -> None:
    """RFC 5280 §4.2.1.10: a thief of its key cannot impersonate other sites to those who trust it."""
    certify(tmp_path)
    thief = authority.Pair.read(tmp_path / "authority", "authority")
    assert thief is not None
    authority.make_certificate(thief, [name], NOW).write(tmp_path / "gateway", "gateway")
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        reach(tmp_path, name)


@pytest.mark.parametrize(("days", "renewed"), [(0, False), (366, False), (368, True), (500, True)])
def test_certificate_is_renewed_near_its_end_and_the_authority_stays(tmp_path: Path, days: int, renewed: bool) -> None:
    first = certify(tmp_path)
    later = certify(tmp_path, now=NOW + timedelta(days=days))
    assert (later[0] == first[0], later[1] != first[1]) == (True, renewed)


def test_authority_is_renewed_near_its_end(tmp_path: Path) -> None:
    first = certify(tmp_path)
    later = certify(tmp_path, now=NOW + timedelta(days=1800))
    assert later[0] != first[0]


def test_other_names_take_another_authority(tmp_path: Path) -> None:
    first, later = certify(tmp_path), certify(tmp_path, [*NAMES, "192.0.2.1"])
    assert (later[0] != first[0], later[1] != first[1]) == (True, True)
    reach(tmp_path, "192.0.2.1")


@pytest.mark.parametrize("name", ["authority/authority", "gateway/gateway"])
@pytest.mark.parametrize("suffix", ["crt", "key"])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\n"])
def test_what_is_broken_or_gone_is_made_anew(tmp_path: Path, name: str, suffix: str, content: bytes | None) -> None:
    certify(tmp_path)
    file = tmp_path / f"{name}.{suffix}"
    file.unlink() if content is None else file.write_bytes(content)
    certify(tmp_path)
    reach(tmp_path, "localhost")


def test_keys_are_for_us_alone(tmp_path: Path) -> None:
    certify(tmp_path)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.*")}
    assert modes == {"authority.crt": 0o644, "authority.key": 0o600, "gateway.crt": 0o644, "gateway.key": 0o600}
