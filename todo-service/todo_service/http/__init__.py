"""HTTP: what all endpoints share.

    parts.py                `given`: the parts of the process that an endpoint names
    authentication.py       the bearer token of a request: found, verified, counted; `Reader`, `Writer`, `RecentWriter`
    costs.py                what a request costs: units of the rate limit, and turns for what takes long
    outgoing.py             header fields that go out with the response, whatever it is
    problems.py             `Problem`, and the catalogue of all problems (RFC 9457)
    unserved_addresses.py   a path with a line break at its end, a query of too many parameters
    pages.py                problems as pages, from error_page.html
    navigation.py           whether a person's browser opens an address
    refusals.py             errors of the router and of the database, as problems
    request_body.py         bodies: limited in length, of the right type, strict JSON
    strict_json.py          JSON as strict as I-JSON; atjwt has the same
    field_errors.py         what is wrong with a member or a parameter, in our own words
    preconditions.py        If-Match and If-None-Match (RFC 9110 §13)
    cross_origin.py         CORS for the API, without cookies
    public_preflight.py     preflights of public documents
    head_requests.py        HEAD wherever GET is
    openapi.py              the OpenAPI document, corrected
    protected_resource.py   the metadata of this API, for clients (RFC 9728)
    health.py               /livez and /readyz

An endpoint declares the token that it needs: `token: Writer`. FastAPI then calls `BearerToken`. It takes the token from
the Authorization header, verifies it (atjwt), counts the request for the token's subject (limits/), and checks the
scope and the user in the path. If something is wrong, it raises a `Problem` with a challenge (RFC 6750); problems.py
renders all problems.

todos/, web_application/, account_events/, assembly.py and app.py import this room. No room below http/ uses FastAPI,
except telemetry/.
"""
