"""OTLP traces: one span per request under the caller's traceparent, without secrets; none unless configured."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from .conftest import ISSUER, PASSWORD, Store
from .ports import free_port
from .test_worker import eventually

TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PLANTED = "planted-secret"


@dataclass
class Receiver:
    """A collector's receiver (OTLP/HTTP) that keeps each request as it came."""

    url: str
    bodies: list[bytes] = field(default_factory=list)

    def spans(self) -> list[Span]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert (self.path, self.headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
            received.bodies.append(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def attributes(span: Span) -> dict[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


@pytest.mark.process
def test_spans_say_what_was_done_and_nothing_that_was_said(sqlite_url: str, receiver: Receiver) -> None:
    """The spans are sent when the process ends, because the batch delay of a minute has not passed."""
    port = free_port()
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    process = Store(sqlite_url).started("serve", "--port", str(port), stdout=subprocess.DEVNULL, **settings)
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(url))
        send_secrets(url)
    finally:
        process.terminate()
        process.wait(60)
    spans = receiver.spans()
    assert [span.name for span in spans] == [
        "POST /api/auth/sign-up/email",
        "GET /oauth/authorize",
        "POST /oauth/token",
        "GET",
    ]
    assert not [body for body in receiver.bodies if PLANTED.encode() in body or b"example.com" in body]
    assert PASSWORD.encode() not in b"".join(receiver.bodies)
    for span in spans:
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE_ID, PARENT_ID)
        assert (span.kind, span.trace_state, len(span.events), len(span.links)) == (Span.SPAN_KIND_SERVER, "", 0, 0)
    assert attributes(spans[2]) == {
        "http.request.method": "POST",
        "http.response.status_code": 401,
        "http.route": "/oauth/token",
        "network.protocol.version": "1.1",
        "url.scheme": "http",
    }


def send_secrets(url: str) -> None:
    """Send secrets in a body, a query, a path, headers, a form, and in the trace headers."""
    headers = {
        "traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01",
        "tracestate": f"vendor={PLANTED}",
        "baggage": f"user={PLANTED}",
        "Origin": ISSUER,
        "User-Agent": PLANTED,
        "Host": f"{PLANTED}.example.com",
    }
    with httpx2.Client(base_url=url, headers=headers, trust_env=False) as client:
        body = {"name": PLANTED, "email": f"{PLANTED}@example.com", "password": PASSWORD}
        assert client.post("/api/auth/sign-up/email", json=body).status_code == 200
        client.get("/oauth/authorize", params={"client_id": PLANTED, "state": PLANTED, "id_token_hint": PLANTED})
        client.post("/oauth/token", data={"grant_type": "authorization_code", "code": PLANTED}, auth=(PLANTED, PLANTED))
        client.get(f"/{PLANTED}/of/nobody", headers={"Authorization": f"Bearer {PLANTED}"})
        client.get("/livez")


UNASKED = [
    {},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"},
]


@pytest.mark.process
def test_unasked_nothing_of_the_sdk_is_imported() -> None:
    code = "import os, sys; from auth_service.commands import serving\n"
    code += f"for said in {UNASKED}: os.environ.update(said); assert serving._open_traces() is None, said\n"
    code += "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    folder = __file__.rpartition("/tests/")[0]
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env={}, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.process
def test_without_the_packages_a_start_is_refused_in_one_line(sqlite_url: str) -> None:
    code = "import sys; sys.modules['opentelemetry.sdk'] = None; from auth_service.commands import main; main()"
    store, folder = Store(sqlite_url), __file__.rpartition("/tests/")[0]
    environment = store.environment(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    command = [sys.executable, "-c", code, "serve", "--port", str(free_port())]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "requirements-telemetry.txt" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.process
def test_silent_collector_does_not_put_off_the_end(sqlite_url: str) -> None:
    """Sent one by one to this collector, the spans would take a minute."""
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "60000",
        }
        process = Store(sqlite_url).started("serve", "--port", str(port), stdout=subprocess.DEVNULL, **settings)
        try:
            eventually(lambda: answers(f"http://127.0.0.1:{port}"))
            for _ in range(12):
                httpx2.get(f"http://127.0.0.1:{port}/nowhere", trust_env=False)
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.process
def test_headers_that_cannot_be_read_are_not_repeated() -> None:
    code = "from auth_service.telemetry.exported_spans import make_provider; make_provider('auth-service')"
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_HEADERS": f"key:{PLANTED}"}
    folder = __file__.rpartition("/tests/")[0]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
