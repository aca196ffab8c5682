"""Account events: what the issuer says about accounts (RFC 8935), such as that one is deleted.

    endpoint.py          POST /internal/events
    security_events.py   `read`: the claims of one event (RFC 8417), whose signature atjwt has verified

The issuer sends each event until it is acknowledged. endpoint.py verifies it, and todos/erasure.py erases the todos of
a deleted account, once per event. app.py and assembly.py import this room.
"""
