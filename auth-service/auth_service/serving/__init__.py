"""Serving: the list of all routes, what a refusal looks like, and /metrics.

    routes.py       `ROUTES`: every endpoint, the hottest first
    failures.py     `add_exception_handlers`: each exception in the words of the endpoint that it surfaces at
    exposition.py   `collect_metrics`: counts, keys and status lists of this process, for Prometheus

app.py puts `ROUTES` into the application and adds the handlers. What an endpoint raises ends in failures.py: an
`OAuthError` as RFC 6749 has it, a `BearerRefusal` with its challenge, a Better Auth `Refusal`, a `PageRefused` as a
page, and a database that does not answer as 503. Any other exception is caught by `LastResort` in app.py.

A new endpoint is one file in endpoints/ and one line in routes.py. app.py and commands/serving.py import this room.
"""
