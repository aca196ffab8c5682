"""An OpenID provider of the tests' own. It does everything right until a test makes it lie."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

import jwt

from .oauth_client import private_key, public_jwk

CLIENT_ID, CLIENT_SECRET = "our-client/at+it", "a secret/with+%&=:signs"
KEY, OTHER_KEY = "rsa", "rsa-other"
METADATA = "/.well-known/openid-configuration"
Reply = tuple[int, Any]


@dataclass
class LyingProvider:
    """The fields are what a test may change.

    Attributes:
        metadata: members of its metadata that differ; one that is None is left out.
        claims: claims of the next ID tokens that differ, in the same way.
        sign: makes the ID token of its claims.
        replies: what a path answers instead, as status and body.
    """

    issuer: str
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] = field(default=lambda claims: signed(claims))
    replies: dict[str, Reply] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)  # the authorization request of each code
    requests: list[str] = field(default_factory=list)  # paths

    def answer(self, address: str, **changes: str | None) -> dict[str, str]:
        """The person agrees at `address`: the parameters of the answer. One that is None is left out."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.issuer}/authorize"
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
        assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        made = {"code": code, "state": asked["state"], "iss": self.issuer, **changes}
        return {name: value for name, value in made.items() if value is not None}

    def reply(self, method: str, path: str, headers: Any, body: str) -> Reply:
        self.requests.append(path)
        if path in self.replies:
            return self.replies[path]
        if path == METADATA:
            return 200, self._metadata()
        if path == "/jwks":
            return 200, {"keys": [public_jwk(KEY), {"kty": "AKP", "alg": "ML-DSA-44", "kid": "new", "pub": "x"}]}
        if path == "/token" and method == "POST":
            return self._redeem(headers, parse_qs(body))
        if path == "/userinfo" and headers["Authorization"] == "Bearer an-access-token":
            return 200, {"sub": "1", **self.userinfo}
        return 404, {}

    def _metadata(self) -> dict[str, Any]:
        made = {
            "issuer": self.issuer,
            **{name: f"{self.issuer}/{path}" for name, path in ENDPOINTS.items()},
            "authorization_response_iss_parameter_supported": True,
            # What a careless client hands to its HTTP library:
            "proxy": "http://127.0.0.1:1",
            "verify": False,
            "client_id": "another",
            "scope": "everything",
            "timeout": 0.000001,
            **self.metadata,
        }
        return {name: value for name, value in made.items() if value is not None}

    def _redeem(self, headers: Any, form: dict[str, list[str]]) -> Reply:
        basic = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode()
        if [*map(unquote_plus, basic.split(":"))] != [CLIENT_ID, CLIENT_SECRET]:
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form["code"][0], None)
        challenge = hashlib.sha256(form.get("code_verifier", [""])[0].encode()).digest()
        if asked is None or asked["code_challenge"] != base64.urlsafe_b64encode(challenge).decode().rstrip("="):
            return 400, {"error": "invalid_grant"}
        assert form["redirect_uri"] == [asked["redirect_uri"]]
        now = int(time.time())
        signed_in = {"auth_time": now} if "max_age" in asked else {}  # OpenID Connect Core §2
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "1", "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            "email": "ann@example.com", "email_verified": True, "name": "Ann", **signed_in,
            **self.claims,
        }  # fmt: skip
        id_token = self.sign({name: value for name, value in claims.items() if value is not None})
        made = {"access_token": "an-access-token", "token_type": "Bearer", "id_token": id_token, **self.token}
        return 200, {name: value for name, value in made.items() if value is not None}


ENDPOINTS = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "jwks_uri": "jwks",
    "userinfo_endpoint": "userinfo",
}


def signed(claims: dict[str, Any], key: str = KEY, *, kid: str = KEY) -> str:
    return jwt.encode(claims, private_key(key), "RS256", headers={"kid": kid})


@contextmanager
def lying_provider() -> Iterator[LyingProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers["Content-Length"] or 0)
            status, reply = provider.reply(self.command, self.path, self.headers, self.rfile.read(size).decode())
            octets = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        do_POST = do_GET  # noqa: N815 - the name of the base class

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider = LyingProvider(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
