"""The token endpoint (RFC 6749 §3.2): the form is read, the client authenticates, its grant is traded for tokens.

    endpoint.py             POST /oauth/token: what all grants share, where none can forget it
    authorization_code.py   a code, once, with its PKCE verifier (RFC 6749 §4.1.3, RFC 7636 §4.6)
    device_code.py          a device code, as soon as its person has allowed it (RFC 8628 §3.4)
    code_trade.py           what both codes share: checked, redeemed once, traded for tokens
    refresh_token.py        a refresh token, for the next one (RFC 6749 §6)
    token_exchange.py       the token that an API was called with, for one for another API (RFC 8693)
    impersonation.py        such an exchange without `act`: recorded, and told to the person
    personal_token.py       the same for a personal access token, at the reserved client `personal`
    client_credentials.py   a service, for itself (RFC 6749 §4.4)
    grants.py               `GRANTS`: the one list of grant types
    redemption.py           whose a code or refresh token is, the response, and ending a grant after reuse
    messages.py             `TokenRequest` and `TokenResponse`: what a grant gets, and what it returns

A grant is a file with its `GRANT_TYPE`, the `PARAMETERS` of its form and `redeem`, and a word in `_MODULES` of
grants.py; `redeem` is given the parts that it names (http/parts.py). endpoint.py authenticates the client before it
looks at the grant, so that a stranger learns nothing, and checks that the client registered the grant type. A code or a
spent refresh token that its own client presents again may have been stolen: `end_for_reuse` ends the grant and commits,
and only then is the refusal raised. What another client presents ends nothing.

serving/ imports `router`.
"""

from .endpoint import router

__all__ = ["router"]
