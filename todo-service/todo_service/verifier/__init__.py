"""Verifier: is this access token good? Answered without asking anybody, from keys and status lists in memory.

Values and pure functions:
    access_token.py      `verify`: an access token (RFC 9068), under a `Policy`
    jws.py               the signature and the header (RFC 7515, RFC 8725): `verify`
    key_set.py           the issuer's keys as a value, read from a JWK Set
    status_list.py       one status list as a value: checked, inflated, asked for one bit
    security_events.py   events about accounts (RFC 8417): `verify`
    strict_json.py       JSON without duplicate names, NaN or deep nesting

Kept fresh in the background:
    jwks.py              `JwksCache`: the keys, fetched every 30 s; an unknown `kid` costs one fetch per 30 s
    status_lists.py      `StatusLists`: all lists, polled every 2 s; `check` is the question whether a token is revoked
    status_hints.py      a stream of the issuer that says which list has changed, to be fetched at once
    verified_tokens.py   `VerifiedTokens`: what was verified in the last seconds
    saved_copy.py        keys and lists on disk, so that a restart needs no issuer
    outgoing.py, jitter.py   how this process asks others; pauses that differ between replicas

A token: http/authentication.py takes it from the header; `VerifiedTokens.verify` finds it or asks
`access_token.verify`, which checks header, signature, `typ`, `iss`, `aud` and times; then `StatusLists.check` reads one
bit. None of it waits, except for an unknown `kid`, for which the caller may await one fetch (`JwksCache.learn`), a
second at most.

This room knows neither FastAPI nor the settings nor any other room. Its rules are in VERIFIER.md, each with its test.
"""
