"""Reports to the issuer about keys and status lists; no request waits for them."""

import base64
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import SecretStr

from todo_fixtures.issuer import JwksEndpoint, jwk
from todo_fixtures.service import FREQUENT, PATIENCE, Service, wait_until
from todo_fixtures.status_lists import SIGNER, URI, StatusEndpoint
from todo_service.verifier_reports import Pace

RunService = Callable[..., AbstractContextManager[Service]]
CLIENT: dict[str, Any] = {"client_id": "client_1", "client_secret": SecretStr("a+b/c=")}
MOMENT = timedelta(milliseconds=20)
OFTEN = Pace(look=MOMENT, interval=MOMENT, versions=MOMENT, retry=MOMENT, timeout=PATIENCE)
SELDOM = replace(OFTEN, interval=timedelta(hours=1))


class Reports:
    """The issuer's side: the received reports, and the response to them."""

    def __init__(self) -> None:
        self.status = 204
        self.lists = StatusEndpoint()
        self.received: list[dict[str, str]] = []
        self.authorizations: set[str | None] = set()

    @property
    def last(self) -> str:
        return self.received[-1].get("kids", "") if self.received else "none yet"


@pytest.fixture
def reports(jwks: JwksEndpoint) -> Iterator[Reports]:
    with taking_reports(jwks) as taking:
        yield taking


@contextmanager
def taking_reports(jwks: JwksEndpoint) -> Iterator[Reports]:
    """A server in place of auth-service: it accepts reports, and serves the key set of the tests' issuer."""
    reports = Reports()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/oauth/status-lists"):
                self._answer(*reports.lists.answer(self.path, self.headers["If-None-Match"]))
                return
            jwks.requests.append({"path": self.path, **self.headers})
            self._answer(*jwks.answer())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            reports.authorizations.add(self.headers["Authorization"])
            reports.received.append({"path": self.path, **dict(parse_qsl(body))})
            self._answer(reports.status, {}, b"")

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            with suppress(ConnectionError):  # the service may stop while it is answered
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    jwks.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield reports
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_change_is_reported_and_a_good_bye_at_the_end(
    reports: Reports, jwks: JwksEndpoint, run_service: RunService
) -> None:
    with run_service(auth_url=jwks.url, schedule=FREQUENT, pace=OFTEN, **CLIENT):
        wait_until(lambda: reports.last == "first")
        jwks.keys = [jwk("first"), jwk("second")]
        wait_until(lambda: reports.last == "first second")
    assert reports.last == ""
    assert {report["path"] for report in reports.received} == {"/internal/verifiers"}
    assert len({report["instance"] for report in reports.received}) == 1
    [authorization] = reports.authorizations
    assert base64.b64decode(str(authorization).removeprefix("Basic ")) == b"client_1:a%2Bb%2Fc%3D"


def test_it_is_told_which_version_of_a_list_is_held_and_when_that_was_signed(
    reports: Reports, jwks: JwksEndpoint, run_service: RunService
) -> None:
    """So operators see which processes know a revocation. A list that was only signed anew causes no extra report."""

    def held() -> set[str]:
        return {report["status_lists"] for report in reports.received if "status_lists" in report}

    jwks.keys = [jwk("first"), jwk(SIGNER, signs="statuslist+jwt")]
    signed_at = int(time.time()) - 30
    reports.lists.publish("1", iat=signed_at)
    with run_service(auth_url=jwks.url, pace=SELDOM, **CLIENT) as running:
        wait_until(lambda: held() == {f"{URI}/1|0|{signed_at}"})
        reports.lists.publish("1", iat=signed_at + 1)
        wait_until(
            lambda: (
                [each.iat for each in running.app.state.parts.verifier.report().status_lists.held] == [signed_at + 1]
            )
        )
        reports.lists.revoked["1"] = {5, 9}
        reports.lists.publish("1", iat=signed_at + 2)
        wait_until(lambda: f"{URI}/1|2|{signed_at + 2}" in held())
    assert held() == {f"{URI}/1|0|{signed_at}", f"{URI}/1|2|{signed_at + 2}"}


def test_two_processes_are_two_instances(reports: Reports, jwks: JwksEndpoint, run_service: RunService) -> None:
    for _ in range(2):
        with run_service(auth_url=jwks.url, pace=OFTEN, **CLIENT) as running:
            running.wait_until_ready()
            wait_until(lambda: reports.last == "first")
    assert len({report["instance"] for report in reports.received}) == 2


def test_an_issuer_that_takes_no_reports_hinders_nothing(
    reports: Reports, jwks: JwksEndpoint, run_service: RunService
) -> None:
    reports.status = 401
    with run_service(auth_url=jwks.url, pace=OFTEN, **CLIENT) as running:
        running.wait_until_ready()
        wait_until(lambda: len(reports.received) > 2)
        assert running.person().get("/api/v1/todos").status_code == 200
        reports.status = 204
        count = len(reports.received)
        wait_until(lambda: len(reports.received) > count)


def test_without_a_client_nothing_is_reported(reports: Reports, jwks: JwksEndpoint, run_service: RunService) -> None:
    with run_service(auth_url=jwks.url, pace=OFTEN) as running:
        running.wait_until_ready()
        assert running.app.state.parts.verifier_reports is None
    assert reports.received == []
