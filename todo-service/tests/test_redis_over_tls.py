"""Redis over TLS: a server without a valid certificate gets no password, and no request fails because of it."""

import ssl
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.typing import EventDict

from todo_fixtures.certificates import write_certificate
from todo_fixtures.redis_server import ENCODED
from todo_fixtures.service import wait_until
from todo_service.limits.windows import QuotaPolicy

from .test_rate_limits import HOUR, PATIENT, TODOS, counted

CLUSTER = ("--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-announce-ip", "127.0.0.1")


def over_tls(port: int, requests: int, ca_file: Path | None, *, scheme: str = "rediss") -> dict[str, Any]:
    url = SecretStr(f"{scheme}://:{ENCODED}@localhost:{port}")
    policy = QuotaPolicy(requests, HOUR)
    return {"redis_url": url, "redis_timeout": PATIENT, "redis_ca_file": ca_file, "rate_limit": policy}


@pytest.mark.parametrize("scheme", ["rediss", "rediss+cluster"])
def test_server_of_the_authority_counts(run_service: Any, encrypted_redis: Any, tmp_path: Path, scheme: str) -> None:
    certificate, ca_file = write_certificate(tmp_path, "localhost", address="127.0.0.1")
    options = CLUSTER if scheme == "rediss+cluster" else ()
    with encrypted_redis(certificate, ca_file, *options) as (server, port):
        if options:
            server.make_cluster()
        with run_service(**over_tls(port, 2, ca_file, scheme=scheme)) as running:
            running.wait_until_ready()
            person = running.person(sub := uuid.uuid4().hex)
            assert [person.get(TODOS).status_code for _ in range(3)] == [200, 200, 429]
            assert counted(server, sub) == 3
            assert "redis_lost 0\n" in running.metrics()


@pytest.mark.parametrize(
    ("name", "believed"),
    [
        pytest.param("localhost", "other", id="another authority"),
        pytest.param("localhost", "system", id="only the system's authorities"),
        pytest.param("redis.example", "own", id="another host's name"),
    ],
)
def test_server_that_does_not_prove_itself_is_as_good_as_gone(
    run_service: Any,
    encrypted_redis: Any,
    tmp_path: Path,
    logged: list[EventDict],
    name: str,
    believed: str,
) -> None:
    (tmp_path / "other").mkdir()
    certificate, ca_file = write_certificate(tmp_path, name)
    files = {"own": ca_file, "other": write_certificate(tmp_path / "other", name)[1], "system": None}
    with encrypted_redis(certificate, ca_file) as (server, port):
        with run_service(**over_tls(port, 2, files[believed])) as running:
            running.wait_until_ready()
            wait_until(lambda: "CERTIFICATE_VERIFY_FAILED" in str(logged))  # logged before any request
            person = running.person(sub := uuid.uuid4().hex)
            assert [person.get(TODOS).status_code for _ in range(3)] == [200, 200, 429]  # counted in this process
            assert "redis_lost 1\n" in running.metrics()
        assert counted(server, sub) == 0
    assert [entry["event"] for entry in logged].count("redis_lost") == 1
    assert "a password" not in str(logged)


def test_connections_share_what_is_read_of_authorities(
    run_service: Any, encrypted_redis: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading the authorities blocks the event loop longer than Redis' timeout, so many connections would all fail."""
    certificate, ca_file = write_certificate(tmp_path, "localhost")
    read: list[object] = []
    real = ssl.create_default_context

    def create_default_context(cafile: Path | None = None) -> ssl.SSLContext:
        if cafile is None:  # redis-py's call; the test's HTTP client names a file
            read.append(cafile)
        return real(cafile=cafile)

    monkeypatch.setattr(ssl, "create_default_context", create_default_context)
    with (
        encrypted_redis(certificate, ca_file) as (server, port),
        run_service(**over_tls(port, 1000, ca_file)) as running,
        ThreadPoolExecutor(8) as pool,
    ):
        running.wait_until_ready()
        person = running.person(sub := uuid.uuid4().hex)
        assert {answer.status_code for answer in pool.map(lambda _: person.get(TODOS), range(32))} == {200}
        assert counted(server, sub) == 32
    assert read == []
