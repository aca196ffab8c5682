"""An issuer that the test owns: with its private key the test can sign tokens that are almost valid.

It serves its key set on its own port and signs any bytes.
"""

import base64
import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

KID = "the-issuers-key"


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """A key by name. "issuer" is in the key set; keys of other names are not."""
    return rsa.generate_private_key(65537, 2048)


def encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def jwk(name: str, kid: str = KID) -> dict[str, str]:
    """The public JWK of a key (RFC 7518 §6.3.1)."""
    numbers = private_key(name).public_key().public_numbers()
    n, e = (encode(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": e}


def sign(header: bytes, payload: bytes, key: str = "issuer") -> str:
    """A compact JWS of exactly these bytes (RFC 7515 §7.1)."""
    signing_input = f"{encode(header)}.{encode(payload)}"
    return f"{signing_input}.{encode(private_key(key).sign(signing_input.encode(), padding.PKCS1v15(), SHA256()))}"


@dataclass(frozen=True)
class Issuer:
    """One issuer. A header parameter or claim that is set to None is left out."""

    url: str
    strangers_requests: list[str] = field(default_factory=list)

    @property
    def audience(self) -> str:
        return f"{self.url}/api/v1"

    def header(self, **changes: Any) -> dict[str, Any]:
        return _changed({"alg": "RS256", "typ": "at+jwt", "kid": KID}, changes)

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        made = {"iss": self.url, "aud": self.audience, "sub": "alice", "client_id": "web", "iat": now, "exp": now + 300}
        made |= {"auth_time": now}  # actions that cannot be undone require it (RFC 9470)
        return _changed({**made, "jti": uuid.uuid4().hex, "scope": "todos:read todos:write"}, changes)

    def token(self, *, key: str = "issuer", header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """An access token (RFC 9068 §2) with these changes."""
        head, payload = self.header(**(header or {})), self.claims(**claims)
        return sign(json.dumps(head).encode(), json.dumps(payload).encode(), key)


def _changed(members: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**members, **changes}.items() if value is not None}


@contextmanager
def serve_issuer() -> Iterator[Issuer]:
    """Serve the key set over HTTP, and record requests for other paths, such as the target of a forged `jku`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/.well-known/jwks.json":
                issuer.strangers_requests.append(self.path)
            body = json.dumps({"keys": [jwk("issuer" if self.path == "/.well-known/jwks.json" else "thief")]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
