"""The tests' own issuer: it signs any token, and its JWKS endpoint fails on command."""

import base64
import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

ISSUER = "https://issuer.example.com"
AUDIENCE = f"{ISSUER}/api/v1"


@cache
def private_key(name: str, bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """The key with this name. It is made once, because that takes a tenth of a second."""
    return rsa.generate_private_key(exponent, bits)


def jwk(name: str, **members: Any) -> dict[str, Any]:
    """The public JWK of a key, with its name as `kid`."""
    made = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private_key(name).public_key()))
    return {**made, "kid": name, "use": "sig", "alg": "RS256", **members}


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sign(header: bytes, payload: bytes, key: rsa.RSAPrivateKey) -> str:
    """A compact JWS of exactly these bytes, even if they are not JSON."""
    signing_input = f"{encode(header)}.{encode(payload)}"
    return f"{signing_input}.{encode(key.sign(signing_input.encode(), padding.PKCS1v15(), SHA256()))}"


def header(**changes: Any) -> dict[str, Any]:
    return _changed({"alg": "RS256", "typ": "at+jwt", "kid": "first"}, changes)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": AUDIENCE,
        "client_id": "web",
        "iat": now,
        "exp": now + 300,
        "jti": uuid.uuid4().hex,
        "scope": "todos:read todos:write",
    }
    if changes.get("sub", "alice") != changes.get("client_id", "web"):
        made |= {"sid": "session", "auth_time": now}  # a person's token, from a session
    return _changed(made, changes)


def status(index: int, name: str = "1") -> dict[str, Any]:
    """The `status` claim of a token that can be revoked (draft-ietf-oauth-status-list §6.2)."""
    return {"status_list": {"idx": index, "uri": f"{ISSUER}/oauth/status-lists/{name}"}}


def token(key: str = "first", headers: Mapping[str, Any] | None = None, **changes: Any) -> str:
    """An access token with changed claims and headers. A claim or header that is None is left out."""
    made = header(**{"kid": key, **(headers or {})})
    return sign(json.dumps(made).encode(), json.dumps(claims(**changes)).encode(), private_key(key))


def _changed(members: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**members, **changes}.items() if value is not None}


# The handler of other paths. Arguments: path with query, If-None-Match. Result: status, headers, body.
Elsewhere = Callable[[str, str | None], tuple[int, dict[str, str], bytes]]


class JwksEndpoint:
    """/.well-known/jwks.json: it counts requests, sends an ETag, and can fail, hang or send nonsense."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: list[Any] = [jwk("first")]
        self.status = 200
        self.body: bytes | None = None
        self.knows_etags = True
        self.headers: dict[str, str] = {}
        self.requests: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.elsewhere: dict[str, Elsewhere] = {}

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        body = json.dumps({"keys": self.keys}).encode() if self.body is None else self.body
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if self.knows_etags and self.status == 200 and self.requests[-1].get("If-None-Match") == etag:
            return 304, {"ETag": etag}, b""
        return self.status, {"ETag": etag, "Cache-Control": "public, max-age=60", **self.headers}, body


@contextmanager
def serve_jwks(port: int = 0) -> Iterator[JwksEndpoint]:
    endpoint = JwksEndpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            for prefix, answer in endpoint.elsewhere.items():
                if self.path.startswith(prefix):
                    self.send(*answer(self.path, self.headers.get("If-None-Match")))
                    return
            if self.path != "/.well-known/jwks.json":
                self.send(404, {}, b"")
                return
            endpoint.requests.append({"path": self.path, **self.headers})
            endpoint.may_answer.wait(300)
            status, headers, body = endpoint.answer()
            endpoint.statuses.append(status)
            self.send(status, headers, body)

        def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            try:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # the service stopped waiting, as the test expects

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    endpoint.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.may_answer.set()
        server.shutdown()
        server.server_close()
        thread.join()
