"""Limits: how often something may be tried or asked.

    budgets.py          the table of budgets in SQL: counting an attempt, and giving it back
    attempts.py         guesses at a password, counted per account and network, and per account
    code_attempts.py    codes of a second factor, counted in SQL per account
    mail_budgets.py     mails that anonymous callers cause, per address and per network
    clients.py          requests of an authenticated client to an endpoint, and its RateLimit fields
    documents.py        fetches of clients' metadata documents, counted per network, per host and in all
    devices.py          guesses at the codes that devices show
    networks.py         what public clients begin, per client and network: devices, pushed requests
    registrations.py    clients that register themselves, counted per network
    windows.py          `Window`, `QuotaPolicy`, and `OwnWindows`: one process's own count
    shared_windows.py   `SharedWindows`: the same count for all processes, in Redis
    redis_address.py    the address of Redis: one server, Sentinel or cluster, with or without TLS
    redis_clients.py    connections for each kind of address

Sign-in: signing_in/guessing.py calls `AttemptLimiter.take` before a password is hashed. One conditional statement
counts and decides, so parallel guesses cannot pass a budget. Per account and network five attempts are free (15 in an
IPv6 /56, 50 in a /48), then the wait doubles from one second to 15 minutes; `TooManyAttempts` says how long. Per
account 100 an hour are free, and a browser that has signed in to it before is not held. A success resets the first
budget and gives one attempt back to the second (`succeeded`).

Clients: http/client_requests.py calls `ClientLimits.spend` after the client is authenticated. With Redis all processes
count together; when Redis is away each process counts alone, and no request waits.

The gateway limits by address before any of this (gateway/README.md). Others import attempts.py, code_attempts.py,
mail_budgets.py and clients.py; settings/ imports `QuotaPolicy` and `parse_redis_url`. Redis itself is used only here.
"""
