"""Sessions: who is signed in, on which device, and until when.

    browser_sessions.py   the table `BrowserSession`, and everything that finds or ends one
    starting.py           `start_session`, `authenticate_again`, `prove_second_factor`
    proofs.py             `Proof`: how a person was authenticated; whether it is enough for their account
    sliding.py            a use prolongs a session
    listing.py            lists of live sessions
    device_names.py       "Firefox on Windows", out of a User-Agent header
    lifetimes.py          how long a session lives, and from when a use prolongs it

A request proves a session's handle (http/session_cookies.py); `find_live` reads the session and its account with one
indexed query. If it was last prolonged more than a day ago, `slid_expiry` says the new end, and `slide` stores it; of
several requests at once one succeeds. The absolute age is the limit.

Every end of a session (sign-out, revocation, expiry, a deleted account) goes through one function. It sets the
session's bits in the status lists, ends the grants that live with it, and records the event, in one transaction.

Here `BrowserSession` is the table; a plain `session` in the code is SQLAlchemy's. http/ and the endpoints import the
functions; tokens/ joins the table.
"""
