"""HTTP: what all requests share before they come to todos.

    parts.py                what an endpoint is given of the process's parts: `Given`, `given`
    authentication.py       the bearer token of a request: found, verified, counted; `Reader`, `Writer`, `RecentWriter`
    problems.py             the catalogue of everything that can go wrong (RFC 9457); `Problem` is raised
    refusals.py             what the router and the database refuse, as problems
    request_body.py         bodies: bounded, of the right type, strict JSON
    preconditions.py        If-Match and If-None-Match (RFC 9110 §13)
    cross_origin.py         CORS for the API, never with credentials
    openapi.py              the OpenAPI document, made true
    protected_resource.py   what this API is and whose tokens it takes (RFC 9728)
    health.py               /livez and /readyz

A route asks for a token by its type: `token: Writer`. FastAPI then calls `BearerToken`, which finds the one token in
the Authorization header, has it verified (verifier/), counts the request for its subject (limits/), and checks the
scope and the user in the path. Whatever is wrong is raised as a `Problem`, with its challenge (RFC 6750), and rendered
in one place.

todos/, web_application/, account_events.py, assembly.py and app.py import this room. Beside telemetry's middleware,
only these know FastAPI.
"""
