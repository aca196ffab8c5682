"""The Better Auth protocol under /api/auth, as its unmodified npm client speaks it.

    sign_in.py, sign_up.py, sign_out.py           a session begins and ends
    get_session.py, sessions.py, revocation.py    the caller's session, all of the caller's sessions, ending them
    token.py                                      an access token, for the default API or for a named one
    magic_link.py                                 a session by a mailed link
    email_change.py                               another address, confirmed by a mailed link
    email_verification.py                         an address is proved by a mailed link
    password_verdict.py                           whether a password would be accepted
    password_reset.py                             a new password by a mailed link
    two_factor.py, two_factor_changes.py          a code completes a sign-in; a second factor is turned on and off
    passkey_sign_in.py, passkey_registration.py   a session by a passkey; the caller adds one
    passkeys.py                                   the caller's passkeys: listed, renamed, deleted
    social.py                                     to an upstream provider, to sign in or to link it
    profile.py, password_change.py, deletion.py   changes of the caller's account
    identities.py                                 the caller's ways to sign in, listed and unlinked
    liveness.py, capabilities.py                  GET /ok; what a page can offer to people here
    routes.py                                     the prefix that every route carries
    bodies.py, wire.py                            what arrives and what is sent, member by member
    credentials.py                                checks of a password and a profile
    cross_site.py, cross_origin.py                forged requests are refused; CORS for trusted origins
    current.py, refusals.py                       the session that an endpoint needs; `{"message", "code"}`

A request passes, in this order: the route (an empty 404 when there is none); the media type and syntax of its body
(bodies.py); where it comes from (cross_site.py); the members of the body; the session (current.py); the function of the
endpoint. So a forged request learns nothing about the members. refusals.py renders a refusal, with the protocol's
status for it.

serving/ imports `routers` and the refusals, app.py imports the CORS middleware.
"""

from . import (
    capabilities,
    deletion,
    email_change,
    email_verification,
    get_session,
    identities,
    liveness,
    magic_link,
    passkey_registration,
    passkey_sign_in,
    passkeys,
    password_change,
    password_reset,
    password_verdict,
    profile,
    revocation,
    sessions,
    sign_in,
    sign_out,
    sign_up,
    social,
    token,
    two_factor,
    two_factor_changes,
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
        password_reset,
        password_verdict,
        magic_link,
        email_verification,
        email_change,
        two_factor,
        two_factor_changes,
        passkey_sign_in,
        passkey_registration,
        passkeys,
        social,
        deletion,
        liveness,
        capabilities,
    )
)
