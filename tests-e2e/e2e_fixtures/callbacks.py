"""A client whose callback the test decides: it redirects on, keeps the browser waiting, or redeems the code."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from e2e_fixtures.providers import Ours
from e2e_fixtures.waiting import wait_until

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 Appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@dataclass
class Client:
    """A registered client, and the parameters of each authorization response that has arrived."""

    ours: Ours
    origin: str
    client_id: str = ""
    secret: dict[str, str] = field(default_factory=dict)  # the form's field, if it has one
    responses: list[dict[str, str]] = field(default_factory=list)
    visits: list[str] = field(default_factory=list)  # the path of each request for a page that the client was sent
    on_response: Callable[[dict[str, str]], str | None] = lambda _: None  # returns the address to redirect to, if any
    on_sign_out: str | None = None  # the same, after a sign-out
    may_answer: threading.Event = field(default_factory=threading.Event)

    @property
    def redirect_uri(self) -> str:
        return f"{self.origin}/callback"

    def asked(self, **changes: str) -> dict[str, str]:
        asked = {"client_id": self.client_id, "redirect_uri": self.redirect_uri, "response_type": "code"}
        pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
        return {**asked, **pkce, "scope": "openid email", "state": "af0ifjsldkj", **changes}

    def url(self, **changes: str) -> str:
        return f"{self.ours.issuer}/oauth/authorize?{urlencode(self.asked(**changes))}"

    def sign_out_url(self, **further: str) -> str:
        asked = {"client_id": self.client_id, "post_logout_redirect_uri": f"{self.origin}/bye", **further}
        return f"{self.ours.issuer}/oauth/logout?{urlencode(asked)}"

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While this runs, no response of the client's leaves it."""
        self.may_answer.clear()
        try:
            yield
        finally:
            self.may_answer.set()

    def wait_for_visits(self, count: int) -> None:
        wait_until(lambda: len(self.visits) >= count)

    def redeem(self, response: dict[str, str]) -> httpx2.Response:
        form = {"grant_type": "authorization_code", "client_id": self.client_id, "code": response["code"]}
        form |= {"redirect_uri": self.redirect_uri, "code_verifier": VERIFIER}
        return self.ours.client().post("/oauth/token", data=form | self.secret)


@contextmanager
def running_client(ours: Ours, **metadata: Any) -> Iterator[Client]:
    """Register a client and serve its pages; every page but the callback is its start page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            location = None
            if self.path.startswith("/bye"):
                client.visits.append(self.path)
                location = client.on_sign_out
            if self.path.startswith("/callback"):
                response = dict(parse_qsl(urlsplit(self.path).query))
                client.responses.append(response)
                client.visits.append(self.path)
                location = client.on_response(response)
            self._answer(location)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            client.responses.append(dict(parse_qsl(body)))
            client.visits.append(self.path)
            self._answer(client.on_response(client.responses[-1]))

        def _answer(self, location: str | None) -> None:
            client.may_answer.wait(60)
            body = b"<!doctype html><title>Client</title><h1 id=arrived>At the client</h1>"
            try:
                self.send_response(302 if location else 200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                if location:
                    self.send_header("Location", location)
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:  # the browser has left, as some tests want
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True  # a browser keeps idle connections open
        client = Client(ours, f"http://localhost:{server.server_port}")
        client.may_answer.set()
        registered: dict[str, Any] = {
            "client_name": "Nightly report",
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"],
            "redirect_uris": [client.redirect_uri],
            "post_logout_redirect_uris": [f"{client.origin}/bye"],
            "scope": "openid profile email todos:read",
        }
        made = ours.register(**{**registered, **metadata})
        client.client_id = made["client_id"]
        client.secret = {"client_secret": made["client_secret"]} if "client_secret" in made else {}
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield client
        finally:
            server.shutdown()
            thread.join()
