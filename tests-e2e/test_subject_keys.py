"""GATEWAY_SUBJECT_LIMITS without the issuer's keys: no request fails, so only the log can tell the operator."""

import re
from collections.abc import Iterator

import pytest

from e2e_fixtures.composed import Composed, docker, logged
from e2e_fixtures.waiting import wait_until

# An issuer whose first answers are not key sets. Their text must not appear in the log.
ISSUER = """
import http.server
ANSWERS = [b"a-secret {", b'{"keys": "a-secret"}', b'{"keys": []}']
KEYS = b'{"keys": [{"kty": "RSA", "alg": "RS256", "kid": "one", "n": "AQAB", "e": "AQAB"}]}'
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ANSWERS.pop() if ANSWERS else KEYS
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", 8081), Handler).serve_forever()
"""
SETTINGS = {
    "ISSUER": "http://localhost:8080",
    "GATEWAY_AUTH_UPSTREAM": "127.0.0.1:8081",
    "GATEWAY_TODO_UPSTREAM": "127.0.0.1:8082",
    "GATEWAY_SUBJECT_LIMITS": "on",
}


@pytest.fixture
def gateway(built: Composed) -> Iterator[str]:
    """The container of a gateway with njs, without any network except loopback."""
    given = [f"--env={name}={value}" for name, value in SETTINGS.items()]
    container = docker("run", "--detach", "--network=none", *given, built.image("gateway")).strip()
    try:
        yield container
    finally:
        docker("rm", "--force", container)


def errors(container: str) -> list[str]:
    """Lines of nginx's error log from `warn` on, with their levels and without their times."""
    return re.findall(r"\[((?:warn|error|crit|alert|emerg)\].*)", logged(container))


def test_log_has_it_once_that_keys_do_not_arrive_and_once_that_they_do(gateway: str) -> None:
    wait_until(lambda: any("no answer" in line for line in errors(gateway)))
    docker("exec", "--detach", gateway, "python3", "-c", ISSUER)
    wait_until(lambda: any("gives keys again" in line for line in errors(gateway)))
    lost, found = errors(gateway)
    assert lost.startswith("error]")
    assert lost.endswith("the issuer has given no keys, every call counts for its network: no answer")
    assert found.startswith("warn]")
    assert "a-secret" not in logged(gateway)
