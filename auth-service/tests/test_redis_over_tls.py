"""Redis over TLS: a server without a valid certificate gets no data, and no request fails because of it."""

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from .conftest import Start
from .https_server import write_certificate
from .oauth_client import register
from .redis_server import RedisServer, running_encrypted_redis
from .test_client_limits import PATIENT, Logged, ask, logged
from .waiting import wait_until

__all__ = ["logged"]  # a fixture

LIMIT = {"AUTH_CLIENT_RATE_LIMIT": "2/PT1H", **PATIENT}


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, str, Path]]:
    """A server with a certificate for `localhost`, its URL, and its authority's file."""
    certificate, ca_file = write_certificate(tmp_path_factory.mktemp("redis"), "localhost")
    with running_encrypted_redis(certificate, ca_file) as (server, url):
        yield server, url, ca_file


@pytest.mark.process
def test_server_of_the_authority_counts(
    start: Start, sqlite_url: str, certified: tuple[RedisServer, str, Path], logged: Logged
) -> None:
    server, url, ca_file = certified
    service = start(sqlite_url, AUTH_REDIS_URL=url, AUTH_REDIS_CA_FILE=str(ca_file), **LIMIT)
    client = register(service)
    assert [client.token().status_code for _ in range(3)] == [200, 200, 429]
    assert server.counted(f"token:{client.client_id}") == 3
    assert "redis_lost 0\n" in httpx2.get(service.metrics_url).text
    assert "redis_lost" not in str(logged)


UNPROVEN = {
    "another authority": ("localhost", True),
    "only the system's authorities": ("localhost", False),
    "another host's name": ("redis.example", None),
}


@pytest.mark.process
@pytest.mark.parametrize(("name", "has_other_authority"), UNPROVEN.values(), ids=UNPROVEN)
def test_server_that_does_not_prove_itself_is_as_good_as_gone(
    start: Start, sqlite_url: str, tmp_path: Path, logged: Logged, name: str, has_other_authority: bool | None
) -> None:
    (tmp_path / "other").mkdir()
    certificate, ca_file = write_certificate(tmp_path, name)
    _, other = write_certificate(tmp_path / "other", name)
    believed = {None: {"AUTH_REDIS_CA_FILE": str(ca_file)}, True: {"AUTH_REDIS_CA_FILE": str(other)}, False: {}}
    with running_encrypted_redis(certificate, ca_file) as (server, url):
        service = start(sqlite_url, AUTH_REDIS_URL=url, **LIMIT, **believed[has_other_authority])
        wait_until(lambda: "CERTIFICATE_VERIFY_FAILED" in str(logged))  # without waiting for a request
        client = register(service)
        assert [client.token().status_code for _ in range(3)] == [200, 200, 429]  # counted in the process
        assert server.counted(f"token:{client.client_id}") == 0
        assert "redis_lost 1\n" in httpx2.get(service.metrics_url).text
    assert [entry["event"] for entry in logged].count("redis_lost") == 1
    assert "a password" not in str(logged)


@pytest.mark.process
def test_connections_share_what_is_read_of_authorities(
    start: Start, sqlite_url: str, certified: tuple[RedisServer, str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading all authorities blocks the event loop longer than Redis' timeout, so parallel connections would fail."""
    server, url, ca_file = certified
    client = register(start(sqlite_url, AUTH_REDIS_URL=url, AUTH_REDIS_CA_FILE=str(ca_file), **PATIENT))
    read: list[object] = []
    real = ssl.create_default_context

    def create_default_context(cafile: str | None = None) -> ssl.SSLContext:
        if cafile is None:  # redis-py's call; the test's own HTTP client names a file
            read.append(cafile)
        return real(cafile=cafile)

    monkeypatch.setattr(ssl, "create_default_context", create_default_context)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(client, "introspect", token="x").status_code, range(32)))
    assert set(answers) == {200}
    assert server.counted(f"introspect:{client.client_id}") == 32
    assert read == []
