"""The sidecar: an HTTP service that a proxy asks whether a request may pass (README, "Sidecar").

    /check                 nginx `auth_request`, Traefik ForwardAuth: ?scope=…&role=…&max_age=… say what is required
    /envoy/…               Envoy `ext_authz`, which appends the request's own path and query; these are not read
    /livez /readyz         for probes
    /metrics               counters and ages, in Prometheus' text format

It answers 200 with the token's claims as headers, 401 or 403 with a challenge, or 503. Every header of NAMES is in
every 200, if only empty: so the proxy replaces what the caller sent under these names.

With a `base_url` it also accepts tokens that are bound to a key, with the client's DPoP proof (RFC 9449). The proxy
then says the request's method and path: by X-Forwarded-Method and X-Forwarded-Uri, Envoy by those of its question.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote

from .access_token import AccessToken
from .bearer import RETRY_AFTER, Denied, Requirement, Sent, admit
from .reports import Report
from .verifier import Verifier

NAMES = ("Sub", "Client-Id", "Kind", "Scope", "Roles", "Groups", "Act")
CHECK, ENVOY = "/check", "/envoy"
_SAFE = ":/@!$&'()*+;=~"  # stands as it is in a header value, beside letters, digits and -._
_MAX_QUERY = 4096  # octets
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Sidecar:
    """The ASGI application. `requirement` holds for every request, whatever else the proxy asks for.

    `base_url` stands before the path in the URLs that clients use. Without it only bearer tokens are accepted: callers
    could choose the headers that say what a proof is for, if the proxy does not set them.
    """

    verifier: Verifier
    requirement: Requirement = field(default_factory=Requirement)
    resource_metadata: str = ""
    header_prefix: str = "X-Auth-"
    base_url: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            status, headers, body = await self._answer(scope)
            raw = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in headers]
            raw += [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": status, "headers": raw})
            await send({"type": "http.response.body", "body": body})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.verifier:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope) -> tuple[int, Headers, bytes]:
        path = scope["path"]
        if path == CHECK:
            return await self._check(scope, _of_query(scope["query_string"]), _forwarded(scope))
        if path == ENVOY or path.startswith(f"{ENVOY}/"):
            return await self._check(scope, Requirement(), _appended(scope))
        if path == "/metrics":
            return 200, [("Content-Type", "text/plain; version=0.0.4")], exposition(self.verifier.report()).encode()
        if path in ("/livez", "/readyz"):
            return 200 if path == "/livez" or self.verifier.is_ready else 503, [], b""
        return 404, [], b""

    async def _check(
        self, scope: Scope, asked: Requirement | None, request: tuple[str, str] | None
    ) -> tuple[int, Headers, bytes]:
        by_header = _of_headers((name, value.decode("latin-1")) for name, value in scope["headers"])
        if asked is None or by_header is None:  # a fault of the proxy's configuration: nobody passes
            return 403, [], b"The scope, role or max_age that the proxy asks for cannot be read.\n"
        authorization = _values(scope, b"authorization")
        sent = None
        if self.base_url and any(value.lower().startswith("dpop ") for value in authorization):
            if request is None:
                return 403, [], b"The proxy does not say the method and the address of the request.\n"
            sent = Sent(request[0], self.base_url + request[1], _values(scope, b"dpop"))
        try:
            required = self.requirement.joined(asked).joined(by_header)
            token = await admit(self.verifier, authorization, required, sent=sent)
        except Denied as denied:
            return self._refusal(denied)
        return 200, [(self.header_prefix + name, value) for name, value in claims_of(token).items()], b""

    def _refusal(self, denied: Denied) -> tuple[int, Headers, bytes]:
        """nginx knows 401 and 403 only and makes an error of everything else, so a malformed request is 401, too."""
        challenge = denied.challenge(self.resource_metadata)
        headers = [] if challenge is None else [("WWW-Authenticate", challenge)]
        if denied.status == 503:
            headers.append(("Retry-After", RETRY_AFTER))
        return 401 if denied.status == 400 else denied.status, headers, f"{denied}\n".encode("ascii", "replace")


def claims_of(token: AccessToken) -> Mapping[str, str]:
    """The claims that a service behind the proxy reads, by NAMES.

    Each word is percent-encoded (RFC 3986 §2.1) unless it consists of letters, digits and common signs; several words
    are separated by a space. An issuer that puts a line break into a claim adds no header with it.
    """
    words: tuple[Iterable[str], ...] = (
        (token.sub,),
        (token.client_id,),
        ("service" if token.is_of_service else "person",),
        sorted(token.scope),
        sorted(token.roles),
        sorted(token.groups),
        () if token.act is None else (token.act.sub,),
    )
    return {name: " ".join(quote(word, safe=_SAFE) for word in each) for name, each in zip(NAMES, words, strict=True)}


def exposition(report: Report) -> str:
    """Counters and ages in Prometheus' text format."""
    lines = ["# TYPE atjwt_refusals_total counter"]
    lines += [f'atjwt_refusals_total{{reason="{reason}"}} {count}' for reason, count in report.refusals.items()]
    for name, age in (("keys", report.keys.age), ("status_lists", report.status_lists.oldest)):
        if age is not None:
            lines += [f"# TYPE atjwt_{name}_age_seconds gauge", f"atjwt_{name}_age_seconds {age:.3f}"]
    return "\n".join(lines) + "\n"


def read_requirement(values: Mapping[str, list[str]]) -> Requirement | None:
    """The requirement in `scope`, `role` and `max_age` (seconds), each given any number of times. None: unreadable."""
    ages = values.get("max_age", [])
    if not all(age.isascii() and age.isdigit() and len(age) < 10 for age in ages):
        return None
    least = timedelta(seconds=min(map(int, ages))) if ages else None
    try:
        return Requirement.of(values.get("scope", ()), values.get("role", ()), least)
    except ValueError:
        return None


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for each, value in scope["headers"] if each == name]


def _forwarded(scope: Scope) -> tuple[str, str] | None:
    """Method and path of the request, as Traefik says them and nginx can. None: not said, or not plainly."""
    methods, uris = _values(scope, b"x-forwarded-method"), _values(scope, b"x-forwarded-uri")
    return (methods[0], uris[0]) if len(methods) == len(uris) == 1 and uris[0].startswith("/") else None


def _appended(scope: Scope) -> tuple[str, str] | None:
    """The same of Envoy's question, which has the request's own method, and its path behind ENVOY."""
    path = scope["raw_path"].decode("latin-1").removeprefix(ENVOY)
    return (scope["method"], path) if path.startswith("/") else None


def _of_query(query: bytes) -> Requirement | None:
    """A misspelt parameter would ask for less than is meant, so it is refused."""
    if len(query) > _MAX_QUERY:
        return None
    try:
        values = parse_qs(query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query), max_num_fields=50)
    except ValueError:
        return None
    return read_requirement(values) if values.keys() <= {"scope", "role", "max_age"} else None


def _of_headers(sent: Iterable[tuple[bytes, str]]) -> Requirement | None:
    """What Envoy's `headers_to_add` ask for. A caller who sends them too can only ask for more of itself."""
    values: dict[str, list[str]] = {"scope": [], "role": [], "max_age": []}
    for name, value in sent:
        if name.startswith(b"x-require-"):
            values.setdefault(name.removeprefix(b"x-require-").decode("latin-1").replace("-", "_"), []).append(value)
    return read_requirement(values) if len(values) == 3 else None
