"""Verify access tokens (RFC 9068) offline: no request waits for the network, and revoked tokens are refused in seconds.

    from atjwt import Refused, Verifier

    async with Verifier(issuer="https://id.example.com", audience="https://api.example.com") as verifier:
        try:
            token = verifier.verify(text)
        except Refused as refused:
            print(refused.reason)

What this file exports is the public interface; everything else may change.

    verifier.py          `Verifier`: finds keys and lists, and verifies
    thread.py            `VerifierThread`: the same for services without an event loop
    policy.py            `Policy`: leeway, algorithms, what to do with stale lists
    refusals.py          `Refused`, with a `Reason` from a list
    discovery.py         the issuer's metadata (RFC 8414): where keys and lists are
    reports.py           counters and ages, for metrics

    bearer.py            what adapters share: the bearer token, what it must show, and the challenge (RFC 6750)
    fastapi.py           `Protection.requires`: what an endpoint needs of its token (needs fastapi)
    flask.py             the same for Flask (needs flask)
    django.py            the same for Django (needs django)
    drf.py               an authentication class and permissions for Django REST framework (needs djangorestframework)
    mcp.py               `TokenVerifier` for MCP servers (needs mcp)
    grpc.py              interceptors for gRPC servers (needs grpcio)
    sidecar.py           an HTTP service that a proxy asks whether a request may pass: `python -m atjwt serve`
    sidecar_settings.py  its settings, from the environment (needs uvicorn)
    __main__.py          the command: `serve`
    testing.py           `Issuer`: an issuer in the process of a test
    pytest_plugin.py     the same as a fixture of pytest

Values and pure functions:
    access_token.py      `verify`: an access token (RFC 9068), under `Terms`
    dpop.py              `verify`: the proof of possession of a token that is bound to a key (RFC 9449)
    jws.py               the signature and the header (RFC 7515, RFC 8725): `verify`
    algorithms.py        RS256, PS256 and ES256, and the keys that verify them
    key_set.py           the issuer's keys as a value, read from a JWK Set
    epochs.py            `Epochs`: which lists are from before a restore of the issuer
    status_list.py       one status list as a value: verified, inflated, read bit by bit
    strict_json.py       JSON without duplicate names, NaN or deep nesting

Kept fresh in the background:
    jwks.py              `JwksCache`: the keys, fetched every 30 s; unknown `kid`s cost one more fetch per 30 s
    status_lists.py      `StatusLists`: all lists, polled every 2 s; `check` says whether a token is revoked
    polling.py           `Polling`: when lists are fetched
    status_hints.py      a stream from the issuer that says which list has changed and should be fetched at once
    verified_tokens.py   `VerifiedTokens`: tokens that were verified in the last seconds
    spent_proofs.py      `SpentProofs`: proofs that were used in the last seconds
    saved_copy.py        keys and lists on disk, so that a restart needs no issuer
    outgoing.py, jitter.py   the HTTP client for the issuer; pauses that differ between replicas

The way of a token: the service takes it from the header and calls `Verifier.verify`. `VerifiedTokens.verify` finds it
in its cache or calls `access_token.verify`, which checks header, signature, `typ`, `iss`, `aud` and times. Then
`StatusLists.check` reads one bit. For a token that is bound to a key `dpop.verify` checks the proof
(`Verifier.verify_dpop`). None of this waits. For an unknown `kid` the caller may await one fetch
(`Verifier.verify_or_wait`), for at most a second.

This package imports nothing of the services and no web framework. VERIFIER.md has its rules, each with its test.
"""

from .access_token import AccessToken, Actor, StatusReference
from .discovery import Endpoints
from .dpop import Proof
from .jwks import Schedule
from .policy import Policy, WhenStale
from .polling import Polling
from .refusals import Reason, Refused
from .reports import HeldList, KeysReport, Report, StatusListsReport
from .saved_copy import SavedCopies
from .thread import VerifierThread
from .verifier import Seams, Verifier

__all__ = [
    "AccessToken",
    "Actor",
    "Endpoints",
    "HeldList",
    "KeysReport",
    "Policy",
    "Polling",
    "Proof",
    "Reason",
    "Refused",
    "Report",
    "SavedCopies",
    "Schedule",
    "Seams",
    "StatusListsReport",
    "StatusReference",
    "Verifier",
    "VerifierThread",
    "WhenStale",
]
