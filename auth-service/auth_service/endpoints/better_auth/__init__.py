"""The Better Auth protocol under /api/auth, as its unmodified npm client speaks it.

A request runs through, in this order: the route (an empty 404 for what is none); the body's media type and syntax
(bodies.py); where it comes from (cross_site.py); the body's members; the session (current.py); the handler. What is
refused is answered as `{"message", "code"}` (refusals.py), with the status that the protocol has for it.
"""

from . import (
    deletion,
    get_session,
    identities,
    liveness,
    password_change,
    profile,
    revocation,
    sessions,
    sign_in,
    sign_out,
    sign_up,
    token,
)

# The hottest first: routes are tried one after the other.
routers = tuple(
    part.router
    for part in (
        get_session,
        token,
        sessions,
        sign_in,
        sign_up,
        sign_out,
        identities,
        revocation,
        profile,
        password_change,
        deletion,
        liveness,
    )
)
