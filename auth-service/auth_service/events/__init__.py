"""Events about accounts (RFC 8417, RISC, CAEP) and logout tokens, sent to other services at least once.

    account_events.py   the outbox: `record_purged`, `record_disabled`, `record_sessions_revoked`
    logouts.py          `record_logouts`: one event for each client that was used in a session that ends
    deliveries.py       one row per event and receiver, kept until the receiver has acknowledged it, or for a week
    sender.py           `EventSender.send_due`: sign anew and post (RFC 8935, Back-Channel Logout)

A change of an account records its event in its own transaction, so neither can exist without the other. Every second
the worker distributes new events to the clients that registered an `event_endpoint`, sends the deliveries that are due,
and deletes each one that was acknowledged. A receiver that fails is tried again after 1, 2, 4 ... seconds, up to an
hour. A delivery may arrive twice, under the same `jti`.

accounts/ and sessions/ import the `record_` functions, commands/working.py imports `EventSender` for the worker, and
the command `events` lists and resends.
"""
