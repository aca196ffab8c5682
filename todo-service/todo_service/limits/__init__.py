"""Limits: how many requests a person or a service may send, and how many costly ones run at once.

    subjects.py         `RateLimit`: one window per subject, and the RateLimit fields of the response
    turns.py            `Turns`: how many costly requests of a subject run at once, and how much of the time;
                        `Places`: how many pieces of such work run at once for everybody
    windows.py          `Window`, `QuotaPolicy`, and `OwnWindows`: one process's own count
    shared_windows.py   `SharedWindows`: the same count for all processes, in Redis
    redis_address.py    the address of Redis: one server, Sentinel or cluster, with or without TLS
    redis_clients.py    connections for each kind of address

After a token is verified, http/costs.py calls `RateLimit.spend` with its subject. Costly requests count as
several. With Redis all processes count together; while Redis does not answer, each process counts alone and no request
waits. A subject that has spent its quota gets 429 until its window ends.

The gateway limits by address before any of this (gateway/README.md). http/, telemetry/, assembly.py and the settings
import this room.
"""
