"""Tokens: what clients hold, how tokens are issued, and whether they are still live.

    issuer.py                `TokenIssuer`: signs access tokens and ID tokens
    token_status.py          with which index of which status list a token is issued
    holders.py               `Held`, `Holder`: a grant with its person and session, read together; is it alive?
    code_values.py           `CodeValues`: the value of a code, an HMAC over its request
    authorization_codes.py   codes: `issuing`, `find`, `redeem` once
    refresh_tokens.py        families of refresh tokens: `issue`, `rotate`, and the grace for a lost answer
    exchanged_tokens.py      tokens that an API gets for the person who called it (RFC 8693)
    personal_tokens.py       personal access tokens: `create`, `find`, `revoke`
    personal_values.py       their text: prefix, random part, checksum
    session_tokens.py        access tokens of a session, given out again for a second
    access_tokens.py         our own access tokens, shown to us again: `AccessTokenReader`
    shown_tokens.py          a token of any kind that a client asks about or gives back: `find_token`
    dpop_proofs.py           `DPoPProofs`: proofs of the key that a token is bound to (RFC 9449)
    id_token_hints.py        ID tokens that come back as hints
    removed_access.py        removing an API or a scope, and taking it out of consents, grants and clients
    removed_roles.py         taking roles that an API no longer declares from accounts and clients
    issued_before.py         ending what was issued to accounts, while their sessions and grants live on
    last_uses.py             since when clients have access to an account, and when they last used it
    person_claims.py         what an account says about its person

A code is redeemed by one conditional UPDATE, so of two requests one gets tokens. A refresh token is `LOCATOR.SECRET`:
the locator finds the family's only row, and `standing_of` compares the secret: CURRENT is rotated, PARENT gets the same
successor again for a minute, SPENT is a replay, for which the token endpoint ends the grant
(endpoints/token/redemption.py). A new access token gets its index from `TokenStatus`; a holder that has just ended gets
none, and so no token.

Endpoints import all of it. Claims are made in oauth/, keys come from keys/.
"""
