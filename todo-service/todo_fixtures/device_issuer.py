"""An issuer for the command line client: devices sign in (RFC 8628), and each refresh token is good for one refresh.

It stands in front of a todo service, whose tests' issuer signs the tokens. It answers at once, and fails on command.
"""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from todo_fixtures import issuer
from todo_fixtures.service import Service

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class DeviceIssuer:
    """The state of the issuer. Tests change it between requests."""

    service: Service
    sub: str = field(default_factory=lambda: uuid.uuid4().hex)
    url: str = ""
    answers: list[str] = field(default_factory=list)  # errors of the next polls; without any, the person has agreed
    user_code: str = "WDJB-MJHT"
    lifetime: int = 300  # seconds of an access token
    told: dict[str, Any] = field(default_factory=dict)  # members that replace those of the metadata
    loses_next_answer: bool = False
    patience: float = 0  # seconds that a refresh waits for a second one at the same time
    is_ended: bool = False
    forms: list[dict[str, str]] = field(default_factory=list)
    refreshes: int = 0
    revoked: list[str] = field(default_factory=list)
    live: str = ""  # the one refresh token that is good
    lost: dict[str, bytes] = field(default_factory=dict)  # answers that did not arrive, by the spent token
    lock: threading.Lock = field(default_factory=threading.Lock)
    crowd: threading.Barrier = field(default_factory=lambda: threading.Barrier(2))

    def answer(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer | None:
        """The answer to a request; None: the connection is closed without one."""
        where = path.partition("?")[0]
        if where.startswith("/api/v1/"):
            return self._pass_on(method, path, body, headers)
        if where == "/.well-known/oauth-protected-resource/api/v1":
            return self._json({"resource": f"{self.url}/api/v1", "authorization_servers": [self.url]})
        if where == "/.well-known/oauth-authorization-server":
            paths = ("device_authorization", "token", "revocation")
            endpoints = {f"{name}_endpoint": f"{self.url}/{name}" for name in paths}
            return self._json({"issuer": self.url, **endpoints})
        form = dict(parse_qsl(body.decode()))
        self.forms.append({"path": where, **form})
        if where == "/device_authorization":
            code = {"device_code": "secret", "user_code": self.user_code, "verification_uri": f"{self.url}/device"}
            return self._json({**code, "expires_in": 600, "interval": 1})
        if where == "/token":
            if form["grant_type"] == "refresh_token":
                self._wait_for_a_second()
            with self.lock:
                return self._token(form)
        if where == "/revocation":
            self.revoked.append(form["token"])
            return 200, {}, b""
        return 404, {}, b""

    def _wait_for_a_second(self) -> None:
        """So that a process that refreshes without a lock is seen to do it."""
        with suppress(threading.BrokenBarrierError):
            if self.patience:
                self.crowd.wait(self.patience)

    def _token(self, form: dict[str, str]) -> Answer | None:
        if form["grant_type"] == DEVICE_CODE:
            if self.answers:
                return self._error(self.answers.pop(0))
            return 200, {}, self._tokens()
        self.refreshes += 1
        shown = form["refresh_token"]
        if shown in self.lost:
            return 200, {}, self.lost.pop(shown)
        if self.is_ended or shown != self.live:
            self.is_ended = True  # a token that is shown twice ends the grant (RFC 9700 §4.14.2)
            return self._error("invalid_grant")
        tokens = self._tokens()
        if self.loses_next_answer:
            self.loses_next_answer, self.lost[shown] = False, tokens
            return None
        return 200, {}, tokens

    def _tokens(self) -> bytes:
        self.live = uuid.uuid4().hex
        token = issuer.token(sub=self.sub)
        told = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime, "refresh_token": self.live}
        return json.dumps(told).encode()

    def _json(self, members: dict[str, Any]) -> Answer:
        return 200, {"Content-Type": "application/json"}, json.dumps({**members, **self.told}).encode()

    def _error(self, error: str) -> Answer:
        return 400, {"Content-Type": "application/json"}, json.dumps({"error": error}).encode()

    def _pass_on(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
        answered = httpx2.request(method, self.service.url + path, content=body, headers=kept, trust_env=False)
        names = ("Content-Type", "Retry-After", "WWW-Authenticate", "ETag")
        return answered.status_code, {n: answered.headers[n] for n in names if n in answered.headers}, answered.content


@contextmanager
def running(service: Service) -> Iterator[DeviceIssuer]:
    state = DeviceIssuer(service)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = state.answer(self.command, self.path, body, dict(self.headers.items()))
            if answer is None:
                self.close_connection = True
                return
            status, headers, content = answer
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names of the base class

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
