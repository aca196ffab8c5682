"""An OAuth 2.1 / OpenID Connect provider that also speaks the Better Auth protocol.

Its files live in rooms, and the rooms stand on floors: a room imports only from rooms on lower floors. Each room's
`__init__` is its door: it says what lives there. tests/test_architecture.py checks the order.

A request arrives in endpoints/ (serving/routes.py lists them all). Passwords are checked in signing_in/, what a client
was given is in grants/, what it holds is issued in tokens/, signed by keys/, and revoked through status_lists/. The
protocol itself is oauth/: values and pure functions. ARCHITECTURE.md draws all rooms.
"""

FLOORS: tuple[tuple[str, ...], ...] = (
    ("oauth", "store", "sealed", "network"),
    ("limits", "keys", "telemetry", "resources"),
    ("status_lists", "settings", "audit"),
    ("grants", "roles"),
    ("clients",),
    ("events", "mail"),
    ("accounts",),
    ("sessions",),
    ("tokens",),
    ("http", "migrations"),
    ("signing_in", "worker"),
    ("endpoints",),
    ("serving",),
    ("assembly",),
    ("app",),
    ("commands",),
    ("__main__",),
)
