"""Grants: what a client was given by a person, the consent behind it, and requests that wait for that person.

    grants.py                   the table `Grant`: a session at a client. `Authorized`: the columns that a code and a
                                refresh token share
    own_grants.py               grants of devices and programs, which a person ends one by one
    status_of_grants.py         many grants at once: their status indexes, their deletion
    making.py                   the grant of a code, in statements that are sent together
    consents.py                 what a person agreed to, remembered per client and resource
    authorization_requests.py   requests to /oauth/authorize that wait for a sign-in or a consent
    request_answers.py          the answer to such a request by a code
    pushed_requests.py          such requests that a client has pushed, and their request_uri
    device_codes.py             what a device asks for, until a person has answered it (RFC 8628)
    user_codes.py               the short codes that people type, and their hashes
    logout_requests.py          requests to /oauth/logout that wait until the browser has come back

A code or a refresh token belongs to one grant, and each access token names it. Every way to end a grant (revocation,
reuse, withdrawn consent, end of the session, of the account, of the client) goes through one function of grants.py,
which also sets the grant's bits in the status lists, in the same transaction.

A stored request is named by a handle in the page's address and is bound to the browser that brought it. It is answered
once, in the transaction that issues its code or records the refusal, and then stays for the rest of its day.

Others import the functions of these files. The tables themselves are imported only where they are joined (tokens/) and
where expired rows are deleted (worker/).
"""
