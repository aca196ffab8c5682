"""A todo API that verifies access tokens offline: the first resource server behind the issuer.

How a request goes: `app` gives it an id and a log line, `authentication` takes the token from the header and asks
`verified_tokens`, which asks `access_token` when it has not seen the token in the last seconds. Neither opens a
socket: the issuer's keys are in memory, brought by the background task of `jwks`. Then `todos` reads or writes rows
of the token's subject and of nobody else. What goes wrong leaves as a problem of the one catalogue in `problems`.

`strict_json`, `key_set`, `jwks`, `access_token` and `verified_tokens` know neither FastAPI nor settings. Copy the five
into another service: they are all that offline verification takes.
"""
