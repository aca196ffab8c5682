"""An issuer inside the test process, so that a service's own authorization is tested without a network.

    def test_only_accountants_see_invoices(issuer: Issuer) -> None:
        with issuer.standing_in_for(verifier):
            token = issuer.token(sub="alice", scope="invoices:read", roles=["accountant"])

It signs real tokens and serves real metadata, keys and a status list on loopback. A verifier that it stands in for has
them at once and is told of each change at once, so no test has to wait. pytest has it as the fixture `issuer`, if this
package is installed.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from . import dpop, key_set
from .discovery import Endpoints
from .jwks import Schedule
from .key_set import KeySet
from .policy import Policy
from .polling import Polling
from .verifier import Seams, Verifier

AUDIENCE = "https://api.example.com"
LIFETIME = timedelta(minutes=5)
_CAPACITY = 8192  # tokens of one issuer that can be revoked
_QUICK_KEYS = Schedule(interval=timedelta(milliseconds=200), first_retry=timedelta(milliseconds=50))
_QUICK_LISTS = Polling(interval=timedelta(milliseconds=50), last_retry=timedelta(milliseconds=50))
_PERIOD = 0.01  # seconds in which the server notices its end


class Issuer:
    """An issuer of ES256 tokens. `url` is its name; `audience` the API that its tokens are for."""

    def __init__(self, audience: str = AUDIENCE) -> None:
        self.audience = audience
        self._offset = 0.0
        self._delay = 0.0
        self._is_down = False
        self._revoked = bytearray(_CAPACITY // 8)
        self._indexes: dict[str, int] = {}
        self._version = 0
        self._verifiers: list[Verifier] = []
        self._keys: list[tuple[str, ec.EllipticCurvePrivateKey]] = [_new_key()]
        self._list_key = _new_key()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_PERIOD,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def clock(self) -> float:
        """The time of this issuer and of its verifiers, in seconds since the epoch."""
        return time.time() + self._offset

    def token(
        self,
        sub: str = "alice",
        *,
        client_id: str = "client",
        scope: str = "",
        roles: Collection[str] = (),
        groups: Collection[str] = (),
        signed_in: timedelta = timedelta(0),
        expires_in: timedelta = LIFETIME,
        headers: Mapping[str, object] | None = None,
        **claims: object,
    ) -> str:
        """An access token (RFC 9068). It is a service's own if `sub` is the `client_id`.

        Args:
            signed_in: how long ago the person signed in (`auth_time`).
            headers: replace those of the token.
            claims: replace the token's; one that is None is left out.
        """
        now, jti = int(self.clock()), secrets.token_hex(8)
        if len(self._indexes) >= _CAPACITY:
            raise ValueError(f"an issuer for tests signs at most {_CAPACITY} tokens")
        index = self._indexes[jti] = len(self._indexes)
        made: dict[str, object] = {
            "iss": self.url,
            "sub": sub,
            "aud": self.audience,
            "client_id": client_id,
            "jti": jti,
            "iat": now,
            "exp": now + int(expires_in.total_seconds()),
            "scope": scope or None,
            "roles": list(roles) or None,
            "groups": list(groups) or None,
            "auth_time": None if sub == client_id else now - int(signed_in.total_seconds()),
            "status": {"status_list": {"idx": index, "uri": self._list_uri}},
            **claims,
        }
        return _sign(self._keys[-1], "at+jwt", made, headers or {})

    def revoke(self, token: str) -> None:
        """Revoke a token of this issuer."""
        payload = token.split(".")[1]
        index = self._indexes[json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"]]
        self._revoked[index >> 3] |= 1 << (index & 7)
        self._version += 1
        self._tell()

    def rotate(self, *, withdraw: bool = False) -> None:
        """Sign with a new key from now on. With `withdraw` the tokens of all older keys become invalid."""
        self._keys = [*([] if withdraw else self._keys), _new_key()]
        self._tell()

    def down(self) -> None:
        """Answer 503 from now on, and tell no verifier anything."""
        self._is_down = True

    def up(self) -> None:
        self._is_down = False
        self._tell()

    def slow(self, delay: timedelta) -> None:
        """Answer each request after this time."""
        self._delay = delay.total_seconds()

    def travel(self, time_: timedelta) -> None:
        """Move the clock. Keys and lists are as old as the time since the issuer went down."""
        self._offset += time_.total_seconds()
        self._tell()

    def verifier(self, *, policy: Policy | None = None) -> Verifier:
        """A verifier of this issuer's tokens. It has keys and lists at once, also before it is started."""
        endpoints = Endpoints(f"{self.url}/jwks.json", f"{self.url}/lists")
        seams = Seams(clock=self.clock, schedule=_QUICK_KEYS, polling=_QUICK_LISTS)
        made = Verifier(self.url, self.audience, policy=policy, endpoints=endpoints, seams=seams)
        self._verifiers.append(made)
        self._tell()
        return made

    @contextmanager
    def standing_in_for(self, verifier: Verifier) -> Iterator[None]:
        """Until the end of the block the verifier accepts this issuer's tokens instead of its own issuer's.

        The tokens are for the verifier's own audience. Its policy stays.
        """
        before, self.audience = dict(vars(verifier)), verifier.audience
        vars(verifier).update(vars(self.verifier(policy=verifier.policy)))
        try:
            yield
        finally:
            vars(verifier).update(before)

    def client_key(self) -> "ClientKey":
        """A new key of a client, for DPoP: `token("alice", cnf=key.cnf)` is bound to it."""
        return ClientKey(self.clock)

    @property
    def _list_uri(self) -> str:
        return f"{self.url}/lists/1"

    def _tell(self) -> None:
        """Give keys and list to the verifiers, as if they had fetched them at this moment."""
        if self._is_down:
            return
        document = self._key_document()
        keys = KeySet(key_set.parse_keys(document), document, None, self.clock())
        for verifier in self._verifiers:
            verifier.learn(keys, {self._list_uri: self._list()})

    def _key_document(self) -> bytes:
        keys = [_jwk(*key) for key in self._keys]
        return json.dumps({"keys": [*keys, _jwk(*self._list_key, signs=key_set.STATUS_LIST)]}).encode()

    def _list(self) -> str:
        now = int(self.clock())
        lst = _encode(zlib.compress(bytes(self._revoked), 9))
        times = {"iat": now, "exp": now + 300, "ttl": 2, "version": self._version}
        claims = {"sub": self._list_uri, "status_list": {"bits": 1, "lst": lst}, **times}
        return _sign(self._list_key, "statuslist+jwt", claims, {})

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, media type and body for a GET."""
        time.sleep(self._delay)
        if self._is_down:
            return 503, "text/plain", b""
        metadata = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks.json",
            "status_list_aggregation_endpoint": f"{self.url}/lists",
        }
        json_ = {
            "/.well-known/oauth-authorization-server": json.dumps(metadata).encode(),
            "/jwks.json": self._key_document(),
            "/lists": json.dumps({"status_lists": [self._list_uri]}).encode(),
        }
        if path == "/lists/1":
            return 200, "application/statuslist+jwt", self._list().encode()
        return (200, "application/json", json_[path]) if path in json_ else (404, "text/plain", b"")


class ClientKey:
    """A client's key on P-256, which signs DPoP proofs (RFC 9449). Time is the issuer's."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kid, self._key = _new_key()

    @property
    def jwk(self) -> dict[str, str]:
        """The public key."""
        made = _jwk(self._kid, self._key)
        return {name: made[name] for name in ("kty", "crv", "x", "y")}

    @property
    def cnf(self) -> dict[str, str]:
        """The claim of a token that is bound to this key (RFC 9449 §6.1)."""
        return {"jkt": dpop.thumbprint(self.jwk)}

    def proof(self, token: str, method: str, url: str, **claims: object) -> str:
        """A new proof for one request with this token.

        Args:
            claims: replace the proof's; one that is None is left out.
        """
        ath = _encode(hashlib.sha256(token.encode()).digest())
        made = {"jti": secrets.token_hex(8), "htm": method, "htu": url, "iat": int(self._clock()), "ath": ath, **claims}
        return _sign((self._kid, self._key), dpop.TYPE, made, {"kid": None, "jwk": self.jwk})


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, media_type, body = issuer.answer(self.path)
            try:
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # the verifier has stopped waiting

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    return Handler


def _new_key() -> tuple[str, ec.EllipticCurvePrivateKey]:
    """A `kid` and a key on P-256, which is made in a tenth of a millisecond."""
    return secrets.token_hex(8), ec.generate_private_key(ec.SECP256R1())


def _jwk(kid: str, key: ec.EllipticCurvePrivateKey, **members: str) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    x, y = (_encode(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig", "alg": "ES256", **members}


def _sign(
    key: tuple[str, ec.EllipticCurvePrivateKey], typ: str, claims: Mapping[str, object], headers: Mapping[str, object]
) -> str:
    members = {"alg": "ES256", "typ": typ, "kid": key[0], **headers}
    header = {name: value for name, value in members.items() if value is not None}
    given = {name: value for name, value in claims.items() if value is not None}
    data = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(given).encode())}"
    r, s = decode_dss_signature(key[1].sign(data.encode(), ec.ECDSA(SHA256())))
    return f"{data}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
