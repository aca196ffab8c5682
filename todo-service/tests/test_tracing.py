"""Traces by OTLP: one span per request, under the caller's traceparent, without secrets. By default there are none."""

import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from todo_fixtures.issuer import JwksEndpoint, token
from todo_fixtures.service import wait_until
from todo_fixtures.traces import receiving

from .test_commands import FOLDER, environment, serving

TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PLANTED = "planted-secret"


def attributes(span: Span) -> dict[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


@pytest.mark.process
def test_spans_say_what_was_done_and_nothing_that_was_said(tmp_path: Path, jwks: JwksEndpoint, sqlite_url: str) -> None:
    """At its end the process sends the remaining spans. Here these are all: the delay is set to a minute."""
    bearer = token(sub=PLANTED)
    with receiving() as receiver:
        settings = {"TODO_AUTH_URL": jwks.url, "TODO_DATABASE_URL": sqlite_url, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
        with serving(tmp_path, **settings, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url) as (_, url, _):
            wait_until(lambda: httpx2.get(f"{url}/readyz", trust_env=False).status_code == 200)
            send_secrets(url, bearer)
        spans, sent = receiver.spans(), b"".join(receiver.bodies)
    assert [span.name for span in spans if span.trace_id.hex() == TRACE_ID] == [
        "POST /api/v1/todos",
        "GET /api/v1/users/{user_id}/todos/{todo_id}",
        "GET",
    ]
    assert [secret for secret in (PLANTED, bearer) if secret.encode() in sent] == []
    [created, *_] = spans
    assert (created.parent_span_id.hex(), created.trace_state, len(created.events)) == (PARENT_ID, "", 0)
    assert attributes(created) == {
        "http.request.method": "POST",
        "http.response.status_code": 201,
        "http.route": "/api/v1/todos",
        "network.protocol.version": "1.1",
        "url.scheme": "http",
    }


def send_secrets(url: str, bearer: str) -> None:
    """Send requests with secrets in a token, a body, paths, a query, headers, and in the trace headers."""
    headers = {
        "traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01",
        "tracestate": f"vendor={PLANTED}",
        "Authorization": f"Bearer {bearer}",
        "User-Agent": PLANTED,
        "Host": f"{PLANTED}.example.com",
    }
    with httpx2.Client(base_url=url, headers=headers, trust_env=False) as client:
        assert client.post("/api/v1/todos", json={"title": PLANTED}).status_code == 201
        client.get(f"/api/v1/users/{PLANTED}/todos/{PLANTED}")
        client.get(f"/{PLANTED}", params={"access_token": PLANTED})
        client.get("/livez")


@pytest.mark.process
@pytest.mark.parametrize("asked", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}])
def test_unasked_nothing_of_the_sdk_is_imported(asked: dict[str, str]) -> None:
    code = "import sys; from todo_service.commands.serve import open_traces; assert open_traces() is None;"
    code += "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    done = run(code, **asked)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.process
def test_without_the_packages_a_start_is_refused_in_one_line(sqlite_url: str) -> None:
    code = "import sys; sys.modules['opentelemetry.sdk'] = None; from todo_service.__main__ import main;"
    code += "sys.argv[1:] = ['serve', '--port', '0']; main()"
    done = run(code, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", TODO_DATABASE_URL=sqlite_url)
    assert done.returncode == 1
    assert "requirements-telemetry.txt" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.process
def test_silent_collector_does_not_put_off_the_end(tmp_path: Path, jwks: JwksEndpoint, sqlite_url: str) -> None:
    """The collector never answers. Here each span is a batch; waiting for all of them would take a minute."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {
            "TODO_AUTH_URL": jwks.url,
            "TODO_DATABASE_URL": sqlite_url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "60000",
        }
        with serving(tmp_path, **settings) as (process, url, _):
            for _ in range(12):
                httpx2.get(f"{url}/nowhere", trust_env=False)
            process.terminate()
            process.wait(30)


@pytest.mark.process
def test_headers_that_cannot_be_read_are_not_repeated() -> None:
    code = "from todo_service.telemetry.exported_spans import make_provider; make_provider('todo-service')"
    done = run(code, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_EXPORTER_OTLP_HEADERS=f"key:{PLANTED}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def run(code: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=FOLDER, env=environment(**settings), capture_output=True, text=True, timeout=180, check=False
    )
