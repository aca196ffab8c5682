"""A todo API that verifies access tokens offline: a resource server for the issuer's tokens.

The files are sorted into folders, called rooms. Rooms stand on floors: a room imports only from rooms on lower floors,
and tests/test_architecture.py checks this. The `__init__` of a room says what is in it.

http/ receives a request. atjwt, a package of its own beside this one, verifies its token, and limits/ counts it. Then
todos/ reads or writes the rows that belong to the token's subject, through store/. ARCHITECTURE.md draws all rooms.
"""

FLOORS: tuple[tuple[str, ...], ...] = (
    ("store",),
    ("limits",),
    ("settings", "telemetry"),
    ("http",),
    ("todos",),
    ("account_events", "agents", "migrations", "verifier_reports", "web_application"),
    ("assembly",),
    ("app",),
    ("commands",),
    ("__main__",),
)
